"""Pure. Structured error codes that mean the same at every vendor.

Source: vendors' error pages and the gateways' own tables; weak codes (`WEAK`) only speak when neither text nor status knows better.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from exporter.outcome import ProbeStatus as P
from exporter.providers.row import Judgement


def _table(*rows: tuple[P, str, str]) -> Mapping[str, Judgement]:
    return MappingProxyType({code: Judgement(outcome, detail) for outcome, detail, codes in rows for code in codes.lower().split()})


CODES = _table(
    (P.BILLING, "balance", "insufficient_quota credit_balance_exhausted insufficient_balance exceeded_current_quota_error CreditsError"),
    (P.BILLING, "balance", "payment_required billing_error BILLING_INSUFFICIENT_BALANCE insufficient_credits insufficient_funds"),
    (P.BILLING, "balance", "asr_payment_required api_key_diem_spend_limit_exceeded"),
    (P.BILLING, "spend_cap", "organization_spend_limit_exceeded project_spend_limit_exceeded organization_usage_limit_exceeded"),
    (P.BILLING, "spend_cap", "enforced_spend_limit_reached budget_exceeded api_key_usd_spend_limit_exceeded"),
    (P.BILLING, "spend_cap", "MonthlyLimitError UserLimitError"),
    (P.BILLING, "overdue", "billing_not_active Arrearage AccountOverdueError ServiceOverdue BILLING_DISABLED"),
    (P.BILLING, "plan", "usage_not_included InvalidSubscription coding_plan_subscription_expired INSUFFICIENT_G1_CREDITS_BALANCE"),
    (P.AUTH, "invalid", "invalid_api_key wrong_api_key authentication_error invalid_authentication_error API_KEY_INVALID UNAUTHENTICATED"),
    (P.AUTH, "invalid", "InvalidApiKey AuthenticationError AuthError UnrecognizedClientException InvalidClientTokenId invalid_iam_token"),
    (P.AUTH, "invalid", "auth_error invalid_token incorrect_api_key_error token_not_found_in_db invalid_auth invalid_appid"),
    (P.AUTH, "invalid", "InvalidSignatureException SignatureDoesNotMatch InvalidAccessKeyId authentication_failed authentication_failure"),
    (P.AUTH, "expired", "API_KEY_EXPIRED ExpiredToken ExpiredTokenException token_expired expired_key key_expired"),
    (P.AUTH, "revoked", "token_invalidated token_revoked revoked_key"),
    (P.AUTH, "disabled", "account_deactivated deactivated_workspace organization_restricted CONSUMER_SUSPENDED API_ACCESS_DISABLED"),
    (P.AUTH, "disabled", "authentication_failed_inactive_key account_suspended account_disabled key_disabled"),
    (P.AUTH, "region", "unsupported_country_region_territory"),
    (P.AUTH, "ip", "API_KEY_IP_ADDRESS_BLOCKED API_KEY_HTTP_REFERRER_BLOCKED ip_not_authorized"),
    (P.RATE_LIMIT, "burst", "rate_limit_error rate_limit_exceeded RESOURCE_EXHAUSTED TOO_MANY_REQUESTS ThrottlingException"),
    (P.RATE_LIMIT, "burst", "TooManyRequestsException"),
    (P.RATE_LIMIT, "burst", "rate_limit_reached_error RATE_LIMIT_EXCEEDED slow_down RateLimitError throttling_error limit_requests"),
    (P.RATE_LIMIT, "burst", "token_quota_exceeded request_quota_exceeded rpm_rate_limit_exceeded tpm_rate_limit_exceeded rate_limited"),
    (P.RATE_LIMIT, "burst", "too_many_concurrent_requests ModelAccountTpmRateLimitExceeded"),
    (P.RATE_LIMIT, "window", "usage_limit_reached SetLimitExceeded QuotaExceeded GoUsageLimitError FreeUsageLimitError"),
    (P.RATE_LIMIT, "daily", "QUOTA_EXHAUSTED"),
    (P.OVERLOADED, "capacity", "overloaded_error server_is_overloaded engine_overloaded_error UNAVAILABLE ModelNotReadyException"),
    (P.OVERLOADED, "capacity", "MODEL_OVERLOADED MODEL_AT_CAPACITY MODEL_OFFLINE provider_overloaded queue_exceeded"),
    (P.OVERLOADED, "capacity", "ServerOverloaded capacity_exhausted system_busy ServiceUnavailableException service_unavailable"),
    (P.MODEL_NOT_FOUND, "", "model_not_found MODEL_NOT_FOUND ModelNotFound ModelNotOpen DeploymentNotFound no_endpoints model_deprecated"),
    (P.MODEL_NOT_FOUND, "", "invalid_model model_is_deactivated ModelError InvalidEndpointOrModel.NotFound"),
    (P.TIMEOUT, "", "DEADLINE_EXCEEDED timeout_error ModelTimeoutException"),
)  # fmt: skip

PREFIXES: tuple[tuple[str, Judgement], ...] = (
    ("authentication_failed", Judgement(P.AUTH, "invalid")),
    ("throttling", Judgement(P.RATE_LIMIT, "burst")),
    ("ratelimitexceeded", Judgement(P.RATE_LIMIT, "burst")),
    ("rate_limit_", Judgement(P.RATE_LIMIT, "burst")),
    ("quota_user_daily", Judgement(P.RATE_LIMIT, "daily")),
    ("overloaded", Judgement(P.OVERLOADED, "capacity")),
)

SCOPE = _table(
    (P.AUTH, "scope", "permission_error PERMISSION_DENIED AccessDenied AccessDeniedException insufficient_permissions missing_permissions"),
    (P.AUTH, "scope", "oauth_scope_insufficient IAM_PERMISSION_DENIED SERVICE_DISABLED API_KEY_SERVICE_BLOCKED permission_denied_error"),
    (P.AUTH, "scope", "AccessDenied.Unpurchased Model.AccessDenied VALIDATION_REQUIRED key_model_access_denied insufficient_scope"),
    (P.AUTH, "scope", "PermissionDenied missing_scope"),
)  # fmt: skip

WEAK = _table(
    (P.FORMAT, "", "invalid_request_error INVALID_ARGUMENT ValidationException unknown_parameter unprocessable_entity invalid_request"),
    (P.OVERLOADED, "server_error", "api_error server_error INTERNAL InternalServerException internal_server_error internal_error"),
)  # fmt: skip

NOT_FOUND = frozenset({"not_found_error", "not_found", "resource_not_found_error", "resourcenotfoundexception"})


def strong(said: tuple[str, ...]) -> Judgement | None:
    """The class of the first code word that means one thing everywhere; a word about money goes before the others."""
    known = [CODES[word] for word in said if word in CODES]
    for judgement in known:
        if judgement.outcome is P.BILLING:
            return judgement
    if known:
        return known[0]
    for word in said:
        if word in SCOPE:
            continue
        for prefix, judgement in PREFIXES:
            if word.startswith(prefix):
                return judgement
    return None


def scope(said: tuple[str, ...]) -> Judgement | None:
    """The class of a code word that says: the credential is authentic, but may not do this."""
    return next((SCOPE[word] for word in said if word in SCOPE), None)


def weak(said: tuple[str, ...]) -> Judgement | None:
    """The class of a code word so general that text and status come first."""
    return next((WEAK[word] for word in said if word in WEAK), None)
