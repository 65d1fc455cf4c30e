"""Pure. Conditions of ourselves: what we cannot see, send or do, and a clock nobody should believe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from exporter.finding import Evidence, FindingScope, Fix, Severity, Text
from exporter.findings.condition import Condition, Draft
from exporter.findings.context import Fault
from exporter.findings.phrases import ours, phone, sentence
from exporter.findings.view import View
from exporter.words import duration, visible


def _clock(view: View) -> Iterator[Draft]:
    offset = _offset(view)
    held = view.snapshot.clock_held
    if not held and (offset is None or abs(offset) <= view.thresholds.clock_skew.total_seconds()):
        return
    way = "" if offset is None else f"{duration(timedelta(seconds=abs(offset)))} {'ahead' if offset > 0 else 'behind'}"
    why = (
        f"{held[0].upper()}{held[1:]}."
        if held
        else f"Against the clocks of the providers we asked, this machine is {way}; verdicts near an expiry may be off by that much."
    )
    command = "sudo timedatectl set-ntp true"
    yield Draft(
        key="clock",
        what="cannot be right" if held else f"is {way}",
        fix=Fix("Set the clock, and let something keep it right.", command, phone(view, (command,))),
        why=(why,),
        what_works=("What was known stays as it was: nothing resolves until the clock is right.",) if held else (),
    )


def _offset(view: View) -> float | None:
    """Return our offset: measured by others, else the median over providers of their latest answers."""
    if view.context.ourselves and view.context.ourselves.clock_offset_seconds is not None:
        return view.context.ourselves.clock_offset_seconds
    latest: dict[str, tuple[float, float]] = {}
    for gateway in view.snapshot.gateways:
        for agent in gateway.agents:
            for p in agent.profiles:
                if p.probe is not None and p.probe.clock_offset_seconds is not None and p.probe.at is not None:
                    found = (p.probe.at.timestamp(), p.probe.clock_offset_seconds)
                    latest[p.provider] = max(found, latest.get(p.provider, found))
    return _median(sorted(offset for _, offset in latest.values())) if latest else None


def _median(ordered: Sequence[float]) -> float:
    """Return the middle; the library's module for it would cost the daemon half a megabyte."""
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _probes(view: View) -> Iterator[Draft]:
    us = view.context.ourselves
    if us and us.probes_stale_since:
        why: Text = ("No probe has got an answer since ", us.probes_stale_since, ".")
        yield Draft(
            key="probes",
            what="has not heard from any provider: since",
            fix=ours(view, "Look at this machine's way to the internet, and at our log.", "probe"),
            why=why,
            what_works=("Stores are still read, and dates still judged.",),
            when=us.probes_stale_since,
            since=us.probes_stale_since,
        )


def _delivery(view: View) -> Iterator[Draft]:
    for fault in view.context.ourselves.channels if view.context.ourselves else ():
        advice = "Look at what the channel answers, and correct its settings; what is due is kept and sent again."
        fix = ours(view, advice, "alerts", "test", fault.name)
        what = f"cannot deliver to channel {visible(fault.name)}: since"
        yield _fault(fault, f"channel/{fault.name}", what, fix, "Nothing is lost: notices wait in the outbox.")


def _jobs(view: View) -> Iterator[Draft]:
    for fault in view.context.ourselves.jobs if view.context.ourselves else ():
        command = "journalctl --user-unit model-auth-exporter --unit model-auth-exporter --since -1h"
        fix = Fix("Read our log; a restart is harmless.", command, phone(view, (command,)))
        what = f"fails in its job {visible(fault.name)}: since"
        yield _fault(fault, f"job/{fault.name}", what, fix, "The last good results stay on show, with their age.")


def _fault(fault: Fault, key: str, what: str, fix: Fix, works: str) -> Draft:
    why: Text = (sentence(fault.why),) if fault.why else ()
    return Draft(key=key, what=what, fix=fix, why=why, what_works=(works,), when=fault.since, since=fault.since, detail=fault.name)


CONDITIONS = (
    Condition("ClockSkew", Severity.WARNING, FindingScope.EXPORTER, "This machine's clock is wrong.", _clock, hold=timedelta(minutes=1)),
    Condition(
        "ProbesStale", Severity.WARNING, FindingScope.EXPORTER, "No probe has worked for long.", _probes, evidence=Evidence.OURSELVES
    ),
    Condition(
        "DeliveryFailing",
        Severity.CRITICAL,
        FindingScope.EXPORTER,
        "Notices cannot be delivered to a channel.",
        _delivery,
        evidence=Evidence.OURSELVES,
    ),
    Condition("JobFailing", Severity.WARNING, FindingScope.EXPORTER, "One of our own jobs fails.", _jobs, evidence=Evidence.OURSELVES),
)
