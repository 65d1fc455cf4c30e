"""Pure. Checks of our own installation, schedule and clock."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import timedelta
from statistics import median
from typing import Final

from exporter.doctor.report import Check, Group, Level, OwnUnit, Patient, Trouble
from exporter.words import counted, duration, listing, relative

_FIRES_WITHIN: Final = timedelta(hours=26)  # a daily timer, and some slack
_SLACK: Final = timedelta(hours=1)
_SKEW: Final = 60.0  # seconds
_INSTALL: Final = ("model-auth-exporter bundle export DIR",)


def _settings(patient: Patient) -> Iterator[Trouble]:
    if not patient.installation.settings:
        yield Trouble(Level.INFO, "no settings file: the defaults are in effect, every gateway of this user is looked at")


def _places(patient: Patient) -> Iterator[Trouble]:
    for place in patient.installation.places:
        if place.fault:
            yield Trouble(Level.WARNING, f"{place.what} cannot be used: {place.fault}", paths=(place.path,))
        elif place.exposed:
            bits = "700" if place.directory else "600"
            command = f"chmod {bits} {shlex.quote(place.path)}"
            what = f"{place.what} is open to other users ({place.mode:03o}, should be {bits})"
            yield Trouble(Level.WARNING, what, commands=(command,), paths=(place.path,), repair=place)


def _channels(patient: Patient) -> Iterator[Trouble]:
    found = patient.installation.channels
    if not found:
        yield Trouble(Level.INFO, "no channel is configured: nobody is told of a finding")
    for channel in found:
        test = (f"model-auth-exporter alerts test {shlex.quote(channel.name)}",)
        if channel.reachable is False:
            yield Trouble(Level.CRITICAL, f"channel {channel.name} cannot be reached: {channel.why}", commands=test)
    asked = [channel.name for channel in found if channel.reachable is None]
    if asked:
        how = "only a message can tell" if patient.installation.network else "not asked without --network"
        yield Trouble(Level.INFO, f"{listing(asked)}: {how}", commands=("model-auth-exporter alerts test",))


def _running(patient: Patient) -> Iterator[Trouble]:
    installed, timers = patient.installation, [unit for unit in patient.installation.units if unit.is_timer]
    services = [unit for unit in installed.units if not unit.is_timer and unit.enabled]
    if installed.serving:
        return
    if services:
        names = listing(unit.name for unit in services)
        yield Trouble(Level.CRITICAL, f"{names} is enabled, but nothing answers on our own address", commands=_restart(services[0]))
    elif installed.others:
        yield Trouble(
            Level.INFO, "checks are started by another schedule; whether it runs cannot be seen from here", paths=installed.others
        )
    elif not any(timer.enabled for timer in timers):
        what = "neither a service nor a timer of ours is set up here: checks run only when somebody starts them"
        yield Trouble(Level.INFO, what, commands=_INSTALL)


def _timers(patient: Patient) -> Iterator[Trouble]:
    timers = [unit for unit in patient.installation.units if unit.is_timer]
    watched = patient.installation.serving or patient.installation.others or any(timer.enabled for timer in timers)
    for timer in timers:
        if not timer.enabled and not watched:
            what = f"{timer.name} is installed, but not enabled"
            yield Trouble(Level.WARNING, what, commands=(_systemctl(timer, "enable", "--now"),), paths=(timer.path,))
        elif timer.enabled and timer.fired_at is not None and patient.snapshot.at - timer.fired_at > _patience(timer):
            what = f"{timer.name} last fired {relative(timer.fired_at, patient.snapshot.at)}"
            often = f"; it should every {duration(timer.every)}" if timer.every else ""
            yield Trouble(Level.WARNING, what + often, commands=(_systemctl(timer, "restart"), _systemctl(timer, "list-timers")))


def _patience(timer: OwnUnit) -> timedelta:
    """A host that sleeps misses some; a timer that says nothing of itself may be a daily one."""
    return max(3 * timer.every, _SLACK) if timer.every else _FIRES_WITHIN


def _restart(unit: OwnUnit) -> tuple[str, ...]:
    whose = "" if unit.system else "--user "
    return _systemctl(unit, "restart"), f"{'sudo ' if unit.system else ''}journalctl {whose}-u {shlex.quote(unit.name)} -n 50"


def _systemctl(unit: OwnUnit, *verb: str) -> str:
    start = "sudo systemctl" if unit.system else "systemctl --user"
    return f"{start} {' '.join(verb)} {shlex.quote(unit.name)}"


def _clock(patient: Patient) -> Iterator[Trouble]:
    ntp = ("sudo timedatectl set-ntp true",)
    if patient.snapshot.clock_held:
        yield Trouble(Level.CRITICAL, patient.snapshot.clock_held, commands=ntp)
    outcomes = [profile.probe for profile in patient.snapshot.all_profiles() if profile.probe is not None]
    offsets = [outcome.clock_offset_seconds for outcome in outcomes if outcome.clock_offset_seconds is not None]
    offset = median(offsets) if offsets else 0.0
    if abs(offset) > _SKEW:
        way = "ahead of" if offset > 0 else "behind"
        what = f"this machine is {duration(timedelta(seconds=abs(offset)))} {way} the providers ({counted(len(offsets), 'answer')})"
        yield Trouble(Level.WARNING, what, commands=ntp)


def _synchronised(patient: Patient) -> Iterator[Trouble]:
    match patient.installation.time_synchronised:
        case False:
            what = "the time service runs, but has not synchronised the clock"
            yield Trouble(Level.WARNING, what, commands=("timedatectl timesync-status",))
        case None:
            yield Trouble(Level.UNKNOWN, "whether something keeps this clock right cannot be seen from here")


CHECKS: Final = (
    Check("installation.settings", Group.INSTALLATION, "a valid settings file is in effect", "It decides what is watched.", _settings),
    Check(
        "installation.places", Group.INSTALLATION, "our own files are there and private",
        "Our state holds salted fingerprints and the alert book; without it nothing is remembered.", _places,
    ),
    Check(
        "installation.channels", Group.INSTALLATION, "every channel can be reached",
        "A finding that reaches nobody is found by the users.", _channels,
    ),
    Check("schedule.running", Group.SCHEDULE, "the exporter runs", "What does not run warns of nothing.", _running),
    Check("schedule.timers", Group.SCHEDULE, "our timers are enabled and fire", "A timer that does not fire checks nothing.", _timers),
    Check("clock.offset", Group.CLOCK, "the clock can be right", "Every expiry is judged by this clock.", _clock),
    Check("clock.synchronised", Group.CLOCK, "the clock is synchronised", "A clock left alone drifts.", _synchronised),
)  # fmt: skip
