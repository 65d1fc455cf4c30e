"""Pure. Google: Gemini keys (a bad key is 400, quota words speak of billing) and Code Assist logins.

Source: Gemini troubleshooting, billing and rate-limit pages; python-genai and gemini-cli.
"""

from __future__ import annotations

import re
from datetime import datetime

from exporter.model import CredentialKind
from exporter.outcome import ProbeStatus as P
from exporter.outcome import Quota
from exporter.providers.fields import at_iso, get, items, number, text
from exporter.providers.row import HOUR, MINUTE, Auth, Call, Deep, ErrorShape, Facts, Judgement, Provider, SeesBilling, Shape, rule

RULES = (
    rule(P.BILLING, "balance", 402),
    rule(P.BILLING, "balance", text=r"prepayment credits are depleted|prepayment credits"),
    rule(P.BILLING, "spend_cap", text=r"spend(ing)? cap"),
    rule(P.BILLING, "plan", 429, text=r"\blimit: 0\b"),
    rule(P.BILLING, "plan", 400, codes="failed_precondition", text=r"enable billing|billing account"),
    rule(P.AUTH, "region", 400, text=r"free tier is not available in your country|user location is not supported"),
    rule(P.BILLING, "plan", 400, codes="failed_precondition"),
    rule(P.BILLING, "overdue", codes="billing_disabled"),
    rule(P.AUTH, "revoked", text=r"reported as leaked"),
    rule(P.AUTH, "expired", codes="api_key_expired"),
    rule(P.AUTH, "expired", 400, text=r"api key expired"),
    rule(P.AUTH, "invalid", codes="api_key_invalid"),
    rule(
        P.AUTH, "ip", codes="api_key_ip_address_blocked api_key_http_referrer_blocked api_key_android_app_blocked api_key_ios_app_blocked"
    ),
    rule(P.AUTH, "disabled", codes="consumer_suspended"),
    rule(P.AUTH, "scope", codes="validation_required"),
    rule(P.BILLING, "plan", codes="insufficient_g1_credits_balance unsupported_client"),
    rule(P.AUTH, "invalid", 401, codes="authentication"),
    rule(P.RATE_LIMIT, "daily", 429, codes="quota_exhausted"),
    rule(P.RATE_LIMIT, "daily", 429, text=r"per[ _]?day"),
    rule(P.RATE_LIMIT, "burst", 429),
)


def read_code_assist(document: object, now: datetime) -> Facts:
    """Quota buckets (remaining fractions) and the tier of a Code Assist login; the tier may have ended for consumers."""
    reasons = [text(get(tier, "reasonCode")) for tier in items(get(document, "ineligibleTiers"))[:10]]
    ended = "UNSUPPORTED_CLIENT" in reasons and get(document, "currentTier") is None
    worst: dict[str, Quota] = {}
    for bucket in items(get(document, "buckets"))[:60]:
        left = number(get(bucket, "remainingFraction"))
        family = _family(text(get(bucket, "modelId")))
        if left is None or not family:
            continue
        used = max(0.0, 1 - left)
        known = worst.get(family)
        if known is None or (known.used or 0) < used:
            worst[family] = Quota(family, used, at_iso(get(bucket, "resetTime")))
    return Facts(Judgement(P.BILLING, "plan") if ended else None, tuple(worst[name] for name in sorted(worst)))


def read_antigravity(document: object, now: datetime) -> Facts:
    """Remaining fractions per model family; the fullest window of a family speaks for it."""
    models = get(document, "models")
    buckets = [
        {
            "modelId": name,
            "remainingFraction": get(entry, "quotaInfo", "remainingFraction"),
            "resetTime": get(entry, "quotaInfo", "resetTime"),
        }
        for name, entry in (list(models.items())[:60] if isinstance(models, dict) else ())
    ]
    return read_code_assist({"buckets": buckets}, now)


def _family(model: str) -> str:
    found = re.search(r"flash-lite|flash|pro", model.lower())
    return found.group(0).replace("-", "_") if found else re.sub(r"[^a-z0-9_]+", "_", model.lower())[:30]


_METADATA = '{"metadata":{"ideType":"IDE_UNSPECIFIED","platform":"PLATFORM_UNSPECIFIED","pluginType":"GEMINI"}}'

ROWS = (
    Provider(
        id="google",
        ids=("google", "gemini", "google-ai-studio"),
        base_url="https://generativelanguage.googleapis.com/v1beta",
        light=Call("/models?pageSize=1", auth=Auth.X_GOOG_API_KEY, shape=("models",), strip=("/openai",)),
        deep=Deep(Shape.GEMINI, ("gemini-2.5-flash-lite", "gemini-2.0-flash-lite"), auth=Auth.X_GOOG_API_KEY, strip=("/openai",)),
        errors=ErrorShape.GOOGLE,
        keys=(r"AIza[\w-]{35}", r"AQ\.[\w.-]+"),
        kinds=frozenset({CredentialKind.API_KEY}),
        rules=RULES,
    ),
    Provider(
        id="google-gemini-cli",
        ids=("google-gemini-cli", "gemini-cli"),
        base_url="https://cloudcode-pa.googleapis.com",
        light=Call(
            "/v1internal:loadCodeAssist", "POST", body=_METADATA, shape=("currentTier", "allowedTiers", "ineligibleTiers"),
            every=10 * MINUTE, at_least=5 * MINUTE, named=True,
        ),
        sees_billing=SeesBilling.PARTLY,
        usage=(Call("/v1internal:retrieveUserQuota", "POST", body="{}", shape=("buckets",), every=10 * MINUTE, named=True),),
        errors=ErrorShape.GOOGLE,
        keys=(r"ya29\..+",),
        rules=RULES,
        facts=read_code_assist,
        subscription=True,
    ),
    # Its terms forbid third-party clients: asked only when the operator names it.
    Provider(
        id="google-antigravity",
        ids=("google-antigravity", "antigravity"),
        base_url="https://cloudcode-pa.googleapis.com",
        light=Call("/v1internal:fetchAvailableModels", "POST", body="{}", shape=("models",), every=HOUR, at_least=10 * MINUTE, named=True),
        sees_billing=SeesBilling.PARTLY,
        errors=ErrorShape.GOOGLE,
        keys=(r"ya29\..+",),
        rules=RULES,
        facts=read_antigravity,
        subscription=True,
    ),
)  # fmt: skip
