"""Pure. Service definitions: systemd units with their drop-ins, and launchd property lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from exporter.model import Parsed, Problem, ProblemReason, Secret, StoreRef
from exporter.stores.env_text import MAX_BYTES, NAME, decode
from exporter.stores.json_text import Notes, refusal

_SECTION = "[Service]"
_WORD = re.compile(r"""(?:"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|'(?:[^'\\]++|\\.)*+(?:'|\\?\Z)|\\.|[^\s"'\\]++|\\\Z)++""", re.DOTALL)
_PIECE = re.compile(r""""((?:[^"\\]++|\\.)*+)(?:"|\\?\Z)|'((?:[^'\\]++|\\.)*+)(?:'|\\?\Z)|((?:\\.|[^\s"'\\]++)++)|\\\Z""", re.DOTALL)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
_SPECIFIER = re.compile(r"%(.)", re.DOTALL)
_CONTROL = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " "}


@dataclass(frozen=True, slots=True)
class UnitFile:
    """What a systemd service says of its environment. `environment_files` are (path, optional), in order."""

    environment: Mapping[str, Secret] = field(default_factory=lambda: MappingProxyType({}))
    environment_files: tuple[tuple[str, bool], ...] = ()
    exec_start: str = field(default="", repr=False)  # a command line can carry secrets
    user: str = ""
    unset: tuple[str, ...] = ()  # names taken out again after everything else


def parse(raws: Sequence[bytes], ref: StoreRef, specifiers: Mapping[str, str]) -> Parsed[UnitFile]:
    """Read a unit and its drop-ins, in that order.

    Shape:  [Service] with Environment=, EnvironmentFile=, UnsetEnvironment=, ExecStart=, User=; an empty assignment forgets what came
            before. `specifiers` maps the letters of %h and the like; an unknown one stays as written.
    Errors: never raises; a line or word that assigns nothing is BAD_ENTRY.
    """
    notes, unit = Notes(ref), _Unit(specifiers)
    problems: tuple[Problem, ...] = ()
    for raw in raws:
        if len(raw) > MAX_BYTES:
            notes.add(ProblemReason.TOO_LARGE)
            continue
        text, faults = decode(raw, ref)
        problems += faults
        for line, key, value in _settings(text, notes):
            unit.take(key, value, f"line {line}", notes)
    return Parsed(unit.done(), problems + notes.all())


def parse_launchd(raw: bytes, ref: StoreRef) -> Parsed[Mapping[str, Secret]]:
    """Read `EnvironmentVariables` of a launchd property list, XML or binary. Never raises."""
    import plistlib

    try:
        tree: object = plistlib.loads(raw)
    except Exception:  # plistlib lets the errors of expat, struct, datetime and int through, undocumented
        return Parsed(None, refusal(ref, ProblemReason.INVALID_SYNTAX if raw.strip() else ProblemReason.EMPTY))
    section = tree.get("EnvironmentVariables", {}) if isinstance(tree, dict) else None
    if not isinstance(section, dict):
        return Parsed(None, refusal(ref, ProblemReason.WRONG_SHAPE))
    notes = Notes(ref)
    found = {name: Secret(value) for name, value in section.items() if isinstance(name, str) and isinstance(value, str)}
    if len(found) < len(section):
        notes.add(ProblemReason.BAD_VALUE, "EnvironmentVariables")
    return Parsed(MappingProxyType(found), notes.all())


class _Unit:
    """The settings of one unit while its files are read."""

    def __init__(self, specifiers: Mapping[str, str]) -> None:
        self._specifiers = specifiers
        self._environment: dict[str, Secret] = {}
        self._files: list[tuple[str, bool]] = []
        self._unset: list[str] = []
        self._exec_start = self._user = ""

    def take(self, key: str, value: str, place: str, notes: Notes) -> None:
        match key:
            case "Environment":
                self._assign(value, place, notes)
            case "EnvironmentFile":
                path = self._expand(value.removeprefix("-").strip())
                self._files = [*self._files, (path, value.startswith("-"))] if path else []
            case "UnsetEnvironment":
                self._unset = [*self._unset, *(self._expand(word) for word in _words(value))] if value else []
            case "ExecStart":
                self._exec_start = value
            case "User":
                self._user = self._expand(value)
            case _:
                pass

    def done(self) -> UnitFile:
        unset = frozenset(self._unset)
        kept = {n: v for n, v in self._environment.items() if n not in unset and f"{n}={v.reveal()}" not in unset}
        return UnitFile(
            MappingProxyType(kept), tuple(self._files), self._exec_start, self._user, tuple(word for word in self._unset if "=" not in word)
        )

    def _assign(self, value: str, place: str, notes: Notes) -> None:
        if not value:
            self._environment = {}
        for word in _words(value):
            name, equals, text = self._expand(word).partition("=")
            if equals and NAME.fullmatch(name):
                self._environment[name] = Secret(text)
            else:
                notes.add(ProblemReason.BAD_ENTRY, place)

    def _expand(self, text: str) -> str:
        def value(found: re.Match[str]) -> str:
            letter = found[1]
            return "%" if letter == "%" else self._specifiers.get(letter, self._specifiers.get(f"%{letter}", found[0]))

        return _SPECIFIER.sub(value, text)


def _settings(text: str, notes: Notes) -> Iterator[tuple[int, str, str]]:
    """Yield (line, key, value) of the service section; continued lines are joined by a blank, comments inside them skipped."""
    section, pending, began = "", "", 0
    for number, line in enumerate((*text.split("\n"), ""), 1):
        line = line.strip("\r")
        if line.lstrip()[:1] in ("#", ";"):
            continue
        began = began if pending else number
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        whole, pending = (pending + line).strip(), ""
        if whole.startswith("["):
            section = whole
        elif whole and section == _SECTION:
            key, equals, value = whole.partition("=")
            if equals:
                yield began, key.strip(), value.strip()
            else:
                notes.add(ProblemReason.BAD_ENTRY, f"line {began}")


def _words(text: str) -> Iterator[str]:
    for word in _WORD.finditer(text):
        yield "".join(_ESCAPE.sub(_unescaped, piece[1] or piece[2] or piece[3] or "") for piece in _PIECE.finditer(word[0]))


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    if len(code) == 1:
        return _CONTROL.get(code, code)
    number = int(code, 8) if code[0].isdigit() else int(code[1:], 16)
    return chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else ""
