"""Pure. Environment files: `.env` as the dotenv library of Node reads it, and `EnvironmentFile=` as systemd does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from exporter.model import Parsed, ProblemReason, Secret, StoreRef
from exporter.stores.env_text import MAX_BYTES, NAME, decode
from exporter.stores.json_text import Notes, refusal

_ASSIGNMENT = re.compile(r"[^\S\n]*+(?:export[^\S\n]++)?([\w.-]++)(?:[^\S\n]*+=|:[^\S\n])[^\S\n]*+", re.ASCII)
_QUOTES = "'\"`"
_AFTER_QUOTE = r"[^\S\n]*+(?:#[^\n]*+)?(?=\n|\Z)"
# A backslash protects the quote, unless that leaves the value open.
_QUOTED = {
    quote: tuple(re.compile(rf"{quote}({inner}){quote}{_AFTER_QUOTE}") for inner in (rf"(?:\\{quote}|[^{quote}])*+", rf"[^{quote}]*+"))
    for quote in _QUOTES
}
_BARE = re.compile(r"[^#\n]*+")

_SYSTEMD_START = re.compile(r"(?:[ \t\r\n]++|[#;][^\n]*+)*+")
_SYSTEMD_NAME = re.compile(r"([^=\n]*+)=")
_SYSTEMD_PIECE = re.compile(
    r"""[ \t\r]*+(?:'(?P<single>[^']*+)(?:'|\Z)|"(?P<double>(?:[^"\\]++|\\.)*+)(?:"|\\?\Z)|(?P<bare>(?:[^\\\n]++|\\.)*+\\?))""", re.DOTALL
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CHARACTER = re.compile(r"\\.|\\\Z|[^\\]", re.DOTALL)


def parse(raw: bytes, ref: StoreRef) -> Parsed[Mapping[str, Secret]]:
    r"""Read one `.env` file by the rules of dotenv.

    Shape:  NAME=value, `export NAME=value` or `NAME: value`; # begins a comment; values may be quoted by ', " or `, over several lines;
            \n and \r mean line ends inside double quotes only; the last assignment of a name wins. Nothing is expanded.
    Errors: never raises; a line that assigns nothing is BAD_ENTRY; more than 1 MiB is fatal, as the gateways ignore such a file.
    """
    if len(raw) > MAX_BYTES:
        return Parsed(None, refusal(ref, ProblemReason.TOO_LARGE))
    text, problems = decode(raw, ref)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    notes, found = Notes(ref), {}
    at, line = 0, 1
    while at < len(text):
        assignment = _ASSIGNMENT.match(text, at)
        if assignment is None:
            end = _line_end(text, at)
            words = text[at:end].strip()
            if words and not words.startswith("#"):
                notes.add(ProblemReason.BAD_ENTRY, f"line {line}")
        else:
            value, end = _value(text, assignment.end())
            found[assignment[1]] = Secret(value)
            end = _line_end(text, end)
        line += text.count("\n", at, end + 1)
        at = end + 1
    return Parsed(MappingProxyType(found), problems + notes.all())


def parse_systemd(raw: bytes, ref: StoreRef) -> Parsed[Mapping[str, Secret]]:
    """Read one file named by `EnvironmentFile=`, by the rules of systemd.exec(5).

    Shape:  NAME=value; lines beginning with # or ; are comments; a backslash at the end joins lines; values may be quoted by ' or " in
            whole or in part; a backslash protects the next character, between double quotes only one of "\\`$. The last assignment wins.
    Errors: never raises; a line without = or with a name that is none is BAD_ENTRY.
    """
    if len(raw) > MAX_BYTES:
        return Parsed(None, refusal(ref, ProblemReason.TOO_LARGE))
    text, problems = decode(raw, ref)
    notes, found = Notes(ref), {}
    for name, value, line in _systemd_assignments(text):
        if value is None or NAME.fullmatch(name) is None:
            notes.add(ProblemReason.BAD_ENTRY, f"line {line}")
        else:
            found[name] = Secret(value)
    return Parsed(MappingProxyType(found), problems + notes.all())


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _value(text: str, at: int) -> tuple[str, int]:
    quote = text[at : at + 1]
    quoted = next((found for form in _QUOTED.get(quote, ()) if (found := form.match(text, at)) is not None), None)
    if quoted is not None:
        inner = quoted[1]
        return (inner.replace("\\n", "\n").replace("\\r", "\r") if quote == '"' else inner), quoted.end()
    bare = _BARE.match(text, at)
    value = bare[0].strip() if bare is not None else ""
    if len(value) > 1 and value[0] == value[-1] and value[0] in _QUOTED:
        value = value[1:-1]
    if quote == '"':
        value = value.replace("\\n", "\n").replace("\\r", "\r")
    return value, at + len(bare[0]) if bare is not None else at


def _systemd_assignments(text: str) -> Iterator[tuple[str, str | None, int]]:
    """Yield (name, value, line); the value is None for a line without an equals sign."""
    at, line = 0, 1
    while (start := _SYSTEMD_START.match(text, at)) is not None and start.end() < len(text):
        line += text.count("\n", at, start.end())
        name = _SYSTEMD_NAME.match(text, start.end())
        if name is None:
            end = _line_end(text, start.end())
            yield "", None, line
        else:
            value, end = _systemd_value(text, name.end())
            yield name[1].strip(), value, line
        line += text.count("\n", start.end(), end)
        at = end


def _systemd_value(text: str, at: int) -> tuple[str, int]:
    """Read quoted pieces as long as there are any, then the rest of the line, which may go on after a backslash."""
    value = ""
    while (piece := _SYSTEMD_PIECE.match(text, at)) is not None:
        at = piece.end()
        if piece["single"] is not None:
            value += piece["single"]
        elif piece["double"] is not None:
            value += _ESCAPED.sub(lambda found: _escaped(found[1], '"\\`$'), piece["double"])
        else:
            chars = _CHARACTER.findall(piece["bare"])
            while chars and chars[-1] in " \t\r":
                chars.pop()
            return value + "".join(_escaped(char[1:], None) if char[0] == "\\" else char for char in chars), at
    return value, at


def _escaped(char: str, special: str | None) -> str:
    """Return what a backslash and `char` stand for, where only `special` characters need one (None: all may have one)."""
    if char in ("", "\n"):
        return ""
    return char if special is None or char in special else f"\\{char}"
