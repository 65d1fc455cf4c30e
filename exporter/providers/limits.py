"""Pure. Rate-limit and quota headers of every family, brought into `RateLimit`, `Quota` and `Balance`.

Units:  resets come as RFC 3339, Go durations, seconds left, Unix seconds or Unix milliseconds; form and size tell them apart.
Source: the vendors' rate-limit pages; a missing header is normal, `-1` means "does not apply".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from exporter.outcome import Balance, Quota, RateLimit
from exporter.providers.fields import after, at_any, at_seconds, duration, number, ratio
from exporter.providers.row import Headers

MOST = 24  # series per answer; a server of the user's own may send anything
_FIELD = "(?P<field>limit|remaining|reset)"
_FORMS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"anthropic-ratelimit-(?P<name>(?!unified)[a-z0-9-]+?)-{_FIELD}",
        rf"anthropic-(?P<name>(?:priority|fast)-[a-z0-9-]+?)-{_FIELD}",
        rf"x-ratelimit-{_FIELD}-(?P<name>[a-z0-9_-]+)",
        rf"x-ratelimit-{_FIELD}(?P<name>)",
        rf"x-(?P<name>token)limit-{_FIELD}",
        rf"x-ratelimitbysize-{_FIELD}-(?P<name>minute|month)",
        rf"ratelimitbysize-{_FIELD}(?P<name>)",
        rf"x-(?P<name>trial-endpoint-call)-{_FIELD}",
        r"x-(?P<name>endpoint-monthly-call)-(?P<field>limit)",
    )
)
_WINDOWS: Mapping[Headers, Mapping[str, str]] = {
    Headers.GROQ: {"requests": "day", "tokens": "minute"},
    Headers.ANTHROPIC: {"requests": "minute", "tokens": "minute", "input_tokens": "minute", "output_tokens": "minute"},
    Headers.GITHUB: {"requests": "hour"},
    Headers.MISTRAL: {"tokens": "minute"},
}
_SPANS = ("minute", "hour", "day", "month")
_RESOURCES = {"": "requests", "req": "requests", "token": "tokens", "trial_endpoint_call": "trial_calls", "endpoint_monthly_call": "calls"}
_UNIFIED = re.compile(r"anthropic-ratelimit-unified-(?P<window>[a-z0-9_]+)-(?P<field>reset|utilization)\Z")
_CODEX = re.compile(
    r"x-codex-(?:(?P<family>[a-z0-9_-]+)-)?(?P<slot>primary|secondary)-(?P<field>used-percent|window-minutes|reset-after-seconds|reset-at)\Z"
)
_IETF_POLICY = re.compile(r'"([^"]{1,40})"\s*;\s*q=(\d+)(?:\s*;\s*w=(\d+))?')
_IETF = re.compile(r'"([^"]{1,40})"\s*;\s*r=(\d+)(?:\s*;\s*t=(\d+))?')
_NOT_A_NAME = re.compile(r"[^a-z0-9_]+")


def rate_limits(headers: Mapping[str, str], families: Collection[Headers], now: datetime) -> tuple[RateLimit, ...]:
    """Every rate-limit window in the headers (names in lower case). Never raises."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for name, value in headers.items():
        if not name.endswith(("limit", "remaining", "reset")) and "limit" not in name:
            continue
        for form in _FORMS:
            match = form.fullmatch(name)
            if match is not None:
                key = _resource(match["name"], name, families)
                found.setdefault(key, {})[match["field"]] = value
                break
    limits = [_limit(resource, window, values, now) for (resource, window), values in sorted(found.items())]
    return tuple([limit for limit in limits if limit is not None][:MOST]) + tuple(_ietf(headers, now))


def _resource(name: str, header: str, families: Collection[Headers]) -> tuple[str, str]:
    words = _NOT_A_NAME.sub("_", name.replace("-", "_"))[:40].strip("_")
    span = next((span for span in _SPANS if words == span or words.endswith("_" + span)), "")
    resource = words.removesuffix(span).strip("_")
    resource = "tokens" if "bysize" in header else _RESOURCES.get(resource, resource)
    if "monthly" in header:
        span = "month"
    given = next((windows[resource] for family in families if resource in (windows := _WINDOWS.get(family, {}))), "")
    return resource, span or given


def _limit(resource: str, window: str, values: Mapping[str, str], now: datetime) -> RateLimit | None:
    limit, remaining = number(values.get("limit")), number(values.get("remaining"))
    if (limit is not None and limit < 0) or (remaining is not None and remaining < 0 and limit is None):
        return None
    reset = _reset(values.get("reset", ""), now)
    if limit is None and remaining is None and reset is None:
        return None
    return RateLimit(resource, window, limit, None if remaining is None else max(0.0, remaining), reset)


def _reset(value: str, now: datetime) -> datetime | None:
    seconds = duration(value) if value else None
    if seconds is None:
        return at_any(value)
    return at_any(value) if seconds >= 10**9 else after(now, seconds)


def _ietf(headers: Mapping[str, str], now: datetime) -> Iterator[RateLimit]:
    """`RateLimit: "api";r=9;t=55` with its `RateLimit-Policy`."""
    policies = {name: (quota, span) for name, quota, span in _IETF_POLICY.findall(headers.get("ratelimit-policy", ""))}
    for name, left, seconds in _IETF.findall(headers.get("ratelimit", ""))[:8]:
        quota, span = policies.get(name, ("", ""))
        resource = _NOT_A_NAME.sub("_", name.lower()).strip("_") or "requests"
        yield RateLimit(resource, _span_name(number(span)), number(quota), number(left), after(now, number(seconds)))


def _span_name(seconds: float | None) -> str:
    return {60.0: "minute", 3600.0: "hour", 86400.0: "day"}.get(seconds or 0.0, "")


def window_name(seconds: float | None) -> str:
    """A window named by its length: 18000 is `5h`, 604800 is `7d`; empty when not said."""
    if seconds is None or seconds <= 0:
        return ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0 and (unit != "d" or seconds > size):
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"


def quotas(headers: Mapping[str, str], now: datetime) -> tuple[Quota, ...]:
    """Plan windows in the headers: Anthropic's unified ones (a fraction) and Codex' (a percentage)."""
    return (*_unified(headers), *_codex(headers, now))


def _unified(headers: Mapping[str, str]) -> Iterator[Quota]:
    found: dict[str, dict[str, str]] = {}
    for name, value in headers.items():
        match = _UNIFIED.fullmatch(name) if name.startswith("anthropic-") else None
        if match is not None:
            found.setdefault(match["window"], {})[match["field"]] = value
    for window, values in sorted(found.items())[:MOST]:
        used = number(values.get("utilization"))
        reset = at_seconds(values.get("reset"))
        if used is not None or reset is not None:
            yield Quota(window, None if used is None else max(0.0, used), reset)


def _codex(headers: Mapping[str, str], now: datetime) -> Iterator[Quota]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    for name, value in headers.items():
        match = _CODEX.fullmatch(name) if name.startswith("x-codex-") else None
        if match is not None:
            found.setdefault((match["family"] or "", match["slot"]), {})[match["field"]] = value
    for (family, slot), values in sorted(found.items())[:MOST]:
        used, minutes = ratio(values.get("used-percent")), number(values.get("window-minutes"))
        if used is None or minutes == 0:
            continue
        reset = at_seconds(values.get("reset-at")) or after(now, number(values.get("reset-after-seconds")))
        window = window_name(None if minutes is None else minutes * 60) or slot
        yield Quota(f"{family}_{window}".strip("_").replace("-", "_"), used, reset)


def balances(headers: Mapping[str, str]) -> tuple[Balance, ...]:
    """Money or credits in the headers."""
    found = []
    for name, currency in (("x-codex-credits-balance", "credits"), ("x-venice-balance-usd", "USD"), ("x-venice-balance-diem", "DIEM")):
        amount = number(headers.get(name))
        if amount is not None:
            found.append(Balance(currency, amount))
    return tuple(found)
