"""Pure. A place in a JSON document: typed access that notes wrong types instead of raising."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from exporter.model import EMPTY, ProblemReason
from exporter.stores.json_text import Notes, pointer
from exporter.stores.substitution import expand


@dataclass(frozen=True, slots=True)
class Node:
    """One value and where it stands. Absent and null read as nothing; any other wrong type is noted as BAD_VALUE."""

    value: object
    notes: Notes
    place: str = ""
    variables: Mapping[str, str] = field(default_factory=lambda: EMPTY)

    def at(self, *keys: str) -> Node:
        """Step into objects; what is absent is a node of nothing."""
        node = self
        for key in keys:
            members = node._object()
            node = Node(members.get(key), node.notes, pointer(node.place, key), node.variables)
        return node

    def has(self, key: str) -> bool:
        """Say whether this is an object with a value at `key`, null not counting."""
        return isinstance(self.value, dict) and self.value.get(key) is not None

    def members(self) -> Iterator[tuple[str, Node]]:
        """Yield the members of an object."""
        for key, value in self._object().items():
            yield key, Node(value, self.notes, pointer(self.place, key), self.variables)

    def items(self) -> Iterator[Node]:
        """Yield the items of a list."""
        match self.value:
            case None:
                return
            case list():
                for index, value in enumerate(self.value):
                    yield Node(value, self.notes, pointer(self.place, index), self.variables)
            case _:
                self.bad()

    def text(self) -> str | None:
        """Read a string, its `${NAME}` variables replaced; an unknown variable stays as written and is noted."""
        match self.value:
            case None:
                return None
            case str():
                text, complete = expand(self.value, self.variables)
                if not complete:
                    self.bad()
                return text
            case _:
                self.bad()
                return None

    def word(self) -> str | None:
        """Read a string without surrounding blanks; a blank one is nothing."""
        text = self.text()
        return (text.strip() or None) if text else None

    def complete_text(self) -> str | None:
        """Read a string whose variables are all known; with an unknown one there is no value to use."""
        text = self.text()
        return text if isinstance(self.value, str) and expand(self.value, self.variables)[1] else None

    def words(self) -> tuple[str, ...] | None:
        """Read a list of strings, or None when there is no list; blank ones are dropped, others than strings noted."""
        if not isinstance(self.value, list):
            if self.value is not None:
                self.bad()
            return None
        return tuple(word for item in self.items() if (word := item.word()))

    def flag(self) -> bool:
        """Read a boolean; absent is false."""
        if self.value is not None and not isinstance(self.value, bool):
            self.bad()
        return self.value is True

    def number(self) -> float | None:
        """Read a finite number; a boolean is none."""
        match self.value:
            case None:
                return None
            case int() | float() if not isinstance(self.value, bool):
                number = finite(self.value)
                if number is not None:
                    return number
        self.bad()
        return None

    def count(self, *, least: int = 0, most: int = 1 << 31) -> int | None:
        """Read a whole number between `least` and `most`."""
        number = self.number()
        if number is None:
            return None
        if not least <= number <= most or number != int(number):
            self.bad()
            return None
        return int(number)

    def bad(self, reason: ProblemReason = ProblemReason.BAD_VALUE) -> None:
        """Note that the value here is not used as written."""
        self.notes.add(reason, self.place)

    def _object(self) -> dict[str, object]:
        match self.value:
            case dict():
                return self.value
            case None:
                return {}
            case _:
                self.bad()
                return {}


def finite(number: float) -> float | None:
    """Return a number as a finite float; None when it is none or too large to be one."""
    try:
        value = float(number)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None
