"""Pure. The gateway's stored reason and our probe's answer side by side: where they contradict each other, and in which words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from exporter.outcome import Outcome, ProbeStatus
from exporter.verdict import Cooldown, CooldownKind, ProfileVerdict
from exporter.words import duration

_CLASSES = {
    "auth": "auth", "auth_permanent": "auth", "session_expired": "auth", "billing": "billing", "rate_limit": "rate_limit",
    "subscription_limit": "rate_limit", "overloaded": "overloaded", "timeout": "timeout", "server_error": "overloaded",
    "format": "format", "model_not_found": "model_not_found",
}  # fmt: skip
_TELLING = frozenset({ProbeStatus.AUTH, ProbeStatus.BILLING, ProbeStatus.RATE_LIMIT})


@dataclass(frozen=True, slots=True)
class Opinion:
    """`would_store`: what the newest gateway makes of the answer we got; `stored`: what it has stored; `against`: how they disagree."""

    would_store: str | None = None
    stored: tuple[str, ...] = ()
    against: str = ""


def opinion(profile: ProfileVerdict, now: datetime) -> Opinion:
    """Compare for one profile; empty where there is no probe of this very credential."""
    probe = profile.probe
    stored = tuple(window.reason for window in profile.cooldowns if window.reason)
    if probe is None or probe.outcome in (ProbeStatus.SKIPPED, ProbeStatus.NO_MODEL) or probe.fingerprint != profile.fingerprint:
        return Opinion(stored=stored)
    return Opinion(would_store(probe, profile.provider), stored, _against(profile, probe, now))


def would_store(probe: Outcome, provider: str) -> str | None:
    """The reason the newest gateway would store for such an answer; None for a success and for what it does not store."""
    if probe.outcome is ProbeStatus.OK or (probe.status is None and not probe.words):
        return None
    from exporter.providers.gateway_reason import gateway_reason  # its patterns take long to compile, and few runs need them

    return gateway_reason(probe.status, probe.words, "", provider)


def _against(profile: ProfileVerdict, probe: Outcome, now: datetime) -> str:
    for window in profile.cooldowns:
        left = duration(window.until - now)
        if probe.outcome is ProbeStatus.OK:
            return f"the provider accepted our probe, yet the gateway parks it ({_named(window)}) for another {left}{_caveat(window)}"
        stored = _CLASSES.get(window.reason)
        if stored and probe.outcome in _TELLING and stored != probe.outcome.value:
            return f"the gateway stored {window.reason} and waits another {left}; our probe found {probe.outcome.value}"
    return ""


def _named(window: Cooldown) -> str:
    return f"{window.kind.value}: {window.reason}" if window.reason else window.kind.value


def _caveat(window: Cooldown) -> str:
    money = window.reason == "billing" or window.kind is CooldownKind.BLOCKED or window.reason == "subscription_limit"
    return "; a free request says little about money and plan limits" if money else ""
