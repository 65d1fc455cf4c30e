"""Pure. The smallest things a page shows: texts made safe, instants both ways, a state as a word with a sign and a tone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from types import MappingProxyType
from urllib.parse import quote

from exporter.dossier import outcome_words
from exporter.masking import mask_emails
from exporter.outcome import Outcome, ProbeStatus
from exporter.verdict import Eligibility, Health, ProfileVerdict, ProviderVerdict
from exporter.words import duration, instant, relative, rfc3339, visible


class Tone(StrEnum):
    """How much something matters; a class of the style sheet. The word beside it says the same."""

    GOOD = "good"
    SOON = "soon"
    BAD = "bad"
    QUIET = "quiet"


SIGNS = {Tone.GOOD: "✓", Tone.SOON: "▲", Tone.BAD: "✕", Tone.QUIET: "○"}


@dataclass(frozen=True, slots=True)
class Badge:
    """A state: a word, a sign and a tone, so that colour is never the only one."""

    word: str
    tone: Tone

    @property
    def sign(self) -> str:
        """Return the sign of the tone."""
        return SIGNS[self.tone]


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant as people say it, as they check it, and as machines read it."""

    relative: str
    absolute: str
    machine: str


@dataclass(frozen=True, slots=True)
class Speech:
    """How everything of one page is said: seen from when, in which zone, with e-mail addresses masked or not, under which path."""

    now: datetime
    zone: tzinfo | None
    mask: bool
    base: str = ""
    runbooks: str = ""  # where the runbook pages are, without a slash at the end
    lowest: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))  # balance that is wanted, by provider

    def text(self, words: str) -> str:
        """Make a text of unknown origin fit to show; the template escapes it."""
        return visible(mask_emails(words) if self.mask else words)

    def masked(self, words: str) -> bool:
        """Tell whether a text loses something when it is shown."""
        return self.mask and mask_emails(words) != words

    def moment(self, at: datetime | None) -> Moment | None:
        """Say an instant, if there is one."""
        return None if at is None else Moment(relative(at, self.now), instant(at, self.zone), rfc3339(at))

    def profile_path(self, gateway: str, agent: str, profile: str) -> str:
        """Return the address of a profile's own page."""
        return f"{self.base}/profile/" + "/".join(quote(self.text(part), safe="") for part in (gateway, agent, profile))


_HEALTH = {
    Health.OK: Tone.GOOD,
    Health.STATIC: Tone.GOOD,
    Health.RENEWING: Tone.GOOD,
    Health.EXPIRING: Tone.SOON,
    Health.EXPIRED: Tone.BAD,
    Health.MISSING: Tone.BAD,
}
_PROBE = {ProbeStatus.OK: Tone.GOOD, ProbeStatus.AUTH: Tone.BAD, ProbeStatus.BILLING: Tone.BAD}
_NEAR = timedelta(days=14)
_UNSENT = frozenset({ProbeStatus.SKIPPED, ProbeStatus.NO_MODEL})


def health_badge(profile: ProfileVerdict) -> Badge:
    """Say a profile's health."""
    return Badge(profile.health.value, _HEALTH[profile.health])


def usable_badge(profile: ProfileVerdict) -> Badge:
    """Say whether the gateway can use a profile now."""
    if profile.usable:
        return Badge("usable", Tone.GOOD)
    return Badge(
        "parked" if profile.parked and profile.reason is Eligibility.OK else "not usable", Tone.SOON if profile.parked else Tone.BAD
    )


def probe_badge(outcome: Outcome) -> Badge:
    """Say what the provider answered."""
    tone = Tone.QUIET if outcome.outcome in _UNSENT else _PROBE.get(outcome.outcome, Tone.SOON)
    return Badge(outcome_words(outcome).replace("_", " "), tone)


def provider_badge(provider: ProviderVerdict, now: datetime) -> Badge:
    """Say where a provider stands."""
    if provider.usable is None:
        return Badge("unknown", Tone.QUIET)
    if provider.usable == 0:
        since = f" for {duration(now - provider.dark_at)}" if provider.dark_at and provider.dark_at <= now else ""
        back = f", back {relative(provider.recovers_at, now)}" if provider.recovers_at else ""
        return Badge(f"down{since}{back}", Tone.BAD if provider.in_use else Tone.QUIET)
    if provider.dark_at is not None:
        near = provider.dark_at - now <= _NEAR
        return Badge(f"up, ends {relative(provider.dark_at, now)}", Tone.SOON if near else Tone.GOOD)
    return Badge("up", Tone.GOOD)


def worst(tones: Sequence[Tone]) -> Tone:
    """Return the tone that matters most."""
    order = (Tone.BAD, Tone.SOON, Tone.GOOD, Tone.QUIET)
    return next((tone for tone in order if tone in tones), Tone.QUIET)
