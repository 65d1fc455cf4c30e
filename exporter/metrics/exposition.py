"""Pure. The two text formats of Prometheus, and what a metric family is: a row with its series and their text.

Text is made by hand: the client library's renderer spends ten times as long on the same series.
Source: prometheus.io "Exposition formats" (0.0.4), OpenMetrics 1.0.0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, Generic, TypeVar

from exporter.masking import short_hash

CONTENT_TYPE_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
CONTENT_TYPE_OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
EOF: Final = b"# EOF\n"

_LONGEST_LABEL: Final = 200
_EXACT: Final = 1e15  # whole floats below are written without a point

V = TypeVar("V")
X = TypeVar("X")

Labels = tuple[str, ...]


class Kind(StrEnum):
    """The type of a family; state sets are gauges in both formats, so that queries do not depend on the format."""

    GAUGE = "gauge"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True)
class Item(Generic[X]):
    """One thing with its label values, raw and as text: `gateway="a",agent="b"`."""

    labels: Labels
    prefix: str
    thing: X


@dataclass(frozen=True, slots=True)
class Base(Generic[V, X]):
    """What a family has series for: the names of the labels, where the things are found, and whether they change without the verdicts."""

    names: Labels
    items: Callable[[V], Iterable[Item[X]]]
    live: bool = False

    def item(self, labels: Labels, thing: X) -> Item[X]:
        """Make one item of this base."""
        return Item(labels, pairs(self.names, labels), thing)


@dataclass(frozen=True, slots=True)
class Family(Generic[V]):
    """One metric family. The text of a `live` one may change while the verdicts stay."""

    name: str
    help: str
    labels: Labels
    kind: Kind
    live: bool
    series: Callable[[V], Iterator[tuple[Labels, float]]]
    text: Callable[[V], str]

    def header(self, openmetrics: bool) -> str:
        """Return the HELP and TYPE lines."""
        name = self.name.removesuffix("_total") if openmetrics and self.kind is Kind.COUNTER else self.name
        about = self.help.replace("\\", r"\\").replace("\n", r"\n")
        if openmetrics:
            about = about.replace('"', r"\"")
        return f"# HELP {name} {about}\n# TYPE {name} {self.kind}\n"


def single(base: Base[V, X], name: str, about: str, value: Callable[[X], float | None], kind: Kind = Kind.GAUGE) -> Family[V]:
    """Declare a family with at most one series per thing."""

    def series(view: V) -> Iterator[tuple[Labels, float]]:
        for item in base.items(view):
            if (found := value(item.thing)) is not None:
                yield item.labels, found

    def text(view: V) -> str:
        start = f"{name}{{" if base.names else name
        end = "} " if base.names else " "
        found = ((item.prefix, value(item.thing)) for item in base.items(view))
        return "".join([f"{start}{prefix}{end}{number(one)}\n" for prefix, one in found if one is not None])

    return Family(name, about, base.names, kind, base.live, series, text)


def state_set(base: Base[V, X], name: str, about: str, label: str, states: type[StrEnum], state: Callable[[X], str | None]) -> Family[V]:
    """Declare a family with one series per state, exactly one of which is 1; none at all while the state is unknown."""
    every = tuple(str(member) for member in states)
    tails = {now: tuple(f',{label}="{one}"}} {int(one == now)}\n' for one in every) for now in every}

    def series(view: V) -> Iterator[tuple[Labels, float]]:
        for item in base.items(view):
            if (now := state(item.thing)) is not None:
                for one in every:
                    yield (*item.labels, one), float(one == now)

    def text(view: V) -> str:
        blocks = []
        for item in base.items(view):
            if (now := state(item.thing)) is not None:
                line = f"{name}{{{item.prefix}"
                blocks.append(line + line.join(tails[now]))
        return "".join(blocks)

    return Family(name, about, (*base.names, label), Kind.GAUGE, False, series, text)


def labelled(
    base: Base[V, X], name: str, about: str, extra: Labels, read: Callable[[X], Iterable[tuple[Labels, float]]], kind: Kind = Kind.GAUGE
) -> Family[V]:
    """Declare a family with any number of series per thing, told apart by `extra` labels; repeated ones are left out."""

    def series(view: V) -> Iterator[tuple[Labels, float]]:
        for item in base.items(view):
            seen: set[Labels] = set()
            for values, found in read(item.thing):
                if values not in seen:
                    seen.add(values)
                    yield (*item.labels, *values), found

    def text(view: V) -> str:
        lines = []
        for item in base.items(view):
            seen: set[str] = set()
            start = f"{name}{{{item.prefix}{',' if item.prefix else ''}"
            for values, found in read(item.thing):
                more = pairs(extra, values)
                if more not in seen:
                    seen.add(more)
                    lines.append(f"{start}{more}}} {number(found)}\n")
        return "".join(lines)

    return Family(name, about, (*base.names, *extra), kind, base.live, series, text)


def remaining(
    base: Base[V, X], name: str, about: str, extra: Labels, ends: Callable[[X], Iterable[tuple[Labels, float]]], clock: Callable[[V], float]
) -> Family[V]:
    """Declare a family of seconds until the instants that `ends` tells, counted while rendering; negative afterwards."""

    def series(view: V) -> Iterator[tuple[Labels, float]]:
        now = clock(view)
        for item in base.items(view):
            for values, end in ends(item.thing):
                yield (*item.labels, *values), end - now

    def text(view: V) -> str:
        now = clock(view)
        lines = []
        for item in base.items(view):
            for values, end in ends(item.thing):
                more = f",{pairs(extra, values)}" if extra else ""
                lines.append(f"{name}{{{item.prefix}{more}}} {number(end - now)}\n")
        return "".join(lines)

    return Family(name, about, (*base.names, *extra), Kind.GAUGE, True, series, text)


@lru_cache(maxsize=50_000)
def pairs(names: Labels, values: Labels) -> str:
    """Write label pairs without braces."""
    return ",".join([f'{name}="{escape(value)}"' for name, value in zip(names, values, strict=True)])


@lru_cache(maxsize=50_000)
def escape(value: str) -> str:
    """Write a label value: escaped, bounded in length, always encodable; two different values stay different."""
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON can hold and UTF-8 cannot
        value = f"{value.encode(errors='replace').decode()}~{short_hash(value)}"
    if len(value) > _LONGEST_LABEL:
        value = f"{value[:_LONGEST_LABEL]}~{short_hash(value)}"
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def number(value: float) -> str:
    """Write a sample value; whole numbers without a point, instants to the millisecond."""
    if value == value // 1 and -_EXACT < value < _EXACT:
        return str(int(value))
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(round(value, 6) if abs(value) >= 1e-3 else value)
