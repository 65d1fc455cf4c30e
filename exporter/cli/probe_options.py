"""Edge. What `--probe` and its options ask for, read from the flags of a command; loads nothing that sends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import click

NAMES = ("probe", "probe_provider", "probe_profile", "probe_timeout", "probe_concurrency", "probe_max_tokens")


@dataclass(frozen=True, slots=True)
class ProbeFlags:
    """`--probe` and what narrows it."""

    probe: bool = False
    probe_provider: frozenset[str] = frozenset()
    probe_profile: frozenset[str] = frozenset()
    probe_timeout: timedelta | None = None
    probe_concurrency: int | None = None
    probe_max_tokens: int | None = None


def taken(flags: dict[str, object]) -> ProbeFlags:
    """Take the options of `--probe` out of a command's flags; a filter without `--probe` is wrong usage."""
    found = ProbeFlags(**{name: flags.pop(name) for name in NAMES})  # type: ignore[arg-type]  # click checked each option's type
    if not found.probe and found != ProbeFlags():
        raise click.UsageError("--probe-provider, --probe-profile and the like need --probe")
    return found
