"""Pure. How a command ends: the exit codes, and the exception that carries one."""

from __future__ import annotations

from enum import IntEnum

PROGRAM = "model-auth-exporter"


class Ending(IntEnum):
    """Exit codes. 1 and 2 are verdicts and mean nothing else; the rest follow sysexits and the shells' 128 + signal."""

    FINE = 0
    LAPSED = 1
    EXPIRING = 2
    USAGE = 64
    INTERNAL = 70
    CONFIG = 78
    INTERRUPTED = 130
    CLOSED = 141


class Failure(Exception):
    """Ends the command with this code and these words on stderr; the words are for people and hold no secret."""

    def __init__(self, ending: Ending, words: str) -> None:
        super().__init__(words)
        self.ending = ending
        self.words = words
