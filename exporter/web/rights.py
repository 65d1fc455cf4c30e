"""Pure. Who may do what: read metrics, read the page and the API, change something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Right(StrEnum):
    """One thing a caller may do; the words of `web.rights`."""

    METRICS = "metrics"
    PAGE = "page"
    CHANGE = "change"


ANONYMOUS: Final = "anonymous"
_ALL: Final = frozenset(Right)
_READING: Final = frozenset({Right.METRICS, Right.PAGE})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. Somebody who did not prove a name is called `anonymous`."""

    name: str
    rights: frozenset[Right]
    proven: bool = False

    def may(self, right: Right) -> bool:
        """Tell whether the caller has a right; nothing is ever changed by somebody without a name."""
        return right in self.rights and (self.proven or right is not Right.CHANGE)


def caller(name: str | None, rules: Mapping[str, frozenset[Right]], *, logins: bool) -> Caller:
    """Say what somebody may do: what the rules say of the name; else everything, and without a name reading where nobody can log in."""
    if name is not None:
        return Caller(name, rules.get(name, _ALL), proven=True)
    return Caller(ANONYMOUS, rules.get(ANONYMOUS, frozenset() if logins else _READING) & _READING)
