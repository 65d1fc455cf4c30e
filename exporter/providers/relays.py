"""Pure. Gateways to other vendors' models, and clouds: their model lists are often public and prove nothing.

Source: the vendors' references; balances are in USD unless a field says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from exporter.model import CredentialKind
from exporter.outcome import Balance, Quota
from exporter.outcome import ProbeStatus as P
from exporter.providers.fields import after, at_any, at_iso, get, number, ratio, share, text
from exporter.providers.row import (
    MINUTE,
    Auth,
    Call,
    Deep,
    ErrorShape,
    Facts,
    Headers,
    Judgement,
    Provider,
    Purpose,
    SeesBilling,
    Shape,
    rule,
)  # fmt: skip


def read_venice(document: object, now: datetime) -> Facts:
    """`canConsume` false stops everything; balances in USD and DIEM."""
    data = get(document, "data") if get(document, "balances") is None else document
    balances = []
    for field, currency in (("usd", "USD"), ("diem", "DIEM")):
        amount = number(get(data, "balances", field))
        if amount is not None:
            balances.append(Balance(currency, amount))
    return Facts(Judgement(P.BILLING, "balance") if get(data, "canConsume") is False else None, balances=tuple(balances))


def read_vercel(document: object, now: datetime) -> Facts:
    """A balance of nothing refuses every paid model."""
    left = number(get(document, "balance"))
    if left is None:
        return Facts()
    return Facts(Judgement(P.BILLING, "balance") if left <= 0 else None, balances=(Balance("USD", left),))


def read_balance(document: object, now: datetime) -> Facts:
    """A balance beside which free models or a subscription may go on: never a judgement."""
    left = number(get(document, "balance"))
    return Facts(balances=() if left is None else (Balance("USD", left),))


def read_deepinfra(document: object, now: datetime) -> Facts:
    """Stripe's sign: negative is credit; the running month's cost is still to be taken off."""
    balance, recent = number(get(document, "stripe_balance")), number(get(document, "recent"))
    suspended = get(document, "suspended") is True
    left = () if balance is None else (Balance("USD", -(balance + (recent or 0.0))),)
    return Facts(Judgement(P.BILLING, "overdue") if suspended else None, balances=left)


def read_synthetic(document: object, now: datetime) -> Facts:
    """Requests of the subscription, hourly searches, and the rolling windows."""
    return Facts(quotas=tuple(_synthetic(document)))


def _synthetic(document: object) -> Iterator[Quota]:
    for name, row in (("subscription", get(document, "subscription")), ("search_1h", get(document, "search", "hourly"))):
        used = share(get(row, "requests"), get(row, "limit"))
        if used is not None:
            yield Quota(name, used, at_any(get(row, "renewsAt")))
    rolling = get(document, "rollingFiveHourLimit")
    left = share(get(rolling, "remaining"), get(rolling, "max"))
    if left is not None:
        yield Quota("5h", max(0.0, 1 - left), at_any(get(rolling, "nextTickAt")))
    weekly = number(get(document, "weeklyTokenLimit", "percentRemaining"))
    if weekly is not None:
        yield Quota("7d", max(0.0, 1 - weekly / 100), at_any(get(document, "weeklyTokenLimit", "nextRegenAt")))


def read_opencode(document: object, now: datetime) -> Facts:
    """Percentages used, resets in seconds from now."""
    quotas = []
    for field, window in (("rollingUsage", "5h"), ("weeklyUsage", "7d"), ("monthlyUsage", "month")):
        used = ratio(get(document, field, "usagePercent"))
        if used is not None:
            quotas.append(Quota(window, used, after(now, number(get(document, field, "resetInSec")))))
    return Facts(quotas=tuple(quotas))


def read_clawrouter(document: object, now: datetime) -> Facts:
    """A budget in micro-dollars."""
    limit, spent = number(get(document, "budget", "limitMicros")), number(get(document, "budget", "spentMicros"))
    used = share(spent, limit)
    if used is None or limit is None or spent is None or get(document, "budget", "configured") is False:
        return Facts()
    window = text(get(document, "budget", "windowKey"))[:30] or "budget"
    over = Judgement(P.BILLING, "spend_cap") if used >= 1 else None
    return Facts(over, (Quota("budget" if any(c.isdigit() for c in window) else window, used),), (Balance("USD", (limit - spent) / 1e6),))


def read_cloudflare(document: object, now: datetime) -> Facts:
    """A token verifies as active, disabled or expired."""
    state = text(get(document, "result", "status"))
    judgement = Judgement(P.AUTH, state) if state in ("disabled", "expired") else None
    return Facts(judgement, expires_at=at_iso(get(document, "result", "expires_on")))


_OPENCODE_RULES = (
    rule(P.BILLING, "balance", codes="creditserror"),
    rule(P.BILLING, "spend_cap", codes="monthlylimiterror userlimiterror"),
    rule(P.AUTH, "invalid", codes="autherror"),
    rule(P.RATE_LIMIT, "window", codes="gousagelimiterror freeusagelimiterror"),
    rule(P.RATE_LIMIT, "burst", codes="ratelimiterror"),
    rule(P.MODEL_NOT_FOUND, "", codes="modelerror"),
)
_CLOUDFLARE_RULES = (
    rule(P.RATE_LIMIT, "daily", codes="4006 3036", resets="day"),
    rule(P.OVERLOADED, "capacity", codes="3040"),
    rule(P.RATE_LIMIT, "burst", codes="971"),
    rule(P.AUTH, "scope", codes="10000", purpose=Purpose.DEEP),
    rule(P.AUTH, "scope", codes="10000", purpose=Purpose.USAGE),
    rule(P.AUTH, "invalid", codes="10000 1000 6003 6111 9109"),
    rule(P.MODEL_NOT_FOUND, "", codes="5007 7000 7003"),
)
_VENICE_RULES = (
    rule(P.BILLING, "plan", 401, codes="authentication_failed_pro_only_model pro_only_model"),
    rule(P.BILLING, "plan", 401, text=r"pro[_ -]only"),
    rule(P.AUTH, "disabled", codes="authentication_failed_inactive_key api_access_disabled"),
)
_AZURE_RULES = (
    rule(P.AUTH, "scope", 401, codes="permissiondenied"),
    rule(P.AUTH, "disabled", 403, text=r"temporarily blocked|subscription (is |has been )?disabled"),
    rule(P.NETWORK, "acl", 403, text=r"public access is disabled|firewall|virtual network|private endpoint"),
    rule(P.OVERLOADED, "capacity", 429, text=r"high demand|temporarily unable"),
    rule(P.AUTH, "invalid", 401, text=r"invalid subscription key"),
)
# a token of a person and one that an account owns are verified at different addresses, and nothing in it tells which it is
_CF_VERIFY = Call(
    "/client/v4/user/tokens/verify", origin=True, shape=("result", "success"), either="/client/v4/accounts/{account}/tokens/verify"
)

ROWS = (
    Provider(
        id="venice",
        ids=("venice",),
        base_url="https://api.venice.ai/api/v1",
        light=Call("/billing/balance", shape=("balances", "canConsume", "data")),
        sees_billing=SeesBilling.YES,
        deep=Deep(models=("llama-3.2-3b",)),
        errors=ErrorShape.ERROR_TEXT,
        headers=(Headers.VENICE,),
        keys=(r"vapi_.+", r"VENICE_.+"),
        rules=_VENICE_RULES,
        facts=read_venice,
    ),
    Provider(
        id="vercel-ai-gateway",
        ids=("vercel-ai-gateway", "vercel"),
        base_url="https://ai-gateway.vercel.sh",
        light=Call("/v1/credits", shape=("balance",), strip=("/v1",)),
        sees_billing=SeesBilling.YES,
        deep=Deep(models=("openai/gpt-5-nano", "meta/llama-3.1-8b"), path="/v1/chat/completions", strip=("/v1",)),
        keys=(r"vck_.+",),
        facts=read_vercel,
    ),
    Provider(
        id="cloudflare-ai-gateway",
        ids=("cloudflare-ai-gateway",),
        base_url="https://gateway.ai.cloudflare.com/v1/{account}/{gateway}",
        no_light="the gateway has no free request; check the upstream provider's key",
        errors=ErrorShape.CLOUDFLARE,
        rules=_CLOUDFLARE_RULES,
    ),
    Provider(
        id="workers-ai",
        ids=("workers-ai", "cloudflare", "cloudflare-workers-ai"),
        base_url="https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1",
        light=_CF_VERIFY,
        deep=Deep(models=("@cf/meta/llama-3.2-1b-instruct", "@cf/meta/llama-3.1-8b-instruct")),
        errors=ErrorShape.CLOUDFLARE,
        keys=(r"[\w-]{40}", r"cf[ua]t_.+"),
        rules=_CLOUDFLARE_RULES,
        facts=read_cloudflare,
    ),
    Provider(
        id="azure-openai",
        ids=("azure-openai", "microsoft-foundry", "azure", "azure-openai-responses"),
        base_url="",  # every resource has its own host
        light=Call("/openai/v1/models", auth=Auth.API_KEY, shape=("data",), strip=("/openai/v1", "/openai")),
        deep=Deep(path="/openai/v1/chat/completions", auth=Auth.API_KEY, strip=("/openai/v1", "/openai")),
        headers=(Headers.OPENAI,),
        keys=(r"[0-9a-f]{32}", r"[A-Za-z0-9]{84}"),
        kinds=frozenset({CredentialKind.API_KEY}),
        rules=_AZURE_RULES,
    ),
    Provider(
        id="azure-openai-entra",
        ids=("azure-openai", "microsoft-foundry", "azure"),
        base_url="",
        light=Call("/openai/v1/models", shape=("data",), strip=("/openai/v1", "/openai")),
        deep=Deep(path="/openai/v1/chat/completions", strip=("/openai/v1", "/openai")),
        headers=(Headers.OPENAI,),
        keys=(r"eyJ[\w-]+\.[\w-]+\.[\w-]+",),
        kinds=frozenset({CredentialKind.TOKEN, CredentialKind.OAUTH}),
        rules=_AZURE_RULES,
    ),
    Provider(
        id="chutes",
        ids=("chutes",),
        base_url="https://llm.chutes.ai/v1",
        light=Call("https://api.chutes.ai/users/me", shape=("balance", "username", "user_id"), every=10 * MINUTE),
        sees_billing=SeesBilling.YES,
        deep=Deep(models=("unsloth/Llama-3.2-1B-Instruct",)),
        errors=ErrorShape.DETAIL,
        keys=(r"cpk_.+",),
        rules=(rule(P.BILLING, "balance", 402),),
        facts=read_balance,
    ),
    Provider(
        id="synthetic",
        ids=("synthetic",),
        base_url="https://api.synthetic.new/anthropic",
        regions=("https://api.synthetic.new/openai/v1",),
        light=Call(
            "/v2/quotas",
            shape=("subscription", "rollingFiveHourLimit", "weeklyTokenLimit"),
            strip=("/anthropic/v1", "/anthropic", "/openai/v1"),
            every=10 * MINUTE,
        ),
        sees_billing=SeesBilling.PARTLY,
        deep=Deep(Shape.OPENAI_CHAT, (), "/openai/v1/chat/completions", manual=True, strip=("/anthropic/v1", "/anthropic", "/openai/v1")),
        keys=(r"syn_.+",),
        facts=read_synthetic,
        subscription=True,
    ),
    Provider(
        id="opencode-go",
        ids=("opencode-go", "opencode-go-auth"),
        base_url="https://opencode.ai/zen/go/v1",
        light=Call("/usage", shape=("rollingUsage", "weeklyUsage"), every=10 * MINUTE),
        sees_billing=SeesBilling.PARTLY,
        deep=Deep(manual=True),
        errors=ErrorShape.ANTHROPIC,
        rules=_OPENCODE_RULES,
        facts=read_opencode,
        subscription=True,
    ),
    Provider(
        id="opencode",
        ids=("opencode", "opencode-zen"),
        base_url="https://opencode.ai/zen/v1",
        no_light="Zen's model list is public and it has no other free request",
        deep=Deep(models=("gpt-5-nano",)),
        errors=ErrorShape.ANTHROPIC,
        rules=_OPENCODE_RULES,
    ),
    Provider(
        id="kilocode",
        ids=("kilocode", "kilo"),
        base_url="https://api.kilo.ai/api/gateway",
        light=Call("/api/profile/balance", shape=("balance",), strip=("/api/gateway", "/api/openrouter")),
        sees_billing=SeesBilling.YES,
        deep=Deep(models=("kilo-auto/free",)),
        facts=read_balance,
    ),
    Provider(
        id="clawrouter",
        ids=("clawrouter",),
        base_url="",
        light=Call("/v1/usage", shape=("budget",), strip=("/v1",)),
        sees_billing=SeesBilling.YES,
        deep=Deep(manual=True),
        facts=read_clawrouter,
    ),
    Provider(
        id="deepinfra",
        ids=("deepinfra",),
        base_url="https://api.deepinfra.com/v1/openai",
        light=Call("/payment/checklist?compute_owed=true", shape=("stripe_balance", "email"), strip=("/v1/openai", "/v1")),
        sees_billing=SeesBilling.YES,
        deep=Deep(models=("meta-llama/Meta-Llama-3.1-8B-Instruct",)),
        errors=ErrorShape.DETAIL,
        facts=read_deepinfra,
    ),
)
