"""Pure. Draws a dashboard's real answers as one picture, for readers without a Grafana at hand: the same panels, units, words and colours.

It is no Grafana: lines are not smoothed, tables show their first rows, links do nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape

from dashboards.preview_units import Format, coloured, said

Panel = Mapping[str, Any]
Row = Mapping[str, Any]

_CELL_W, _CELL_H, _GAP = 50, 32, 8
_INK, _FAINT, _PAPER, _CARD, _EDGE = "#d8d9da", "#8e8e8e", "#111217", "#181b1f", "#2c3235"
_PALETTE: Final = ("#73bf69", "#f2cc0c", "#5794f2", "#ff780a", "#b877d9", "#8ab8ff", "#fade2a", "#ff7383")
_NAMED: Final = {"green": "#73bf69", "orange": "#ff9830", "red": "#f2495c", "blue": "#5794f2", "gray": "#6e7078"}
_ROWS: Final = 12


@dataclass(frozen=True, slots=True)
class Answer:
    """What one query of a panel got: its reference, its legend, the series (`values`) or samples (`value`) of Prometheus, and when."""

    ref: str
    legend: str
    series: Sequence[Row]
    at: float  # Unix seconds


def picture(dashboard: Mapping[str, Any], answers: Mapping[int, Sequence[Answer]]) -> str:
    """Draw the whole dashboard as SVG; `answers` by the id of the panel."""
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"]) * _CELL_H + 48
    width = 24 * _CELL_W + 2 * _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        ' font-family="Inter, Helvetica, Arial, sans-serif" font-size="12">',
        f"<title>{escape(dashboard['title'])}</title>",
        f'<rect width="{width}" height="{height}" fill="{_PAPER}"/>',
        _text(_GAP + 4, 26, dashboard["title"], size=17, weight=600),
    ]
    for panel in dashboard["panels"]:
        parts.append(_panel(panel, answers.get(panel["id"], ())))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel, answers: Sequence[Answer]) -> str:
    grid = panel["gridPos"]
    x, y = grid["x"] * _CELL_W + _GAP, grid["y"] * _CELL_H + 44
    width, height = grid["w"] * _CELL_W - _GAP, grid["h"] * _CELL_H - _GAP
    if panel["type"] == "row":
        return _text(x + 4, y + 18, panel["title"], size=14, weight=600)
    frame = f'<rect width="{width}" height="{height}" rx="3" fill="{_CARD}" stroke="{_EDGE}"/>'
    clip = f'<svg x="{x}" y="{y}" width="{width}" height="{height}">'
    draw = {"stat": _stat, "timeseries": _lines, "state-timeline": _states, "bargauge": _bars, "table": _table}[panel["type"]]
    inside = draw(panel, answers, width, height)
    return "\n".join((clip, frame, _text(10, 19, panel["title"], weight=600), inside, "</svg>"))


def _stat(panel: Panel, answers: Sequence[Answer], width: int, height: int) -> str:
    form = Format.of(panel["fieldConfig"]["defaults"])
    values = [float(row["value"][1]) for answer in answers for row in answer.series]
    words, colour = (said(values[0], form), coloured(values[0], form)) if values else (panel["fieldConfig"]["defaults"]["noValue"], "gray")
    return _text(width // 2, height // 2 + 24, words, size=34, weight=600, fill=_NAMED[colour], anchor="middle")


def _lines(panel: Panel, answers: Sequence[Answer], width: int, height: int) -> str:
    form = Format.of(panel["fieldConfig"]["defaults"])
    drawn = [
        (_legend(answer, row), [(float(at), float(value)) for at, value in row["values"]]) for answer in answers for row in answer.series
    ]
    points = [point for _, line in drawn for point in line]
    if not points:
        return _nothing(width, height)
    low, high = min(0.0, *(value for _, value in points)), max(value for _, value in points)
    first, last = min(at for at, _ in points), max(at for at, _ in points)
    left, top, bottom = 78, 34, height - 34

    def across(at: float) -> float:
        return left + (at - first) / ((last - first) or 1) * (width - left - 12)

    def up(value: float) -> float:
        return bottom - (value - low) / ((high - low) or 1) * (bottom - top)

    parts = []
    for share in (0, 0.5, 1):
        y = bottom - share * (bottom - top)
        parts.append(f'<line x1="{left}" x2="{width - 12}" y1="{y:.0f}" y2="{y:.0f}" stroke="{_EDGE}"/>')
        parts.append(_text(left - 6, round(y) + 4, said(low + share * (high - low), form), size=10, fill=_FAINT, anchor="end"))
    for place, (_, line) in enumerate(drawn):
        spots = " ".join(f"{across(at):.1f},{up(value):.1f}" for at, value in line)
        parts.append(f'<polyline points="{spots}" fill="none" stroke="{_PALETTE[place % len(_PALETTE)]}" stroke-width="1.6"/>')
    return "\n".join([*parts, _names([name for name, _ in drawn], width, height)])


def _names(names: Sequence[str], width: int, height: int) -> str:
    parts: list[str] = []
    x = 12
    for place, full in enumerate(names):
        name = full if place or len(full) < width / 7 - 14 else f"{full[: width // 7 - 15]}…"
        length = 7 * len(name) + 24
        if x + length > width - 60:
            return "\n".join([*parts, _text(x, height - 10, f"+ {len(names) - place}", size=10, fill=_FAINT)])
        parts.append(f'<rect x="{x}" y="{height - 16}" width="10" height="3" fill="{_PALETTE[place % len(_PALETTE)]}"/>')
        parts.append(_text(x + 14, height - 10, name, size=10, fill=_FAINT))
        x += length
    return "\n".join(parts)


def _states(panel: Panel, answers: Sequence[Answer], width: int, height: int) -> str:
    form = Format.of(panel["fieldConfig"]["defaults"])
    drawn = sorted((_legend(answer, row), row["values"]) for answer in answers for row in answer.series)
    if not drawn:
        return _nothing(width, height)
    shown = drawn[: max(1, (height - 40) // 18)]
    left, step = 250 if width > 500 else 150, min(26, (height - 40) // len(shown))
    parts = []
    for place, (name, values) in enumerate(shown):
        y = 30 + place * step
        parts.append(_text(left - 8, y + step // 2 + 4, name[-38:], size=10, fill=_FAINT, anchor="end"))
        span = (width - left - 12) / len(values)
        for start, end, value in _runs([float(value) for _, value in values]):
            fill = _NAMED[coloured(value, form)]
            at, length = left + start * span, (end - start) * span
            parts.append(f'<rect x="{at:.1f}" y="{y}" width="{length:.1f}" height="{step - 3}" fill="{fill}" fill-opacity="0.75"/>')
            if length > 60:
                parts.append(_text(round(at + length / 2), y + step // 2 + 3, said(value, form), size=10, fill="#ffffff", anchor="middle"))
    return "\n".join(parts)


def _runs(values: Sequence[float]) -> list[tuple[int, int, float]]:
    found: list[tuple[int, int, float]] = []
    for place, value in enumerate(values):
        if found and found[-1][2] == value:
            found[-1] = (found[-1][0], place + 1, value)
        else:
            found.append((place, place + 1, value))
    return found


def _bars(panel: Panel, answers: Sequence[Answer], width: int, height: int) -> str:
    form = Format.of(panel["fieldConfig"]["defaults"])
    drawn = [(_legend(answer, row), float(row["value"][1])) for answer in answers for row in answer.series]
    if not drawn:
        return _nothing(width, height)
    most = panel["fieldConfig"]["defaults"].get("max") or max(value for _, value in drawn) or 1
    step = min(44, (height - 36) // len(drawn))
    parts = []
    for place, (name, value) in enumerate(drawn):
        y, fill = 32 + place * step, _NAMED[coloured(value, form)]
        parts.append(_text(12, y + 11, name, size=10, fill=_FAINT))
        parts.append(
            f'<rect x="12" y="{y + 15}" width="{(width - 90) * min(1, value / most):.0f}" height="{max(6, step - 22)}" fill="{fill}"/>'
        )
        parts.append(_text(width - 12, y + 26, said(value, form), size=13, weight=600, fill=fill, anchor="end"))
    return "\n".join(parts)


def _table(panel: Panel, answers: Sequence[Answer], width: int, height: int) -> str:
    headings, found = _merged(panel, answers)
    if not found:
        return _nothing(width, height)
    room = min(_ROWS, (height - 52) // 20)
    columns = [(heading, _column(panel, heading, answers[0].at)) for heading in headings]
    cells = [[_cell(row.get(heading, ""), form) for heading, form in columns] for row in found[:room]]
    lengths = [min(26, max([len(heading), *(len(row[place]) for row in cells)])) for place, heading in enumerate(headings)]
    scale = (width - 24) / sum(length + 2 for length in lengths)
    parts, x = [], 12.0
    for place, (heading, form) in enumerate(columns):
        most = max(4, int(lengths[place] * scale / 6.2))
        parts.append(_text(round(x), 42, heading[:most], size=10, weight=600, fill=_FAINT))
        for line, row in enumerate(found[:room]):
            value, words = row.get(heading, ""), cells[line][place]
            fill = _NAMED[coloured(value, form)] if isinstance(value, float) and form.has_colour else _INK
            words = words if len(words) <= most else f"{words[: most - 1]}…"
            parts.append(_text(round(x), 62 + line * 20, words, size=11, fill=fill))
        x += (lengths[place] + 2) * scale
    if len(found) > room:
        parts.append(_text(width - 12, 19, f"{len(found)} rows", size=10, fill=_FAINT, anchor="end"))
    return "\n".join(parts)


def _cell(value: object, form: Format) -> str:
    return said(value, form) if isinstance(value, float) else str(value)


def _merged(panel: Panel, answers: Sequence[Answer]) -> tuple[list[str], list[dict[str, Any]]]:
    """Join the answers on their labels, name and hide columns as the transformations say, and sort."""
    options = panel["transformations"][1]["options"]
    rows: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
    for answer in answers:
        heading = options["renameByName"].get(f"Value #{answer.ref}" if len(panel["targets"]) > 1 else "Value", answer.ref)
        for sample in answer.series:
            labels = {name: value for name, value in sample["metric"].items() if name != "__name__"}
            same = next((key for key in rows if dict(key).items() <= labels.items() or labels.items() <= dict(key).items()), None)
            row = rows.setdefault(same or tuple(sorted(labels.items())), {})
            row |= {**labels, heading: float(sample["value"][1])}
    left_out = {name for name, hidden in options["excludeByName"].items() if hidden}
    names = dict.fromkeys(name for row in rows.values() for name in row if name not in left_out and name != "job")
    numbers = [name for name in names if any(isinstance(row.get(name), float) for row in rows.values())]
    order = panel["options"]["sortBy"][0]
    found = sorted(
        rows.values(),
        key=lambda row: (
            row.get(order["displayName"]) is None,
            str(type(row.get(order["displayName"], ""))),
            row.get(order["displayName"], ""),
        ),
    )
    words = sorted((name for name in names if name not in numbers), key=lambda name: options["indexByName"].get(name, 99))
    return [*words, *numbers], list(reversed(found)) if order.get("desc") else found


def _column(panel: Panel, heading: str, now: float) -> Format:
    properties: dict[str, Any] = {}
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] == heading:
            properties |= {one["id"]: one["value"] for one in override["properties"]}
    return Format(properties.get("unit", "short"), properties.get("mappings", []), properties.get("thresholds", {}).get("steps", []), now)


def _legend(answer: Answer, row: Row) -> str:
    text = answer.legend
    for name, value in row["metric"].items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return " ".join(part for part in text.split() if not part.startswith("{{")) or "value"


def _nothing(width: int, height: int) -> str:
    return _text(width // 2, height // 2 + 10, "none", size=14, fill=_FAINT, anchor="middle")


def _text(x: int, y: int, words: str, *, size: int = 12, weight: int = 400, fill: str = _INK, anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{fill}" text-anchor="{anchor}">{escape(words)}</text>'
