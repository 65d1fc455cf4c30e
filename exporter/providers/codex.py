"""Pure. ChatGPT/Codex logins: asked through the usage endpoint, behind a web firewall that answers odd clients with HTML.

Source: public clients of `wham/usage` (OpenClaw, CodexBar, onWatch). Never POST to the reset-credits endpoint: it spends one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from exporter.model import CredentialKind
from exporter.outcome import Balance, Quota
from exporter.outcome import ProbeStatus as P
from exporter.providers.fields import after, at_seconds, get, items, number, ratio, text
from exporter.providers.limits import window_name
from exporter.providers.row import MINUTE, Call, Deep, Facts, Headers, Judgement, Provider, SeesBilling, Shape, rule

RULES = (
    rule(P.AUTH, "disabled", codes="deactivated_workspace"),
    rule(P.AUTH, "revoked", codes="token_invalidated token_revoked"),
    rule(P.AUTH, "expired", codes="token_expired"),
    rule(P.BILLING, "plan", codes="usage_not_included"),
    rule(P.BILLING, "balance", text=r"credits_depleted"),
    rule(P.RATE_LIMIT, "window", codes="usage_limit_reached"),
    rule(P.MODEL_NOT_FOUND, "", text=r"not supported when using codex with a chatgpt account"),
)


def read_usage(document: object, now: datetime) -> Facts:
    """Windows and credits of `wham/usage`: percentages 0–100, resets in Unix seconds; windows are named by their length."""
    limit = get(document, "rate_limit")
    quotas = [*_windows(limit, "", now), *_windows(get(document, "code_review_rate_limit"), "code_review", now)]
    for extra in items(get(document, "additional_rate_limits"))[:10]:
        quotas += _windows(get(extra, "rate_limit"), _name(get(extra, "limit_name")), now)
    balance = number(get(document, "credits", "balance"))
    known = balance is not None and get(document, "credits", "unlimited") is not True
    return Facts(
        judgement=_judgement(document, limit, tuple(_windows(limit, "", now))),
        quotas=tuple(quotas[:24]),
        balances=(Balance("credits", balance),) if known and balance is not None else (),
    )


def _windows(limit: object, family: str, now: datetime) -> Iterator[Quota]:
    for slot in ("primary_window", "secondary_window"):
        window = get(limit, slot)
        used = ratio(get(window, "used_percent"))
        if used is None:
            continue
        length = window_name(number(get(window, "limit_window_seconds"))) or slot.removesuffix("_window")
        reset = at_seconds(get(window, "reset_at")) or after(now, number(get(window, "reset_after_seconds")))
        yield Quota(f"{family}_{length}".strip("_"), used, reset)


def _judgement(document: object, limit: object, windows: tuple[Quota, ...]) -> Judgement | None:
    reached = text(get(document, "rate_limit_reached_type", "type")) or text(get(document, "rate_limit_reached_type"))
    if "credits_depleted" in reached:
        return Judgement(P.BILLING, "balance")
    if get(limit, "limit_reached") is True or get(limit, "allowed") is False:
        full = [window.reset_at for window in windows if (window.used or 0) >= 1 and window.reset_at is not None]
        return Judgement(P.RATE_LIMIT, "window", max(full, default=None))
    return None


def _name(value: object) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in text(value).lower())[:30]


ROWS = (
    Provider(
        id="openai-chatgpt",
        ids=("openai", "openai-codex", "codex", "chatgpt"),
        base_url="https://chatgpt.com/backend-api",
        light=Call(
            "/wham/usage",
            shape=("rate_limit", "plan_type"),
            strip=("/codex", "/codex/v1"),
            every=10 * MINUTE,
            at_least=5 * MINUTE,
            fallback="/codex/usage",
        ),
        sees_billing=SeesBilling.YES,
        deep=Deep(Shape.OPENAI_RESPONSES, (), "/codex/responses", manual=True, strip=("/codex", "/codex/v1")),
        headers=(Headers.CODEX,),
        keys=(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", r"at-.+"),
        kinds=frozenset({CredentialKind.OAUTH, CredentialKind.TOKEN}),
        rules=RULES,
        facts=read_usage,
        subscription=True,
    ),
)
