"""Pure. What earlier passes learned about each subject and this one cannot see: since when."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from exporter.model import Credential


class Subject(NamedTuple):
    """The labels of one profile; `profile` is empty for a provider as a whole."""

    gateway: str
    agent: str
    provider: str
    profile: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is remembered of one subject. Instants are when *we* first saw the thing, unless the evidence carries its own."""

    first_seen_at: datetime
    fingerprint: str = ""
    changed_at: datetime | None = None  # the credential was replaced
    auth_failing_since: datetime | None = None  # first authentication failure after the stored expiry
    fence_seen_at: datetime | None = None
    dark_since: datetime | None = None  # providers only


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one pass saw of one subject."""

    fingerprint: str = ""
    auth_failed_at: datetime | None = None
    fenced: bool = False
    dark_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class History:
    """Everything remembered. `salt` keeps fingerprints useless off this host."""

    salt: bytes = b""
    subjects: Mapping[Subject, Remembered] = field(default_factory=lambda: MappingProxyType({}))


def observe(history: History, sightings: Mapping[Subject, Sighting], now: datetime, kept: Iterable[Subject] = ()) -> History:
    """Fold one pass into the history; returns the same object when nothing changed.

    Subjects not sighted are forgotten, except `kept` ones (their store cannot be read: absence proves nothing).
    """
    keep = set(kept)
    subjects = {}
    changed = False
    for subject, remembered in history.subjects.items():
        if subject in keep and subject not in sightings:
            subjects[subject] = remembered
    for subject, sighting in sightings.items():
        before = history.subjects.get(subject)
        after = _update(before, sighting, now)
        subjects[subject] = after
        changed = changed or after is not before
    if not changed and subjects.keys() == history.subjects.keys():
        return history
    return History(history.salt, MappingProxyType(subjects))


def fingerprint(credential: Credential, salt: bytes) -> str:
    """Return a salted fingerprint of all secret material; "" without any. A login that renewed itself has a new one."""
    material = [secret.reveal() for secret in (credential.secret, credential.refresh) if secret]
    if not material:
        return ""
    return hmac.new(salt, "\0".join(material).encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[:16]


def _update(before: Remembered | None, sighting: Sighting, now: datetime) -> Remembered:
    if before is None:
        fence = now if sighting.fenced else None
        return Remembered(now, sighting.fingerprint, None, sighting.auth_failed_at, fence, sighting.dark_since)
    replaced = bool(sighting.fingerprint and before.fingerprint and sighting.fingerprint != before.fingerprint)
    failing = None if sighting.auth_failed_at is None else (None if replaced else before.auth_failing_since) or sighting.auth_failed_at
    after = Remembered(
        first_seen_at=before.first_seen_at,
        fingerprint=sighting.fingerprint or before.fingerprint,
        changed_at=now if replaced else before.changed_at,
        auth_failing_since=failing,
        fence_seen_at=(before.fence_seen_at or now) if sighting.fenced else None,
        dark_since=None if sighting.dark_since is None else before.dark_since or sighting.dark_since,
    )
    return before if after == before else after
