"""Edge. Structured logs on standard error: an event name, then fields. Exceptions show their place and type, never their text."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Final, Literal, TextIO

_PLAIN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:@+,*()[]~")
_QUIET: Final = ("apscheduler", "uvicorn", "asyncio", "httpx", "httpcore", "concurrent.futures")
_FRAMES: Final = 8

log: Final = logging.getLogger("exporter")


def configure(level: str, form: Literal["logfmt", "json"], stream: TextIO | None = None) -> None:
    """Send all logs to standard error in one form; libraries speak from warnings on."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Formatter(form))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def event(level: int, name: str, **fields: object) -> None:
    """Log one event; None fields are left out."""
    if log.isEnabledFor(level):
        log.log(level, name, extra={"fields": {key: value for key, value in fields.items() if value is not None}})


def place_of(error: BaseException) -> str:
    """Say where an exception came from, innermost first, without its text: that may repeat what a file held."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}:{frame.name}" for frame in reversed(frames))


class _Formatter(logging.Formatter):
    def __init__(self, form: Literal["logfmt", "json"]) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields: dict[str, object] = {"ts": at, "level": record.levelname.lower()}
        if record.name == log.name:
            fields |= {"event": record.getMessage(), **getattr(record, "fields", {})}
        else:
            fields |= {"event": "library", "logger": record.name, "message": _library_words(record)}
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            fields |= {"error": type(error).__name__, "trace": place_of(error)}
        if self._form == "json":
            return json.dumps(fields, default=str, ensure_ascii=False)
        return " ".join(f"{key}={_value(value)}" for key, value in fields.items())


def _library_words(record: logging.LogRecord) -> str:
    """Keep the first line: a library that logs a traceback as text puts the exception's words into the rest."""
    return record.getMessage().partition("\n")[0]


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.6g}"
        case _:
            text = str(value)
            return text if text and set(text) <= _PLAIN else json.dumps(text, ensure_ascii=False)
