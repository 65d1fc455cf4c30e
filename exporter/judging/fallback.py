"""Pure. Which keys from outside the store a gateway tries for one provider, and when others of them get their turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from exporter.judging import roll_up
from exporter.model import CredentialKind, Source
from exporter.verdict import ProfileVerdict

_BY_ORDER = "an order is set for this provider: no key outside it is tried"
_WHILE_PARKED = "the stored profiles wait for their windows to end: no other key is tried meanwhile"
_STORE_FIRST = "a stored profile may be used: keys of the environment are tried only where there is none"
_OUT_FOR_GOOD = ("usable.lapsed", "usable.ineligible")


@dataclass(frozen=True, slots=True)
class Fallback:
    """What is tried after the stored profiles, why the rest is not, and what of it takes over at `relief_at`."""

    tried: tuple[ProfileVerdict, ...] = ()
    why: str = ""
    relief: tuple[ProfileVerdict, ...] = ()
    relief_at: datetime | None = None


def stand_in(stored: Sequence[ProfileVerdict], others: Sequence[ProfileVerdict], *, explicit: bool) -> Fallback:
    """Sort out `others` (keys of the environment, the configuration, a CLI) given the eligible `stored` profiles.

    Source: `selectProviderModelAuthSources` of release 2026.9.6, and the exit codes of its `models status --check`. An order that
    somebody set owns the selection. A parked profile is waited for. A key of the environment needs a store without eligible profile.
    """
    if explicit:
        return Fallback(why=_BY_ORDER)
    if not stored:
        return Fallback(tuple(others))
    from_environment = tuple(p for p in others if p.source is Source.ENV)
    relief_at = _all_ended_at(stored)
    standing = [p for p in stored if p.usable_rule.rule not in _OUT_FOR_GOOD]
    if standing and all(roll_up.only_parked(p) for p in standing):
        return Fallback((), _WHILE_PARKED, tuple(others), relief_at)
    return Fallback(tuple(p for p in others if p.source is not Source.ENV), _STORE_FIRST, from_environment, relief_at)


def _all_ended_at(stored: Sequence[ProfileVerdict]) -> datetime | None:
    """Return when the last profile leaves the list: tokens do at their date, logins and keys stay whatever happens."""
    ends = [p.expires_at for p in stored if p.credential is CredentialKind.TOKEN and p.expires_at]
    return max(ends) if len(ends) == len(stored) else None
