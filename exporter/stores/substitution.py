"""Pure. `${NAME}` in the strings of a gateway's configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping

_VARIABLE = re.compile(r"(\$?)\$\{([A-Z_][A-Z0-9_]*)\}")


def expand(text: str, variables: Mapping[str, str]) -> tuple[str, bool]:
    """Replace each `${NAME}` by its variable; an unset or empty one stays as written.

    Returns the text and whether every variable was found. Names are upper-case; `$${NAME}` stands for a literal `${NAME}`.
    """
    if "${" not in text:
        return text, True
    complete = True

    def value(found: re.Match[str]) -> str:
        nonlocal complete
        if found[1]:
            return found[0][1:]
        known = variables.get(found[2])
        if not known:
            complete = False
            return found[0]
        return known

    return _VARIABLE.sub(value, text), complete


def mentions_variable(text: str) -> bool:
    """Say whether `text` holds an unescaped `${NAME}`."""
    return not expand(text, {})[1]
