"""Pure. Which text format and which encoding a client asked for.

Source: RFC 9110 section 12.5; prometheus.io "Content negotiation".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from exporter.metrics.exposition import CONTENT_TYPE_OPENMETRICS, CONTENT_TYPE_TEXT


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write the exposition."""

    media: str
    version: str
    content_type: str
    openmetrics: bool = False


TEXT: Final = Format("text/plain", "0.0.4", CONTENT_TYPE_TEXT)
# The same text: 1.0.0 only adds a way to quote names that ours do not need.
TEXT_1: Final = Format("text/plain", "1.0.0", "text/plain; version=1.0.0; charset=utf-8; escaping=underscores")
OPENMETRICS: Final = Format("application/openmetrics-text", "1.0.0", CONTENT_TYPE_OPENMETRICS, openmetrics=True)

_OFFERED: Final = (TEXT, OPENMETRICS, TEXT_1)  # by preference, where the client has none


@dataclass(frozen=True, slots=True)
class _Range:
    value: str
    version: str
    q: float
    place: int


def choose_format(accept: str) -> Format:
    """Pick the format with the highest q; of equals the more specific, then the first named. Nothing acceptable gives text 0.0.4."""
    ranges = list(_ranges(accept))
    best: tuple[tuple[float, int, int], Format] | None = None
    for offered in _OFFERED:
        matches = [(rank, -r.place, r.q) for r in ranges if (rank := _specificity(r, offered))]
        if not matches:
            continue
        rank, place, q = max(matches)
        if q > 0 and (best is None or (q, rank, place) > best[0]):
            best = (q, rank, place), offered
    return best[1] if best else TEXT


def accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether gzip is welcome, and not less so than plain bytes."""
    wanted: Mapping[str, float] = {r.value: r.q for r in _ranges(accept_encoding)}
    gzip = wanted.get("gzip", wanted.get("x-gzip", wanted.get("*", 0.0)))
    return gzip > 0 and gzip >= wanted.get("identity", 0.0)


def _specificity(r: _Range, offered: Format) -> int:
    """Rank how exactly a range names a format; 0 when it does not."""
    if r.value == offered.media:
        if r.version:
            return 4 if r.version == offered.version else 0
        return 3 if offered is not TEXT_1 else 0
    if r.value == f"{offered.media.partition('/')[0]}/*":
        return 2
    return 1 if r.value == "*/*" else 0


def _ranges(header: str) -> Iterator[_Range]:
    for place, part in enumerate(header.split(",")):
        value, *parameters = (piece.strip() for piece in part.split(";"))
        options = {name.strip().lower(): text.strip().strip('"') for name, _, text in (option.partition("=") for option in parameters)}
        if value:
            yield _Range(value.lower(), options.get("version", ""), _quality(options.get("q", "1")), place)


def _quality(text: str) -> float:
    try:
        q = float(text)
    except ValueError:
        return 0.0
    return q if 0.0 <= q <= 1.0 else 0.0
