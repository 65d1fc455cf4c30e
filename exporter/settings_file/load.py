"""Edge. Finds and reads the settings file, its secrets and the variables over it; every fault names file, line, key and remedy.

Values are never repeated in a fault: somebody may have put a secret in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, get_args, get_type_hints

from exporter.model import Family, Secret
from exporter.settings import CONFIG_VARIABLE, ENV_PREFIX, Settings
from exporter.settings_file.channels import faults
from exporter.settings_file.plain_file import read_text
from exporter.settings_file.text import CLOSE_IT, EXPOSED, SettingsError, closest, example, is_exposed, show

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["SettingsError", "example", "load", "locate", "show"]

_SYSTEM_FILE: Final = Path("/etc/model-auth-exporter/config.yaml")
_SECRET_BYTES: Final = 64 << 10
_LONGEST_KEY: Final = 32
_LINK_VARIABLE: Final = re.compile(
    r"(SERVICE_HOST|SERVICE_PORT\w*|PORT(_\d+_\w+)?|NAME|ENV_\w+)$"
)  # what Kubernetes and Docker add by themselves

_Path = tuple[str | int, ...]


def load(explicit: Path | None, environ: Mapping[str, str], *, system: Path = _SYSTEM_FILE) -> Settings:
    """Read all settings; raises SettingsError. Defaults alone cost no import of pydantic or yaml."""
    if not needs_checking(explicit, environ, system=system):
        return Settings()
    from exporter.settings_file.yaml_lines import Document, parse

    file = locate(explicit, environ, system=system)
    document = parse(file, read_text(file)) if file is not None else Document({}, MappingProxyType({}))
    return _Loader(file, document.lines, environ, _variables(environ)).settings(document.values)


def needs_checking(explicit: Path | None, environ: Mapping[str, str], *, system: Path = _SYSTEM_FILE) -> bool:
    """Tell whether anything is set at all; raises SettingsError for a file that is not there."""
    file = locate(explicit, environ, system=system)
    return file is not None or bool(_variables(environ)) or bool(environ.get("CREDENTIALS_DIRECTORY"))


def locate(explicit: Path | None, environ: Mapping[str, str], *, system: Path = _SYSTEM_FILE) -> Path | None:
    """Find the settings file: the one named, $MODEL_AUTH_EXPORTER_CONFIG, the XDG place, /etc; None when there is none."""
    named = explicit or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    if named is not None:
        if not named.exists():
            raise SettingsError(str(named), None, "", "no such file", "create it with `config init`, or name another one")
        return named
    home = environ.get("HOME")
    base = environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    places = ([Path(base) / "model-auth-exporter" / "config.yaml"] if base.startswith("/") else []) + [system]
    for place in places:
        try:
            place.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise SettingsError(str(place), None, "", error.strerror or "cannot be read", "make it readable, or name another one") from None
        return place
    return None


def _variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    """List our variables; one that names no setting is a fault, unless a container runtime adds such names by itself."""
    known = {setting.name.upper() for setting in fields(Settings)}
    found = []
    for name in environ:
        if not name.startswith(ENV_PREFIX) or name == CONFIG_VARIABLE:
            continue
        section = name.removeprefix(ENV_PREFIX)
        if section.partition("__")[0].removesuffix("_FILE") in known or section.partition("__")[0] in known:
            found.append(name)
        elif not _LINK_VARIABLE.fullmatch(section):
            close = closest(section, known)
            remedy = f"did you mean {ENV_PREFIX}{close}?" if close else "unset it"
            raise SettingsError("environment", None, name, "no such setting", remedy)
    return tuple(found)


class _Loader:
    """Turns checked values into `Settings`, knowing where each came from."""

    def __init__(self, file: Path | None, lines: Mapping[_Path, int], environ: Mapping[str, str], variables: tuple[str, ...]) -> None:
        self._file, self._lines, self._environ, self._variables = file, lines, environ, variables

    def settings(self, values: Mapping[str, Any]) -> Settings:
        from pydantic import ValidationError

        from exporter.settings_file.schema import validate

        for key in values:
            if key.startswith("_"):  # pydantic-settings would take it for an option of its own
                raise self._fault((key,), "no such setting", "delete it")
        try:
            checked = validate(values, {name: self._environ[name] for name in self._variables})
        except ValidationError as error:
            raise self._explained(error.errors(include_url=False, include_input=False)) from None
        settings = self._made(Settings, checked, ())
        assert isinstance(settings, Settings)
        for path, message, remedy in _contradictions(settings):
            raise self._fault(path, message, remedy)
        return settings

    def _explained(self, errors: list[ErrorDetails]) -> SettingsError:
        """Tell the fault that stands first in the file."""
        first = min(errors, key=lambda error: self._line(error["loc"]) or 0)
        path = tuple(
            step
            for step in first["loc"]
            if not (isinstance(step, str) and step.startswith(("function-", "tuple[", "literal[", "nullable")))
        )
        if first["type"] != "extra_forbidden":
            return self._fault(path, *_in_words(first))
        from exporter.settings_file.schema import known_keys

        known = known_keys(path[:-1])
        close = closest(str(path[-1]), known)
        return self._fault(path, "no such setting", f"did you mean {close}?" if close else f"known here: {', '.join(known)}")

    def _line(self, path: _Path) -> int | None:
        return next((self._lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self._lines), None)

    def _fault(self, path: _Path, message: str, remedy: str) -> SettingsError:
        for name in self._variables:
            steps = name.removeprefix(ENV_PREFIX).lower().split("__")
            if steps == [str(step).lower() for step in path][: len(steps)]:
                return SettingsError("environment", None, name, message, remedy)
        return SettingsError(str(self._file or "settings"), self._line(path), _dotted(path), message, remedy)

    def _made(self, kind: type, checked: Any, path: _Path) -> Any:
        hints = get_type_hints(kind)
        made = {}
        for setting in fields(kind):
            value, here = getattr(checked, setting.name), (*path, setting.name)
            hint = hints[setting.name]
            if Secret in get_args(hint) and not isinstance(value, tuple):
                made[setting.name] = self._secret(value, getattr(checked, f"{setting.name}_file"), here, checked)
            else:
                made[setting.name] = self._value(hint, value, here)
        return kind(**made)

    def _value(self, hint: Any, value: Any, path: _Path) -> Any:
        inner = next((part for part in (hint, *get_args(hint)) if is_dataclass(part) and isinstance(part, type)), None)
        match value:
            case tuple() | list():
                return tuple(self._value(get_args(hint)[0], item, (*path, place)) for place, item in enumerate(value))
            case dict():
                return MappingProxyType({key: self._value(get_args(hint)[1], item, (*path, key)) for key, item in value.items()})
            case Path():
                return self._place(value, path)
            case _ if hasattr(value, "get_secret_value"):
                return Secret(value.get_secret_value())
            case _ if inner is not None and value is not None:
                return self._made(inner, value, path)
            case _:
                return value

    def _place(self, value: Path, path: _Path) -> Path:
        """Make a path absolute, seen from the settings file; `~` is our home, but stays in gateways' paths: their user may differ."""
        credentials = self._environ.get("CREDENTIALS_DIRECTORY")
        if credentials and len(value.parts) == 1 and (Path(credentials) / value).is_file():
            return Path(credentials) / value
        text = str(value)
        if text.startswith("~"):
            home = self._environ.get("HOME")
            return value if path[0] == "gateways" or not home or not re.match(r"~(/|$)", text) else Path(home + text[1:])
        return (self._file.absolute().parent if self._file else Path.cwd()) / value

    def _secret(self, value: Any, file: Path | None, path: _Path, owner: Any) -> Secret | None:
        if value is not None and file is not None:
            raise self._fault((*path[:-1], f"{path[-1]}_file"), f"set together with {path[-1]}", "keep one of the two")
        if value is not None:
            return Secret(value.get_secret_value())
        if file is None:
            file = self._credential(path, owner)
        else:
            file = self._place(file, (*path[:-1], f"{path[-1]}_file"))
        if file is None:
            return None
        try:
            text = read_text(file, _SECRET_BYTES).strip()
        except SettingsError as error:
            raise self._fault((*path[:-1], f"{path[-1]}_file"), f"{file}: {error.message}", error.remedy) from None
        if not text:
            raise self._fault((*path[:-1], f"{path[-1]}_file"), f"{file} is empty", "write the secret into it")
        return Secret(text)

    def _credential(self, path: _Path, owner: Any) -> Path | None:
        """Find a systemd credential called like the key, list items by their name: `web.bearer_token`, `channels.ops.url`."""
        directory = self._environ.get("CREDENTIALS_DIRECTORY")
        if not directory:
            return None
        named = [str(getattr(owner, "name", step)) if isinstance(step, int) else step for step in path]
        file = Path(directory) / ".".join(named).replace("/", "_")
        return file if file.is_file() else None


def _in_words(error: ErrorDetails) -> tuple[str, str]:
    """Say what is wrong and what to do."""
    match error["type"].partition("_")[0]:
        case "setting":
            message, _, remedy = error["msg"].partition("; ")
            return message, remedy
        case "literal" | "enum":
            return "not one of its words", f"write {error['ctx']['expected']}"
        case "int" | "float":
            return "not a number", "write a number such as 5"
        case "greater" | "less":
            return "out of range", error["msg"].replace("Input should be ", "write a number ")
        case "bool":
            return "neither true nor false", "write true or false"
        case "string" | "path":
            return "not text", "write one text, in quotes if need be"
        case "tuple" | "list":
            return "not a list", 'write ["a", "b"]'
        case _:
            return "not a section of settings", "write `key: value` lines under it"


def _dotted(path: _Path) -> str:
    """Write a path; a step too long to be a key may be a secret in the wrong place and is not repeated."""
    shown = (step if isinstance(step, int) or len(step) <= _LONGEST_KEY else "…" for step in path)
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in shown).removeprefix(".")


def _contradictions(settings: Settings) -> Iterator[tuple[_Path, str, str]]:
    """Find what no single value shows."""
    yield from _insecure(settings)
    yield from _logins(settings)
    for section, items in (("gateways", settings.gateways), ("static_profiles", settings.static_profiles), ("channels", settings.channels)):
        seen: set[str] = set()
        for place, item in enumerate(items):
            key = "id" if section == "static_profiles" else "name"
            name = getattr(item, key)
            if name in seen:
                yield (section, place, key), "used twice", "give each its own"
            if name == "":
                yield (section, place, key), "missing", "name it"
            if name is not None:
                seen.add(name)
    for place, gateway in enumerate(settings.gateways):
        if gateway.family is Family.STATIC:
            yield ("gateways", place, "family"), "not a family of gateways", "write openclaw, clawdbot, moltbot or remoteclaw"
        if not (gateway.state_dir or gateway.config or gateway.user):
            yield ("gateways", place), "names no place", "set state_dir, config or user"
    for place, profile in enumerate(settings.static_profiles):
        if not profile.provider:
            yield ("static_profiles", place, "provider"), "missing", "name the provider, such as openai"
        if sum(map(bool, (profile.key.env, profile.key.file, profile.key.exec))) != 1:
            yield ("static_profiles", place, "key"), "needs exactly one of env, file, exec", "keep one"
    yield from faults(settings)


def _insecure(settings: Settings) -> Iterator[tuple[_Path, str, str]]:
    if is_exposed(settings.listen, settings.web):
        yield ("listen",), EXPOSED, CLOSE_IT


def _logins(settings: Settings) -> Iterator[tuple[_Path, str, str]]:
    names = {"", "token", "anonymous"} if settings.web.bearer_token else {"", "anonymous"}
    for place, token in enumerate(settings.web.tokens):
        if token.name in names:
            yield ("web", "tokens", place, "name"), "missing, taken or used twice", "give each its own"
        if token.token is None:
            yield ("web", "tokens", place, "token"), "missing", "set token or token_file"
        names.add(token.name)
    if "change" in settings.web.rights.get("anonymous", ()):
        yield ("web", "rights", "anonymous"), "nobody may change something without a login", "take `change` out"
