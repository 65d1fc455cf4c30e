"""Pure. The gateway's stored reason and our probe's answer side by side: where they contradict each other, and in which words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from exporter.outcome import Outcome, ProbeStatus
from exporter.verdict import Cooldown, CooldownKind, CooldownScope, ProfileVerdict
from exporter.words import duration

_CLASSES = {
    "auth": ProbeStatus.AUTH, "auth_permanent": ProbeStatus.AUTH, "session_expired": ProbeStatus.AUTH, "billing": ProbeStatus.BILLING,
    "rate_limit": ProbeStatus.RATE_LIMIT, "overloaded": ProbeStatus.RATE_LIMIT, "subscription_limit": ProbeStatus.RATE_LIMIT,
    "model_not_found": ProbeStatus.MODEL_NOT_FOUND,
}  # fmt: skip
_REFUSALS = frozenset({ProbeStatus.AUTH, ProbeStatus.BILLING})
_NOT_SENT = frozenset({ProbeStatus.SKIPPED, ProbeStatus.NO_MODEL})


@dataclass(frozen=True, slots=True)
class Opinion:
    """`would_store`: what the newest gateway makes of the answer we got; `stored`: what it has stored; `against`: how they disagree."""

    would_store: str | None = None
    stored: tuple[str, ...] = ()
    against: str = ""


def opinion(profile: ProfileVerdict, now: datetime) -> Opinion:
    """Compare for one profile; nothing beside what is stored where there is no probe of this very credential."""
    stored = tuple(window.reason for window in profile.cooldowns if window.reason)
    probe = _probe(profile)
    if probe is None:
        return Opinion(stored=stored)
    return Opinion(would_store(probe, profile.provider), stored, _against(profile, probe, now))


def would_store(probe: Outcome, provider: str) -> str | None:
    """The reason the newest gateway would store for such an answer; None for a success and for what it does not store."""
    if probe.outcome is ProbeStatus.OK or (probe.status is None and not probe.words):
        return None
    from exporter.providers.gateway_reason import gateway_reason  # its patterns take long to compile, and few runs need them

    return gateway_reason(probe.status, probe.words, "", provider)


def disproved(profile: ProfileVerdict) -> Cooldown | None:
    """The longest window that an accepted probe, sent after the failure it stands for, proves wrong; None without one."""
    probe = _probe(profile)
    if probe is None or probe.outcome is not ProbeStatus.OK:
        return None
    if profile.last_failure_at and probe.at and probe.at < profile.last_failure_at:
        return None
    wrong = [window for window in profile.cooldowns if _disproves(probe, window, profile.provider)]
    return max(wrong, key=lambda window: window.until, default=None)


def misnamed(profile: ProfileVerdict) -> Cooldown | None:
    """The window whose stored reason is of another class than what our probe found; a refusal counts once it is confirmed."""
    probe = _probe(profile)
    if probe is None or probe.outcome not in _CLASSES.values() or (probe.outcome in _REFUSALS and not profile.refused):
        return None
    return next((window for window in profile.cooldowns if _CLASSES.get(window.reason, probe.outcome) is not probe.outcome), None)


def _probe(profile: ProfileVerdict) -> Outcome | None:
    """The last answer about this very credential."""
    probe = profile.probe
    sent = probe is not None and probe.outcome not in _NOT_SENT and probe.fingerprint == profile.fingerprint
    return probe if sent else None


def _disproves(probe: Outcome, window: Cooldown, provider: str) -> bool:
    """Tell whether an accepted probe proves a window wrong: a free request says little about money, plan limits and single models."""
    if window.scope is CooldownScope.MODEL:
        return False
    if window.kind is CooldownKind.BLOCKED or window.reason == "subscription_limit":
        used = [quota.used for quota in probe.quotas if quota.used is not None]
        return bool(used) and max(used) < 1
    if window.reason == "billing":
        return any(balance.amount > 0 for balance in probe.balances) or _sees_billing(provider)
    return True


def _sees_billing(provider: str) -> bool:
    from exporter.providers.row import SeesBilling  # the provider table takes long to build, and few runs need it
    from exporter.providers.table import BY_ID

    row = BY_ID.get(provider)
    return row is not None and row.sees_billing is SeesBilling.YES


def _against(profile: ProfileVerdict, probe: Outcome, now: datetime) -> str:
    window = disproved(profile)
    if window is not None:
        named = f"{window.kind.value}: {window.reason}" if window.reason else window.kind.value
        return f"the provider accepted our probe, yet the gateway parks it ({named}) for another {duration(window.until - now)}"
    window = misnamed(profile)
    if window is not None:
        return f"the gateway stored {window.reason} and waits another {duration(window.until - now)}; our probe found {probe.outcome.value}"
    return ""
