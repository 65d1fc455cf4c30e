"""Pure. Cases of rules, and the unit tests of promtool they become: every case is put through the same seven turns.

A case lists series as `name{labels} fine -> wrong`, one value where nothing changes. A value is a number, `now+N` (an instant that moves
along), `start+N` (one that stands still, counted from where the phase begins), `rise N` (a counter, N a minute), `climb A+B` (a gauge
that begins at A and gains B a minute), or `-` (no sample).
`?` before a line: the rule fires without it too. `!`: the series outlives the target, as `up` does. Each line of `silenced_by` alone keeps
the rule from firing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

Document = dict[str, object]

TARGET = {"job": "model-auth", "instance": "host:10987"}
SUBJECTS = {
    "TARGET": TARGET,
    "GATEWAY": {**TARGET, "gateway": "openclaw"},
    "SOURCE": {**TARGET, "gateway": "openclaw", "agent": "main", "store": "auth-profiles"},
    "PROVIDER": {**TARGET, "gateway": "openclaw", "agent": "main", "provider": "anthropic"},
    "PROFILE": {**TARGET, "gateway": "openclaw", "agent": "main", "provider": "anthropic", "profile": "anthropic:work"},
    "NOBODY": {},
}
_LINE = re.compile(r"(?P<mark>[?!]*)\s*(?P<name>[a-z_:0-9]+)\{(?P<labels>[^}]*)\}\s+(?P<fine>.+?)(?:\s*->\s*(?P<wrong>.+))?")


@dataclass(frozen=True)
class Series:
    """One series of a case and its value while all is well and while it is not."""

    name: str
    labels: Mapping[str, str]
    fine: str
    wrong: str
    dispensable: bool = False
    outlives: bool = False

    @property
    def text(self) -> str:
        """Return it as promtool wants it."""
        return f"{self.name}{{{','.join(f'{name}={value!r}' for name, value in self.labels.items())}}}".replace("'", '"')


@dataclass(frozen=True)
class Case:
    """How one rule behaves. Times are minutes: `lead` of fine, then `lasts` of wrong, then fine again."""

    series: tuple[Series, ...]
    fires_after: int = 0
    resolves_after: int = 0
    lead: int = 10
    lasts: int = 60
    subject: str = "PROFILE"
    labels: Mapping[str, str] = field(default_factory=dict)
    says: str = ""  # its description when it fires
    silenced_by: tuple[Series, ...] = ()
    when_stale: str = "ends"  # or `goes on`, or `fires`: its very reason
    always: bool = False
    expects: Mapping[str, object] = field(default_factory=dict)  # of recording rules: `fine` and `wrong`, samples by labels


def read(document: Mapping[str, object]) -> Case:
    """Read a case; an unknown key or line is a ValueError."""
    rest = {name: value for name, value in document.items() if name not in ("series", "silenced_by")}
    silencers = tuple(_lines(document.get("silenced_by", "")))
    return replace(Case(tuple(_lines(document["series"])), silenced_by=silencers), **rest)  # type: ignore[arg-type]


def _lines(text: object) -> Iterator[Series]:
    return (_series(line.strip()) for line in str(text).splitlines() if line.strip())


def _series(line: str) -> Series:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"not a line of a case: {line}")
    labels: dict[str, str] = {}
    for piece in filter(None, (piece.strip() for piece in found["labels"].split(","))):
        name, equals, value = piece.partition("=")
        labels |= {name: value.strip('"')} if equals else SUBJECTS[name]
    return Series(found["name"], labels, found["fine"], found["wrong"] or found["fine"], "?" in found["mark"], "!" in found["mark"])


# ---------------------------------------------------------------- values over time

Phase = tuple[str, int]  # what goes on (fine, wrong, stale, gap), and for how many minutes


def values(series: Series, phases: tuple[Phase, ...]) -> str:
    """Write the samples of a series, one a minute."""
    out: list[str] = []
    began: dict[str, int] = {}  # when each kind of phase first began
    counter = 0.0
    for kind, length in phases:
        if kind in ("stale", "restart") and not series.outlives:
            out += ["stale"] + ["_"] * (length - 1)
            counter = 0 if kind == "restart" else counter
            continue
        value = series.fine if kind == "fine" else series.wrong
        start = began.setdefault(kind, len(out))
        for _ in range(length):
            counter += float(value.removeprefix("rise ")) if value.startswith("rise ") else 0
            vanishes = value == "-" and out and out[-1] not in ("_", "stale")
            out.append("stale" if vanishes else _sample(value, len(out), start, counter))
    return " ".join(_short(out))


def _sample(value: str, minute: int, start: int, counter: float) -> str:
    if value.startswith("rise "):
        return f"{counter:g}"
    if value.startswith("climb "):
        first, _, step = value.removeprefix("climb ").partition("+")
        return f"{float(first) + float(step) * (minute - start):g}"
    if value == "-":
        return "_"
    for word, base in (("now", minute), ("start", start)):
        if value.startswith(word):
            return str(60 * base + int(value.removeprefix(word) or 0))
    return value


def _short(samples: list[str]) -> Iterator[str]:
    """Join runs of equal samples: `0x9` is ten of them."""
    place = 0
    while place < len(samples):
        end = place
        while end < len(samples) and samples[end] == samples[place]:
            end += 1
        run = end - place - 1
        yield f"{samples[place]}x{run + (samples[place] == '_')}" if run and samples[place] != "stale" else samples[place]
        place = end if samples[place] != "stale" else place + 1


# ---------------------------------------------------------------- the turns


@dataclass(frozen=True)
class Turn:
    """One turn a case is put through: phases, and what must be true at which minute (True: it fires)."""

    name: str
    phases: tuple[Phase, ...]
    firing: Mapping[int, bool]
    series: tuple[Series, ...]


def turns(case: Case) -> Iterator[Turn]:
    """List what an alerting rule has to get through."""
    lead, begins, over = case.lead, case.lead + case.fires_after, case.lead + case.lasts
    if case.always:
        yield Turn("fires always", (("fine", 30),), {0: True, 29: True}, case.series)
        return
    after = max(30, case.resolves_after + 10)
    course: tuple[Phase, ...] = (("fine", lead), ("wrong", case.lasts), ("fine", after))
    fires = {lead - 1: False, begins - 1: False, begins: True, over - 1: True}
    yield Turn("fires, and not one step early", course, {0: False, **fires}, case.series)
    ends = {over + case.resolves_after - 1: True} if case.resolves_after else {}
    yield Turn("resolves", course, {over - 1: True, **ends, over + case.resolves_after: False, over + after - 1: False}, case.series)
    silent = dict.fromkeys((lead, begins, over - 1, over + 1), False)
    for series in case.series:
        rest = tuple(one for one in case.series if one is not series)
        still = {begins: True, over - 1: True} if series.dispensable else silent
        if case.when_stale == "fires":
            still = {case.fires_after - 1: False, case.fires_after: True, over - 1: True}
        yield Turn(f"without {series.text}", course, still, rest)
    for series in case.silenced_by:
        rest = tuple(one for one in case.series if one.text != series.text)
        yield Turn(f"silenced by {series.text} {series.wrong}", course, silent, (*rest, series))
    calm: tuple[Phase, ...] = (("fine", lead), ("restart", 2), ("fine", 60))
    yield Turn("silent while all is well, over a restart", calm, dict.fromkeys((0, lead, lead + 5, lead + 61), False), case.series)
    yield from _interruptions(case)


def _interruptions(case: Case) -> Iterator[Turn]:
    begins = case.lead + case.fires_after
    gone = begins + 2
    if case.when_stale == "fires":
        told = {begins - 1: False, begins: True, begins + 20: True}
        yield Turn("a target that is gone", (("fine", case.lead), ("stale", case.fires_after + 30)), told, case.series)
    else:
        ends = gone + case.resolves_after
        told = {begins: True, gone + 5: True} if case.when_stale == "goes on" else {begins: True, ends: False, ends + 20: False}
        yield Turn(
            "a target that is gone",
            (("fine", case.lead), ("wrong", gone - case.lead), ("stale", 60 + case.resolves_after)),
            told,
            case.series,
        )
    back = gone + 1
    again = {begins: True, back + max(case.fires_after, case.resolves_after): True}
    if case.resolves_after > 1 or case.when_stale == "goes on":
        again |= {gone: True, back: True, back + 1: True}
    lasts = 30 + case.fires_after + case.resolves_after
    yield Turn(
        "a restart while it fires", (("fine", case.lead), ("wrong", gone - case.lead), ("restart", 1), ("wrong", lasts)), again, case.series
    )
