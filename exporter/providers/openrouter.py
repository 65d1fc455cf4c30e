"""Pure. OpenRouter: the key-info endpoint shows budget and expiry; the model list is public and proves nothing.

Source: OpenRouter's limits, errors and key-budget pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from exporter.outcome import Balance, Quota
from exporter.outcome import ProbeStatus as P
from exporter.providers.fields import at_any, get, items, number, share, text
from exporter.providers.row import MINUTE, Call, Deep, Facts, Headers, Judgement, Provider, Purpose, SeesBilling, rule

RULES = (
    rule(P.RATE_LIMIT, "burst", codes="openrouter_in_flight_budget"),
    rule(P.RATE_LIMIT, "burst", 402, text=r"openrouter_in_flight_budget"),
    rule(P.BILLING, "spend_cap", 402, codes="openrouter_key_limit"),
    rule(P.BILLING, "spend_cap", 402, text=r"openrouter_key_limit"),
    rule(P.BILLING, "balance", 402),
    rule(P.BILLING, "spend_cap", 403, codes="openrouter_guardrail_budget openrouter_workspace_budget openrouter_key_limit"),
    rule(P.BILLING, "spend_cap", 403, text=r"key limit exceeded|_budget\b|openrouter_key_limit"),
    rule(P.OK, "scope_limited", 403, text=r"only management keys", purpose=Purpose.LIGHT),
    rule(P.AUTH, "scope", 403, text=r"only management keys"),
    rule(P.FORMAT, "content", 403, text=r"moderation|guardrail|flagged"),
    rule(P.AUTH, "invalid", 401),
    rule(P.RATE_LIMIT, "daily", 429, text=r"free-models-per-day", resets="day"),
    rule(P.RATE_LIMIT, "burst", 429, text=r"free-models-per-min"),
    rule(P.MODEL_NOT_FOUND, "", 404, text=r"no endpoints found|privacy|data policy"),
    rule(P.OVERLOADED, "capacity", 502, 503),
    rule(P.OVERLOADED, "capacity", codes="provider_unavailable"),
)


def read_key(document: object, now: datetime) -> Facts:
    """Budget of the key in USD (a null limit is no cap), its layers, and its expiry."""
    data = get(document, "data")
    left, cap = number(get(data, "limit_remaining")), number(get(data, "limit"))
    used = number(get(data, "usage")) if left is None else (cap - left if cap is not None else None)
    quotas = list(_layers(data))
    ratio = share(used, cap)
    if ratio is not None:
        period = text(get(data, "limit_reset")) or "total"
        quotas.insert(0, Quota(period, ratio))
    total, spent = number(get(data, "total_credits")), number(get(data, "total_usage"))
    balance = total - spent if total is not None and spent is not None else left
    return Facts(
        Judgement(P.BILLING, "spend_cap") if left is not None and left <= 0 and cap is not None and cap > 0 else None,
        tuple(quotas[:12]),
        () if balance is None else (Balance("USD", balance),),
        at_any(get(data, "expires_at")),
    )


def _layers(data: object) -> Iterator[Quota]:
    layers = [*items(get(data, "budgets")), *items(get(data, "budget_layers")), *items(get(data, "effective_budget", "layers"))]
    single = get(data, "effective_budget")
    for layer in [*layers, single] if get(single, "limit_usd") is not None else layers:
        used = share(get(layer, "spend_usd"), get(layer, "limit_usd"))
        if used is not None:
            words = [text(get(layer, "scope")), text(get(layer, "reset_interval"))]
            yield Quota("_".join(word for word in words if word)[:40] or "budget", used, at_any(get(layer, "resets_at")))


ROWS = (
    Provider(
        id="openrouter",
        ids=("openrouter",),
        base_url="https://openrouter.ai/api/v1",
        light=Call("/key", shape=("data",), every=15 * MINUTE, at_least=MINUTE),
        sees_billing=SeesBilling.PARTLY,
        deep=Deep(models=("meta-llama/llama-3.1-8b-instruct", "mistralai/mistral-nemo")),
        usage=(Call("/credits", shape=("data",), at_least=MINUTE, named=True),),
        headers=(Headers.OPENROUTER,),
        keys=(r"sk-or-v1-[0-9a-f]{64}",),
        rules=RULES,
        facts=read_key,
    ),
)
