"""Pure. Laboratories and hosts of open models that serve their own API.

Source: each vendor's API reference and error pages.
"""

from __future__ import annotations

from datetime import datetime

from exporter.model import CredentialKind
from exporter.outcome import Balance
from exporter.outcome import ProbeStatus as P
from exporter.providers.fields import get, items, number, text
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
    Validates,
    rule,
)

_LIST = ("data", "object")
_MODELS = Call("/models", shape=_LIST)

_OPENAI_RULES = (
    rule(
        P.OK,
        "scope_limited",
        401,
        403,
        text=r"missing scopes?:? ?.{0,20}api\.model\.read|insufficient permissions.{0,200}api\.model\.read",
        purpose=Purpose.LIGHT,
    ),
    rule(P.AUTH, "scope", 401, 403, text=r"missing scopes?|insufficient permissions for this operation"),
    rule(P.BILLING, "balance", codes="insufficient_quota credit_balance_exhausted"),
    rule(P.BILLING, "spend_cap", codes="organization_spend_limit_exceeded project_spend_limit_exceeded organization_usage_limit_exceeded"),
    rule(P.BILLING, "overdue", text=r"account is not active, please check your billing|billing_not_active"),
    rule(P.AUTH, "disabled", 401, 403, codes="account_deactivated"),
    rule(P.AUTH, "disabled", 401, 403, text=r"deactivated"),
    rule(P.AUTH, "scope", 401, text=r"must be a member of an organization"),
    rule(P.AUTH, "ip", 401, 403, text=r"\bip\b.{0,60}not authori[sz]ed|ip address"),
    rule(P.AUTH, "region", 403, text=r"country, region, or territory|unsupported_country"),
    rule(P.RATE_LIMIT, "burst", 429, 503, codes="slow_down"),
)


def read_deepseek(document: object, now: datetime) -> Facts:
    """Balances as decimal texts, by currency; `is_available` false means that nothing can be paid."""
    balances = []
    for entry in items(get(document, "balance_infos"))[:6]:
        amount, currency = number(get(entry, "total_balance")), text(get(entry, "currency")).upper()
        if amount is not None and currency:
            balances.append(Balance(currency[:8], amount))
    empty = get(document, "is_available") is False
    return Facts(Judgement(P.BILLING, "balance") if empty else None, balances=tuple(balances))


def read_cohere(document: object, now: datetime) -> Facts:
    """`valid` false in a 200 is a refusal."""
    return Facts(Judgement(P.AUTH, "invalid")) if get(document, "valid") is False else Facts()


ROWS = (
    Provider(
        id="openai",
        ids=("openai",),
        base_url="https://api.openai.com/v1",
        light=_MODELS,
        deep=Deep(models=("gpt-5.4-nano", "gpt-5-nano", "gpt-4.1-nano", "gpt-4o-mini")),
        headers=(Headers.OPENAI,),
        keys=(r"sk-(proj|svcacct|service|admin)-.+", r"sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"),
        kinds=frozenset({CredentialKind.API_KEY}),
        rules=_OPENAI_RULES,
    ),
    Provider(
        id="groq",
        ids=("groq",),
        base_url="https://api.groq.com/openai/v1",
        light=_MODELS,
        deep=Deep(models=("llama-3.1-8b-instant",)),
        headers=(Headers.GROQ,),
        keys=(r"gsk_\w{52}",),
        rules=(
            rule(P.AUTH, "disabled", codes="organization_restricted"),
            rule(P.AUTH, "disabled", 400, 403, text=r"organization_restricted|organization has been restricted"),
            rule(P.BILLING, "spend_cap", codes="blocked_api_access"),
            rule(P.RATE_LIMIT, "burst", 413),
            rule(P.OVERLOADED, "capacity", 498),
        ),
    ),
    Provider(
        id="mistral",
        ids=("mistral",),
        base_url="https://api.mistral.ai/v1",
        light=_MODELS,
        deep=Deep(models=("ministral-3b-latest", "ministral-8b-latest", "mistral-small-latest")),
        errors=ErrorShape.FLAT,
        headers=(Headers.MISTRAL,),
        rules=(
            rule(P.BILLING, "spend_cap", 429, text=r"spend(ing)? limit|monthly usage limit|workspace.{0,40}usage limit", resets="month"),
        ),
    ),
    Provider(
        id="deepseek",
        ids=("deepseek",),
        base_url="https://api.deepseek.com",
        light=Call("/user/balance", shape=("is_available", "balance_infos"), strip=("/v1", "/beta", "/anthropic")),
        sees_billing=SeesBilling.YES,
        deep=Deep(models=("deepseek-v4-flash", "deepseek-chat", "deepseek-v4-pro"), strip=("/anthropic",)),
        keys=(r"sk-[0-9a-f]{32}",),
        rules=(rule(P.BILLING, "balance", text=r"insufficient balance"), rule(P.AUTH, "invalid", 401)),
        facts=read_deepseek,
    ),
    Provider(
        id="together",
        ids=("together", "together-ai", "togetherai"),
        base_url="https://api.together.xyz/v1",
        light=Call("/models", shape=("[]", "data")),
        deep=Deep(models=("meta-llama/Llama-3.2-3B-Instruct-Turbo", "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo")),
        headers=(Headers.TOGETHER,),
        keys=(r"tgp_v1_.+", r"[0-9a-f]{64}"),
        rules=(
            rule(P.RATE_LIMIT, "burst", 429, codes="credit_limit"),
            rule(P.RATE_LIMIT, "burst", 429, text=r"credit_limit|concurrency limit"),
            rule(P.AUTH, "invalid", 403, codes="invalid_api_key"),
            rule(P.FORMAT, "context", 403),
        ),
    ),
    Provider(
        id="fireworks",
        ids=("fireworks", "fireworks-ai"),
        base_url="https://api.fireworks.ai/inference/v1",
        light=_MODELS,
        deep=Deep(models=("accounts/fireworks/models/llama-v3p1-8b-instruct",)),
        headers=(Headers.FIREWORKS,),
        keys=(r"(fw|fpk)_.+",),
        rules=(
            rule(P.BILLING, "overdue", 412),
            rule(P.AUTH, "invalid", 401, 403, text=r"api key|unauthori[sz]ed|unauthenticated|forbidden"),
        ),
    ),
    Provider(
        id="cerebras",
        ids=("cerebras",),
        base_url="https://api.cerebras.ai/v1",
        light=_MODELS,
        deep=Deep(models=("llama3.1-8b",)),
        errors=ErrorShape.FLAT,
        headers=(Headers.CEREBRAS,),
        keys=(r"csk-.+",),
        rules=(
            rule(P.OVERLOADED, "capacity", codes="queue_exceeded"),
            rule(P.RATE_LIMIT, "burst", codes="token_quota_exceeded request_quota_exceeded"),
        ),
    ),
    Provider(
        id="perplexity",
        ids=("perplexity",),
        base_url="https://api.perplexity.ai",
        light=Call("/v1/models", shape=_LIST, strip=("/v1",)),
        validates=Validates.UNPROVEN,
        deep=Deep(models=("sonar",), manual=True),
        keys=(r"pplx-\w{40,}",),
        rules=(
            rule(P.BILLING, "balance", 401, 402, text=r"insufficient (credits|quota)|exceeded your .{0,40}quota"),
            rule(P.MODEL_NOT_FOUND, "", 400, codes="invalid_model"),
        ),
    ),
    Provider(
        id="cohere",
        ids=("cohere",),
        base_url="https://api.cohere.com",
        regions=("https://api.cohere.ai",),
        light=Call("/v1/check-api-key", "POST", shape=("valid",), strip=("/compatibility/v1", "/v1", "/v2")),
        deep=Deep(Shape.COHERE, ("command-r7b-12-2024",), "/v2/chat", strip=("/compatibility/v1", "/v1", "/v2")),
        errors=ErrorShape.FLAT,
        headers=(Headers.COHERE,),
        rules=(
            rule(P.AUTH, "expired", 401, text=r"api key has expired"),
            rule(P.AUTH, "missing", 401, text=r"no api key supplied"),
            rule(P.BILLING, "spend_cap", text=r"maximum billing reached"),
            rule(P.BILLING, "balance", 402),
            rule(P.AUTH, "invalid", 498),
            rule(P.RATE_LIMIT, "window", 429, text=r"per month|calls / month|monthly"),
        ),
        facts=read_cohere,
    ),
    Provider(
        id="nvidia",
        ids=("nvidia", "nim"),
        base_url="https://integrate.api.nvidia.com/v1",
        light=Call("https://api.ngc.nvidia.com/v3/keys/get-caller-info", "POST", Auth.FORM_CREDENTIALS),
        deep=Deep(models=("meta/llama-3.1-8b-instruct",)),
        errors=ErrorShape.FLAT,
        keys=(r"nvapi-[\w-]{64}",),
        rules=(
            rule(P.MODEL_NOT_FOUND, "", 404, text=r"function.{0,120}not found for account"),
            rule(P.AUTH, "invalid", 401, text=r"authentication failed"),
            rule(P.AUTH, "scope", 403, text=r"authorization failed"),  # also what a refused User-Agent gets
        ),
    ),
    Provider(
        id="huggingface",
        ids=("huggingface", "hf"),
        base_url="https://router.huggingface.co/v1",
        light=Call("https://huggingface.co/api/whoami-v2", shape=("name", "auth"), every=30 * MINUTE, at_least=30 * MINUTE),
        deep=Deep(models=("meta-llama/Llama-3.1-8B-Instruct",)),
        errors=ErrorShape.ERROR_TEXT,
        headers=(Headers.IETF,),
        keys=(r"hf_\w{34}", r"api_org_\w{34}"),
        rules=(
            rule(P.BILLING, "balance", 402),
            rule(P.AUTH, "invalid", 401),
            rule(P.AUTH, "scope", 403),
        ),
    ),
)
