"""Pure. The gateways' own parking of profiles: which windows are open, and for whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from exporter.model import Usage
from exporter.verdict import Cooldown, CooldownKind, CooldownScope

INLINE_KEY_PREFIX = "inline-api-key:"
_NEVER_PARKED = frozenset({"openrouter", "kilocode"})  # the gateways skip cooldowns for these two
_MODEL_REASONS = frozenset({"rate_limit", "timeout", "model_not_found"})  # others park the profile whatever model failed
_AUTH_REASONS = frozenset({"auth", "auth_permanent", "session_expired"})
_NO_FAILURES: Mapping[str, int] = MappingProxyType({})


def open_windows(usage: Usage, provider: str, now: datetime) -> tuple[Cooldown, ...]:
    """Return the windows open at `now`, each kind at most once; a window that ends now is over."""
    if provider in _NEVER_PARKED:
        return ()
    windows = []
    if usage.cooldown_until and usage.cooldown_until > now:
        reason = usage.cooldown_reason or ""
        model = usage.cooldown_model if usage.cooldown_model and reason in _MODEL_REASONS else ""
        windows.append(_window(CooldownKind.COOLDOWN, usage.cooldown_until, reason, model, usage.cooldown_classification or ""))
    if usage.disabled_until and usage.disabled_until > now:
        windows.append(_window(CooldownKind.DISABLED, usage.disabled_until, usage.disabled_reason or ""))
    if usage.blocked_until and usage.blocked_until > now:
        windows.append(_window(CooldownKind.BLOCKED, usage.blocked_until, usage.blocked_reason or "", usage.blocked_model or ""))
    return tuple(windows)


def parked_until(windows: Iterable[Cooldown], models: Collection[str]) -> datetime | None:
    """Return when a profile is free again for an agent that uses `models` of its provider; None when it is free now.

    A window of one model parks the profile only when such windows cover every model in use, and then until the first
    of those models is free again.
    """
    windows = tuple(windows)
    whole = max((w.until for w in windows if w.scope is CooldownScope.PROFILE), default=None)
    until_by_model: dict[str, datetime] = {}
    for window in windows:
        if window.scope is CooldownScope.MODEL:
            until_by_model[window.model] = max(window.until, until_by_model.get(window.model, window.until))
    if not models or not all(model in until_by_model for model in models):
        return whole
    first_free = min(until_by_model[model] for model in models)
    return max(first_free, whole) if whole else first_free


def parked_for_any(windows: Iterable[Cooldown]) -> datetime | None:
    """Return when the last window ends, whatever model it is for: how the gateways sort when no model is asked for."""
    return max((w.until for w in windows), default=None)


def counters(usage: Usage, now: datetime) -> tuple[int | None, Mapping[str, int]]:
    """Return error count and failure counts as the gateway counts on: a lapsed window restarts them.

    The count of rate limits survives, because the newest release climbs its ladder by it.
    """
    ends = tuple(end for end in (usage.cooldown_until, usage.disabled_until, usage.blocked_until) if end)
    if not ends or any(end > now for end in ends):
        return usage.error_count, usage.failure_counts
    kept = {reason: count for reason, count in usage.failure_counts.items() if reason == "rate_limit"}
    return 0, MappingProxyType(kept) if kept else _NO_FAILURES


def auth_failure_at(usage: Usage) -> datetime | None:
    """Return the instant of the last failure when its reason is an authentication reason, else None.

    The reason is the one stored with a window; without any, the only reason counted.
    """
    if usage.last_failure_at is None:
        return None
    named = {reason for reason in (usage.cooldown_reason, usage.disabled_reason) if reason}
    reasons = named or set(usage.failure_counts)
    return usage.last_failure_at if reasons and reasons <= _AUTH_REASONS else None


def masked_failure(usage: Usage) -> bool:
    """True when a failure was recorded less than a second before a "success" that hid it (gateways up to 2026.3)."""
    if usage.last_failure_at is None or usage.last_used_at is None:
        return False
    return 0 <= (usage.last_used_at - usage.last_failure_at).total_seconds() < 1


def _window(kind: CooldownKind, until: datetime, reason: str, model: str = "", classification: str = "") -> Cooldown:
    scope = CooldownScope.MODEL if model else CooldownScope.PROFILE
    return Cooldown(kind, scope, until, reason, model, classification)
