"""Pure. The text forms of settings: durations, shares, addresses, the masked listing and the commented example."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints
from urllib.parse import urlsplit

from exporter.model import Secret
from exporter.settings import Settings, Web

_UNIT_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_USER_INFO: Final = re.compile(r"://[^/@\s]*@")
_PLAIN: Final = re.compile(r"[A-Za-z/~][A-Za-z0-9_./~@-]*")
_WORDS_OF_YAML: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_MASK: Final = "***"
EXPOSED: Final = "open to the network without TLS or authentication"
CLOSE_IT: Final = "listen on 127.0.0.1, set web.config or web.bearer_token, or set web.allow_insecure_listen: true"
_LOOPBACK: Final = re.compile(r"127(\.\d{1,3}){3}|::1|localhost")


class SettingsError(Exception):
    """One fault in the settings; its text is one line for people."""

    def __init__(self, file: str, line: int | None, key: str, message: str, remedy: str) -> None:
        """Name the place (`line` counts from 1), the dotted key, what is wrong and what to do."""
        where = f"{file}:{line}" if line else file
        super().__init__(": ".join(part for part in (where, key, message) if part) + (f" ({remedy})" if remedy else ""))
        self.file, self.line, self.key, self.message, self.remedy = file, line, key, message, remedy


def format_duration(value: timedelta) -> str:
    """Write a duration so that the loader reads the same back: whole days from two days on, else h, m, s, ms."""
    rest = round(value / timedelta(milliseconds=1))
    if rest == 0:
        return "0s"
    if rest >= 2 * _UNIT_MS["d"] and rest % _UNIT_MS["d"] == 0:
        return f"{rest // _UNIT_MS['d']}d"
    parts = []
    for unit in ("h", "m", "s", "ms"):
        count, rest = divmod(rest, _UNIT_MS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def parse_ratio(value: str | float) -> float:
    """Read `20%` or `0.2`; ValueError for anything else, without its text."""
    text = str(value).strip()
    try:
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise ValueError("not a share; write a percentage such as 20%, or a ratio such as 0.2") from None


def parse_address(text: str) -> tuple[str, int]:
    """Split `host:port`, `[::1]:port` or `:port` (every address); ValueError when it is none of them."""
    host, colon, port = text.strip().rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if (
        not colon
        or not port.isascii()
        or not port.isdigit()
        or int(port) > 65_535
        or (":" in host and not bracketed)
        or re.search(r"[\s/]", host)
    ):
        raise ValueError("not an address; write host:port, such as 127.0.0.1:10987 or [::1]:10987")
    return (host[1:-1] if bracketed else host), int(port)


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant."""
    import difflib  # only who misspells something pays for it

    return next(iter(difflib.get_close_matches(word, list(known), 1)), None)


def is_loopback(host: str) -> bool:
    """Tell whether an address to listen on is reached from this machine only."""
    return _LOOPBACK.fullmatch(host) is not None


def is_exposed(listen: str, web: Web) -> bool:
    """Tell whether the network would be let in although nothing asks who it is, or says that this is meant.

    A web-config file is believed here; the door reads it.
    """
    asks = web.config or web.bearer_token or web.tokens
    return not (asks or web.allow_insecure_listen or is_loopback(parse_address(listen)[0]))


@dataclass(frozen=True, slots=True)
class Row:
    """One setting as documentation lists it. `key` is dotted; items of lists carry `[]`."""

    key: str
    default: str
    unit: str
    description: str


def rows(kind: type = Settings, prefix: str = "") -> Iterator[Row]:
    """List every setting in the order of declaration, nested ones after their section."""
    for setting, nested, many in _declared(kind):
        key = prefix + setting.name
        if nested is not None and not many:
            yield from rows(nested, f"{key}.")
            continue
        yield Row(key, scalar(_default(setting), setting.metadata), setting.metadata["unit"], setting.metadata["description"])
        if nested is not None:
            yield from rows(nested, f"{key}[].")


def show(settings: Settings) -> str:
    """Write all settings as YAML, secrets masked; of a proxy or push address only scheme, host and port are shown."""
    return "".join(_shown(settings, ""))


def example() -> str:
    """Write a commented settings file that means exactly the defaults."""
    head = "# Settings of model-auth-exporter. Every line shows the default; delete what you do not change.\n"
    names = "# Every key is also a variable (MODEL_AUTH_EXPORTER_READ__INTERVAL=15s); every secret also KEY_file or a systemd credential.\n"
    return head + names + "".join(_exemplified(Settings, ""))


def scalar(value: object, metadata: Mapping[str, Any]) -> str:
    """Write one value as YAML on one line, secrets masked."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Secret():
            return _quoted(_address_only(value.reveal()) if metadata.get("kind") == "url" else _MASK)
        case timedelta():
            return format_duration(value)
        case float() if metadata.get("unit") == "percent":
            return f"{value * 100:g}%"
        case float():
            return f"{value:g}"
        case int():
            return str(value)
        case datetime():
            return _quoted(value.isoformat())
        case Enum():
            return _quoted(str(value.value))
        case tuple():
            return "[" + ", ".join(scalar(item, metadata) for item in value) + "]"
        case Mapping():
            return "{" + ", ".join(f"{_quoted(str(key))}: {_flow(item, metadata)}" for key, item in value.items()) + "}"
        case Path() | str():
            return _quoted(_USER_INFO.sub(f"://{_MASK}@", str(value)))
        case _:
            return _flow(value, metadata)


def _flow(value: object, metadata: Mapping[str, Any]) -> str:
    if is_dataclass(value) and not isinstance(value, type):
        pairs = ((f.name, getattr(value, f.name), f.metadata) for f in fields(value))
        return "{" + ", ".join(f"{name}: {scalar(item, about)}" for name, item, about in pairs) + "}"
    return scalar(value, metadata)


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML:
        return text
    escaped = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text.replace("\\", "\\\\").replace('"', '\\"'))
    return f'"{escaped}"'


def _address_only(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return _MASK
    if not parts.scheme or not host:
        return _MASK
    rest = _MASK if parts.username or parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{'/' + rest if rest else ''}"


def _declared(kind: type) -> Iterator[tuple[Field[Any], type | None, bool]]:
    """Yield each field with the dataclass nested in it, and whether it holds many of them."""
    hints = get_type_hints(kind)
    for setting in fields(kind):
        hint = hints[setting.name]
        nested = [inner for inner in (hint, *get_args(hint)) if is_dataclass(inner) and isinstance(inner, type)]
        yield setting, nested[0] if nested else None, not is_dataclass(hint)


def _default(setting: Field[Any]) -> object:
    return setting.default_factory() if callable(setting.default_factory) else setting.default


def _shown(value: Any, indent: str) -> Iterator[str]:
    for setting in fields(value):
        item = getattr(value, setting.name)
        if is_dataclass(item):
            yield f"{indent}{setting.name}:\n"
            yield from _shown(item, indent + "  ")
        elif isinstance(item, tuple) and item and is_dataclass(item[0]):
            yield f"{indent}{setting.name}:\n"
            for entry in item:
                lines = list(_shown(entry, indent + "    "))
                yield f"{indent}  - {lines[0].lstrip()}"
                yield from lines[1:]
        else:
            yield f"{indent}{setting.name}: {scalar(item, setting.metadata)}\n"


def _exemplified(kind: type, indent: str) -> Iterator[str]:
    for setting, nested, many in _declared(kind):
        about = setting.metadata["description"]
        if nested is not None and not many:
            yield f"{indent}{setting.name}:  # {about}\n"
            yield from _exemplified(nested, indent + "  ")
            continue
        yield f"{indent}{setting.name}: {scalar(_default(setting), setting.metadata)}  # {about}\n"
        if nested is not None and setting.default == ():
            yield from _commented(nested, indent)


def _commented(kind: type, indent: str) -> Iterator[str]:
    """Show the keys of one list item, all commented out."""
    mark = "- "
    for setting, nested, _ in _declared(kind):
        if nested is not None:
            value = "{" + ", ".join(f"{f.name}: {scalar(_default(f), f.metadata)}" for f in fields(nested)) + "}"
        else:
            value = scalar(_default(setting), setting.metadata)
        yield f"{indent}#  {mark}{setting.name}: {value}  # {setting.metadata['description']}\n"
        mark = "  "
