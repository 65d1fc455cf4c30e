"""Pure. The gateways' own reading of a failure, rebuilt from their newest release: which reason they would store for this answer.

It is not how we judge (see `classify`); it stands beside our outcome, so that a wrong reason or a contradicted cooldown can be shown.
Source: observed input and output of release 2026.9.6's classifier.
"""

from __future__ import annotations

import re

from exporter.outcome import ProbeStatus

_OPTIONS = re.IGNORECASE


def _any(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{part})" for part in parts), _OPTIONS)


_STATUS_LIKE_429 = (
    r"^\s*429\b",
    r"\b(http|status|code|error)\b\W{0,3}(code\W{0,3})?429\b",
    r"\b429\b\W{0,3}(too many|rate|quota|limit|resource|usage|throttl)",
)
_IMAGE = _any(r"image dimensions exceed", r"image exceeds \d", r"many-image requests")
_SESSION = _any(
    r"\b(session|conversation)\b( id)?.{0,40}(not found|expired|invalid|does not exist)",
    r"no (session|conversation) found",
    r"invalid session",
)
_MODEL = _any(
    r"\bmodel\b.{0,120}(not found|does not exist|not_found|is deactivated|has been deactivated|not supported when using)",
    r"unknown model",
    r"model_not_found",
    r"no endpoints found",
    r"no such model",
)
_CONTEXT = _any(
    r"context (length|window) (was )?exceeded",
    r"prompt is too long",
    r"context_length_exceeded",
    r"maximum context length",
    r"context overflow",
)
_FORMAT = _any(
    r"string should match pattern",
    r"tool_use[._]id",
    r"tool_use_id",
    r"invalid request format",
    r"tool call id must be",
    r"assistant (message )?prefill",
    r"conversation must end with a user message",
)
_MARKED_402 = _any(r"^\s*402\W+payment", r"\b(http|status|code|error)\b\W{0,3}(code\W{0,3})?402\b")
_AMBIGUOUS = _any(r"insufficient account balance")
_BILLING = _any(
    r"payment[ _]required",
    r"insufficient[ _](account )?(credits?|quota|balance|funds)",
    r"used all available credits",
    r"spend(ing)?[ _]limit",
    r"available balance",
    r"out of budget",
    r"credit balance",
    r"plans & billing",
    r"requires more credits",
    r"(out of|draw from your|requires?) extra usage",
    r"extra usage is required",
    r"(go|free)usagelimiterror",
    r"\b1311\b",
    r"invalidsubscription",
    r"plan does not include access",
    r"not available on (your |the )?current plan",
    r"^billing.{0,120}(upgrade|credits|payment|purchase|subscription|plan)",
    r"余额不足",
    r"欠费",
)
_WINDOW = _any(r"\b(daily|weekly|monthly)\b( usage)? limit (has been )?(exhausted|reached|exceeded)")
_RATE = _any(
    r"rate[ _]limit",
    r"too many (concurrent )?requests",
    *_STATUS_LIKE_429,
    r"throttlingexception",
    r"\bthrottl(ing|ed)\b",
    r"concurrency limit.{0,40}(breached|reached)",
    r"model_cooldown",
    r"exceeded your current quota",
    r"resource[ _-]exhausted",
    r"quota[ _-]exceeded",
    r"quota limit exceeded",
    r"usage limit",
    r"\btpm\b",
    r"tokens per (minute|day)",
    r"请求过于频繁",
    r"频率限制",
    r"配额不足",
    r"额度已用尽",
)
_OVERLOADED = _any(
    r"overloaded",
    r"model (is )?at capacity",
    r"service[ _](temporarily )?unavailable",
    r"high demand",
    r"high load",
    r"modelnotreadyexception",
    r"访问量过大",
    r"服务繁忙",
)
_FINISH = _any(r"finish_reason: error")
_REFRESH = re.compile(r"oauth token refresh failed(?: for [^:]*)?: ?(.*)", _OPTIONS | re.DOTALL)
_REFRESH_REASONS = _any(r"invalid_grant", r"refresh_token_reused", r"invalid_refresh_token", r"\brevoked\b", r"sign[ _]in[ _]again")
_PERMANENT = _any(
    r"api[ _]key (revoked|deactivated|deleted)",
    r"deactivated[ _]workspace",
    r"key has been (disabled|revoked)",
    r"account has been deactivated",
    r"not allowed for this organization",
)
_TLS = _any(
    r"certificate has expired",
    r"self[ -]signed certificate",
    r"unable to verify the first certificate",
    r"unable to get local issuer",
)
_AUTH = _any(
    r"invalid[ _]api[ _]?key",
    r"api key (is )?(invalid|not valid)",
    r"incorrect api key",
    r"could not (authenticate|validate).{0,60}(api key|credentials)",
    r"permission_error",
    r"invalid token",
    r"authentication",
    r"re-?authenticate",
    r"oauth token refresh failed",
    r"unauthori[sz]ed",
    r"forbidden",
    r"access denied",
    r"insufficient permissions?",
    r"missing scopes?:?",
    r"\bexpired\b",
    r"\b40[13]\b",
    r"no credentials found",
    r"no api key found",
    r"failed to (extract|parse|validate|decode).{0,40}token",
    r"\b1113\b",
    r"invalid x-api-key",
    r"密钥无效",
    r"鉴权失败",
)
_SERVER_TEXT = _any(
    r"internal server error",
    r"bad gateway",
    r"gateway timeout",
    r"upstream (connect )?error",
    r"connection reset",
    r"\bserver_error\b",
    r"unknown error occurred",
    r"request failed",
)
_NO_DETAILS = "unknown error (no error details in response)"
_TIMEOUT = _any(
    r"time-?out",
    r"timed out",
    r"deadline exceeded",
    r"(connection|network) error",
    r"network request failed",
    r"fetch failed",
    r"socket hang up",
    r"\be(timedout|connreset|connrefused|connaborted|notfound|ai_again|hostunreach|netunreach|pipe)\b",
    r"stream (was )?(closed|aborted|ended)",
    r"operation was aborted",
    r"\bterminated\b",
)
_RETRYABLE_402 = _any(
    r"usage limit.{0,80}try again",
    r"try again.{0,80}usage limit",
    r"\b(daily|weekly|monthly)\b.{0,40}limit.{0,80}(reset|reached|exceeded|exhausted)",
    r"(organi[sz]ation|workspace).{0,40}limit (reached|exceeded)",
    r"subscription quota.{0,80}(refresh|renew)",
)
_CODES = {
    "timeout": frozenset(
        "etimedout econnreset econnrefused econnaborted enotfound eai_again ehostunreach enetunreach epipe esockettimedout "  # noqa: SIM905
        "und_err_connect_timeout".split()
    ),
    "rate_limit": frozenset(
        {
            "resource_exhausted",
            "rate_limit",
            "rate_limited",
            "rate_limit_exceeded",
            "too_many_requests",
            "throttling",
            "throttlingexception",
        }
    ),
    "overloaded": frozenset({"overloaded", "overloaded_error"}),
    "auth_permanent": frozenset({"deactivated_workspace"}),
    "tls_certificate": frozenset(
        {
            "cert_has_expired",
            "depth_zero_self_signed_cert",
            "self_signed_cert_in_chain",
            "unable_to_verify_leaf_signature",
            "unable_to_get_issuer_cert_locally",
            "err_tls_cert_altname_invalid",
        }
    ),
}
_EMPTY_BODY = re.compile(r"^\s*(\d{3} status code \(no body\))?\s*$", _OPTIONS)
_HTML = re.compile(r"\s*<(!doctype|html)", _OPTIONS)
_BELIEVED = frozenset({"xai", "moonshot", "kimi"})
_BY_STATUS = {
    401: "auth", 402: "billing", 403: "auth", 404: "model_not_found", 408: "timeout", 410: "timeout", 429: "rate_limit",
    499: "timeout", 500: "server_error", 502: "server_error", 503: "server_error", 504: "timeout", 520: "server_error",
    522: "timeout", 524: "timeout", 529: "overloaded", 530: "server_error",
}  # fmt: skip


def gateway_reason(status: int | None = None, message: str = "", code: str = "", provider: str = "") -> str | None:
    """The failover reason the newest gateway stores for this failure; None when it stores none."""
    if status is not None and status >= 400:
        return _with_status(status, message, provider)
    by_code = next((reason for reason, words in _CODES.items() if code.strip().lower() in words), None)
    return by_code or _by_message(message)


def gateway_outcome(reason: str | None) -> ProbeStatus:
    """What the gateway's own probe would say for a reason."""
    match reason:
        case "auth" | "auth_permanent":
            return ProbeStatus.AUTH
        case "rate_limit" | "overloaded":
            return ProbeStatus.RATE_LIMIT
        case "billing":
            return ProbeStatus.BILLING
        case "timeout":
            return ProbeStatus.TIMEOUT
        case "format" | "model_not_found":
            return ProbeStatus.FORMAT
        case _:
            return ProbeStatus.UNKNOWN


def _with_status(status: int, message: str, provider: str) -> str | None:
    plain = _BY_STATUS.get(status)
    if _HTML.match(message):
        return plain
    text = _by_message(message)
    match status:
        case 401 | 403:
            return text if text in ("auth_permanent", "billing") else "auth"
        case 402:
            return "rate_limit" if _RETRYABLE_402.search(message) else "billing"
        case 429:
            return "billing" if _billing(message, provider) else "rate_limit"
        case 404 | 410:
            return text if text in ("session_expired", "billing", "auth", "auth_permanent") else plain
        case 400 | 422:
            return None if _EMPTY_BODY.match(message) else text or "format"
        case _ if status >= 500:
            return text if text in ("overloaded", "format") else plain
        case _:
            return plain


def _billing(message: str, provider: str) -> bool:
    if provider.strip().lower() not in _BELIEVED:
        message = _AMBIGUOUS.sub("", message)
    return _MARKED_402.search(message) is not None or _BILLING.search(message) is not None


def _by_message(message: str) -> str | None:
    """The first table that matches decides; the order is the gateway's."""
    if _IMAGE.search(message) or not message.strip():
        return None
    for reason, pattern in (
        ("session_expired", _SESSION),
        ("model_not_found", _MODEL),
        ("context_overflow", _CONTEXT),
        ("format", _FORMAT),
    ):
        if pattern.search(message):
            return reason
    if _billing(message, ""):
        return "billing"
    for reason, pattern in (("rate_limit", _WINDOW), ("rate_limit", _RATE), ("overloaded", _OVERLOADED), ("server_error", _FINISH)):
        if pattern.search(message):
            return reason
    refresh = _REFRESH.search(message)
    if refresh is not None and _REFRESH_REASONS.search(refresh.group(1)):
        return "auth_permanent"
    if message.strip().lower() == _NO_DETAILS:
        return "no_error_details"
    later = (("auth_permanent", _PERMANENT), ("tls_certificate", _TLS), ("auth", _AUTH), ("timeout", _SERVER_TEXT), ("timeout", _TIMEOUT))
    for reason, pattern in later:
        if pattern.search(message):
            return reason
    return None
