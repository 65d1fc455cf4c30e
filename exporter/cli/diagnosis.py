"""Pure. A doctor's report as lines and as a document."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from exporter.doctor.examine import NOTHING_THERE
from exporter.doctor.report import Group, Level, Report, Result
from exporter.words import counted, listing, rfc3339, visible

_MARKS = {Level.CRITICAL: "✗", Level.WARNING: "!", Level.UNKNOWN: "?", Level.INFO: "i", Level.OK: "✓"}
_ASCII = {Level.CRITICAL: "x", Level.WARNING: "!", Level.UNKNOWN: "?", Level.INFO: "-", Level.OK: "+"}
_WHY, _AT, _RUN = "    why   ", "    at    ", "    run   "
_WHOLE = (_AT, _RUN)
_NARROWEST = 24
_SERIOUS = (Level.CRITICAL, Level.WARNING)


def lines(report: Report, *, unicode: bool, columns: int | None = None) -> list[str]:
    """Write the report for people: what is wrong with why and how to end it, then what was only seen, then what is fine.

    Sentences are broken at `columns`; commands and paths stay whole, to be copied.
    """
    marks = _MARKS if unicode else _ASCII
    text = [line for result in report.results if result.level in _SERIOUS for line in _serious(result, marks)]
    seen = [result for result in report.results if result.level in (Level.UNKNOWN, Level.INFO) and result.trouble.what != NOTHING_THERE]
    text += [line for result in seen for line in _seen(result, marks)]
    text += _fine(report, marks)
    return [visible(line) for entry in (*text, "", _summary(report)) for line in _folded(entry, columns)]


def document(report: Report) -> Mapping[str, object]:
    """Return the report as one document; `id` is stable from release to release."""
    return {"schema": 1, "at": rfc3339(report.at), "exit": report.exit, "checks": [_entry(result) for result in report.results]}


def _folded(line: str, columns: int | None) -> list[str]:
    if columns is None or len(line) <= columns or line.startswith(_WHOLE):
        return [line]
    indent = " " * (len(_WHY) if line.startswith(_WHY) else 2)
    return textwrap.wrap(line, max(columns, _NARROWEST), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _serious(result: Result, marks: Mapping[Level, str]) -> Iterator[str]:
    trouble = result.trouble
    where = f"{trouble.subject}: " if trouble.subject else ""
    yield f"{marks[result.level]} {result.level}  {where}{trouble.what}"
    yield f"{_WHY}{result.check.matters}"
    yield from (f"{_AT}{path}" for path in trouble.paths)
    yield from (f"{_RUN}{command}" for command in trouble.commands)
    yield f"    check {result.check.id}"
    yield ""


def _seen(result: Result, marks: Mapping[Level, str]) -> Iterator[str]:
    where = f"{result.trouble.subject}: " if result.trouble.subject else ""
    yield f"{marks[result.level]} {where}{result.trouble.what}  [{result.check.id}]"


def _fine(report: Report, marks: Mapping[Level, str]) -> Iterator[str]:
    for group in Group:
        fine = [result.trouble.what for result in report.results if result.check.group is group and result.level is Level.OK]
        if fine:
            yield f"{marks[Level.OK]} {group}: {listing(fine)}"


def _summary(report: Report) -> str:
    counts = {level: sum(1 for result in report.results if result.level is level) for level in Level}
    checks = len({result.check.id for result in report.results if result.trouble.what != NOTHING_THERE})
    wrong = [f"{counts[level]} {level}" for level in _SERIOUS if counts[level]]
    return f"{counted(checks, 'check')}: {listing(wrong) if wrong else 'nothing to put right'}"


def _entry(result: Result) -> Mapping[str, object]:
    trouble = result.trouble
    return {
        "id": result.check.id,
        "group": result.check.group.value,
        "level": result.level.value,
        "subject": trouble.subject or None,
        "what": trouble.what,
        "why": None if result.level is Level.OK else result.check.matters,
        "commands": list(trouble.commands),
        "paths": list(trouble.paths),
        "fixable": trouble.repair is not None,
    }
