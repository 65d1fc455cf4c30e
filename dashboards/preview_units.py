"""Pure. Values as a panel says them: units, words of states, colours of thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Format:
    """How a field is shown."""

    unit: str
    mappings: Sequence[Mapping[str, Any]]
    steps: Sequence[Mapping[str, Any]]
    now: float = 0  # Unix seconds, for "3 h ago"

    @classmethod
    def of(cls, defaults: Mapping[str, Any]) -> Format:
        """Take it from a panel's defaults."""
        return cls(defaults["unit"], defaults.get("mappings") or [], (defaults.get("thresholds") or {}).get("steps", []))

    @property
    def has_colour(self) -> bool:
        """Tell whether values have colours."""
        return bool(self.mappings or self.steps)


def said(value: float, form: Format) -> str:
    """Write a value."""
    for mapping in form.mappings:
        found = mapping["options"].get(f"{value:g}")
        if found:
            return str(found["text"])
    match form.unit:
        case "s":
            return _span(value)
        case "percentunit":
            return f"{value:.0%}"
        case "bytes":
            return f"{value / 2**20:.1f} MiB"
        case "dateTimeFromNow":
            return _ago(value / 1000 - form.now)
        case "reqps" | "ops":
            return f"{value:.3g}/s"
        case _:
            return f"{value:.4g}"


def coloured(value: float, form: Format) -> str:
    """Return the colour of a value."""
    for mapping in form.mappings:
        found = mapping["options"].get(f"{value:g}")
        if found:
            return str(found["color"])
    crossed = [step["color"] for step in form.steps if step["value"] is None or value >= step["value"]]
    return str(crossed[-1]) if crossed else "gray"


def _span(value: float) -> str:
    for size, unit in _SPANS:
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return "0 s" if not value else f"{value * 1000:.3g} ms"


def _ago(left: float) -> str:
    return f"in {_span(left)}" if left > 0 else f"{_span(-left)} ago"
