"""Pure. Anthropic: API keys, and subscription tokens (logins and setup-tokens), which only rare requests may touch.

Source: Anthropic's errors, rate-limits and admin pages; public reports of the subscription endpoints (anthropics/claude-code,
openclaw/openclaw#143419).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from exporter.model import CredentialKind
from exporter.outcome import Balance, Quota
from exporter.outcome import ProbeStatus as P
from exporter.providers.fields import at_iso, get, items, number, ratio, text
from exporter.providers.row import HOUR, MINUTE, Auth, Call, Deep, ErrorShape, Facts, Headers, Provider, Purpose, SeesBilling, Shape, rule

VERSION = ("anthropic-version", "2023-06-01")
OAUTH_BETA = ("anthropic-beta", "oauth-2025-04-20")
_WINDOWS = {"five_hour": "5h", "seven_day": "7d", "session": "5h", "weekly_all": "7d"}

_SCOPE = r"does not meet scope requirement|oauth_scope_insufficient|user:profile"

RULES = (
    rule(P.FORMAT, "cors", 401, text=r"^cors requests are not allowed"),
    rule(P.FORMAT, "auth_form", text=r"oauth authentication is currently not supported"),
    rule(P.RATE_LIMIT, "endpoint", 429, purpose=Purpose.USAGE),
    rule(P.OVERLOADED, "capacity", 529),
    rule(P.OVERLOADED, "capacity", 503),
    rule(P.BILLING, "spend_cap", codes="enforced_spend_limit_reached", resets="month"),
    rule(P.BILLING, "spend_cap", text=r"enforced_spend_limit_reached", resets="month"),
    rule(P.BILLING, "balance", text=r"credit balance is too low"),
    rule(P.BILLING, "spend_cap", text=r"reached your specified.{0,80}API usage limits"),
    rule(P.BILLING, "plan", text=r"out of extra usage|draw from your extra usage|extra usage is required"),
    rule(P.BILLING, "spend_cap", text=r"(hit|reached) your monthly spend(ing)? limit"),
    rule(P.AUTH, "disabled", text=r"organization has been disabled|disabled claude subscription access"),
    rule(P.AUTH, "revoked", text=r"token has been revoked"),
    rule(P.AUTH, "expired", text=r"oauth token has expired"),
    rule(P.OK, "scope_limited", 403, text=_SCOPE, purpose=Purpose.LIGHT),
    rule(P.OK, "scope_limited", 403, text=_SCOPE, purpose=Purpose.USAGE),
    rule(P.AUTH, "client_restricted", text=r"only authorized for use with claude code"),
)

_BARE_ERROR = rule(P.AUTH, "client_restricted", 400, codes="invalid_request_error", text=r"^error ", purpose=Purpose.DEEP)
_SETUP_TOKEN_RULES = (rule(P.RATE_LIMIT, "endpoint", 429, purpose=Purpose.LIGHT), *RULES, _BARE_ERROR)
_LOGIN_RULES = (
    *RULES,
    _BARE_ERROR,
    # whether the model list takes a login is disputed: only an explicit word counts against the token
    rule(P.UNKNOWN, "inconclusive", 400, 401, 403, 404, purpose=Purpose.LIGHT),
)


def read_usage(document: object, now: datetime) -> Facts:
    """Plan windows of `/api/oauth/usage`: percentages 0–100; `limits[]` is the newer form of the same windows; money in cents."""
    listed = tuple(_listed(document))
    windows = listed or tuple(_named(document))
    extra = get(document, "extra_usage")
    used, limit = number(get(extra, "used_credits")), number(get(extra, "monthly_limit"))
    if get(extra, "is_enabled") is True and used is not None and limit:
        left = Balance(text(get(extra, "currency")).upper() or "USD", (limit - used) / 100)
        return Facts(quotas=(*windows, Quota("overage", max(0.0, used / limit))), balances=(left,))
    return Facts(quotas=windows)


def _named(document: object) -> Iterator[Quota]:
    if not isinstance(document, dict):
        return
    for name, window in list(document.items())[:40]:
        used = ratio(get(window, "utilization"))
        if used is None or name in ("extra_usage", "spend"):
            continue
        yield Quota(_window(str(name)), used, at_iso(get(window, "resets_at")))


def _listed(document: object) -> Iterator[Quota]:
    for entry in items(get(document, "limits"))[:20]:
        used = ratio(get(entry, "percent"))
        kind = text(get(entry, "kind")) or text(get(entry, "group"))
        if used is None or not kind:
            continue
        model = text(get(entry, "scope", "model", "display_name")) or text(get(entry, "scope", "model", "id"))
        name = _window(kind) + (f"_{model.lower()}" if model else "")
        yield Quota(name.replace(" ", "_").replace("-", "_")[:40], used, at_iso(get(entry, "resets_at")))


def _window(name: str) -> str:
    for long, short in _WINDOWS.items():
        if name == long or name.startswith(long + "_"):
            return short + name.removeprefix(long)
    return name[:40]


_MODELS = ("claude-haiku-4-5", "claude-3-5-haiku-latest")
_BEARER = (VERSION, OAUTH_BETA)
_WINDOWS_SHAPE = ("five_hour", "seven_day", "limits")
_LIST = Call("/v1/models?limit=1", auth=Auth.X_API_KEY, headers=(VERSION,), shape=("data",), strip=("/v1",))
_HAIKU = Deep(Shape.ANTHROPIC, ("claude-haiku-4-5",), "/v1/messages", manual=True, strip=("/v1",))

ROWS = (
    Provider(
        id="anthropic",
        ids=("anthropic",),
        base_url="https://api.anthropic.com",
        light=_LIST,
        deep=Deep(Shape.ANTHROPIC, _MODELS, "/v1/messages", auth=Auth.X_API_KEY, strip=("/v1",)),
        errors=ErrorShape.ANTHROPIC,
        headers=(Headers.ANTHROPIC,),
        keys=(r"sk-ant-api03-[\w-]{93}AA", r"sk-ant-api\d\d-.+"),
        kinds=frozenset({CredentialKind.API_KEY}),
        rules=RULES,
    ),
    # A setup-token has no scope for the usage endpoint: its 403 is the zero-token proof of life, and must stay rare.
    Provider(
        id="anthropic-setup-token",
        ids=("anthropic", "claude-cli", "claude-max"),
        base_url="https://api.anthropic.com",
        light=Call("/api/oauth/usage", headers=_BEARER, shape=_WINDOWS_SHAPE, strip=("/v1",), every=12 * HOUR, at_least=6 * HOUR),
        sees_billing=SeesBilling.PARTLY,
        deep=_HAIKU,
        errors=ErrorShape.ANTHROPIC,
        headers=(Headers.ANTHROPIC, Headers.ANTHROPIC_UNIFIED),
        keys=(r"sk-ant-oat\d\d-.+",),
        kinds=frozenset({CredentialKind.TOKEN}),
        rules=_SETUP_TOKEN_RULES,
        facts=read_usage,
        subscription=True,
    ),
    Provider(
        id="anthropic-login",
        ids=("anthropic", "claude-cli", "claude-max"),
        base_url="https://api.anthropic.com",
        light=Call("/v1/models?limit=1", headers=_BEARER, shape=("data",), strip=("/v1",), every=HOUR, at_least=10 * MINUTE),
        sees_billing=SeesBilling.PARTLY,
        usage=(
            Call(
                "/api/oauth/usage",
                headers=_BEARER,
                shape=_WINDOWS_SHAPE,
                strip=("/v1",),
                every=30 * MINUTE,
                at_least=10 * MINUTE,
                named=True,
            ),
        ),
        deep=_HAIKU,
        errors=ErrorShape.ANTHROPIC,
        headers=(Headers.ANTHROPIC, Headers.ANTHROPIC_UNIFIED),
        keys=(r"sk-ant-oat\d\d-.+",),
        kinds=frozenset({CredentialKind.OAUTH}),
        rules=_LOGIN_RULES,
        facts=read_usage,
        subscription=True,
    ),
)
