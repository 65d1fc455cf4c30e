"""Edge. Checks what the settings file and the environment say: pydantic models made from the dataclasses of `settings`.

Importing this module costs the price of pydantic, so only `settings_file` does, and only when there is something to check.
"""

from __future__ import annotations

import json
import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr, create_model
from pydantic import Field as Described
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from exporter.model import Secret
from exporter.settings import ENV_PREFIX, Settings
from exporter.settings_file.text import SettingsError, parse_address, parse_ratio
from exporter.words import parse_duration, parse_instant

_HOURS: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")


def validate(values: Mapping[str, Any], environ: Mapping[str, str]) -> BaseSettings:
    """Check the values of the file with those of the environment over them.

    Errors: pydantic's ValidationError; SettingsError for a variable that is not the JSON it should be.
    """

    class _Sources(_settings_model()):  # type: ignore[misc]  # made at run time
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], init_settings: Any, **_: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return _Environment(settings_cls, environ), init_settings

    checked: BaseSettings = _Sources(**values)
    return checked


def known_keys(path: tuple[str | int, ...]) -> tuple[str, ...]:
    """List the keys of the section at `path`; empty when there is no such section."""
    kind: Any = Settings
    for step in path:
        if isinstance(step, int):
            continue
        hint = get_type_hints(kind).get(step) if is_dataclass(kind) else kind
        kind = next((inner for inner in (hint, *get_args(hint)) if is_dataclass(inner)), None)
        if kind is None:
            return ()
    return tuple(_section_model(kind).model_fields)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _StrictSettings(BaseSettings):
    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, env_prefix=ENV_PREFIX, env_nested_delimiter="__", case_sensitive=False
    )


class _Environment(EnvSettingsSource):
    """The variables of the mapping given, not of the process; lists may be JSON or comma-separated."""

    def __init__(self, settings_cls: type[BaseSettings], environ: Mapping[str, str]) -> None:
        self._environ = environ
        super().__init__(settings_cls)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in self._environ.items()}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        text = str(value).strip()
        if text.startswith(("[", "{")) or text == "null":
            try:
                return json.loads(text)
            except ValueError:
                name = next(name for name, given in self._environ.items() if given == value)
                raise SettingsError("environment", None, name, "not JSON", 'write lists as ["a", "b"] or a,b') from None
        return [item.strip() for item in text.split(",") if item.strip()]


@cache
def _settings_model() -> type[BaseSettings]:
    return create_model("Settings", __base__=_StrictSettings, **_definitions(Settings))


@cache
def _section_model(kind: type) -> type[BaseModel]:
    return create_model(kind.__name__, __base__=_Strict, **_definitions(kind))


def _definitions(kind: type) -> dict[str, Any]:
    """Give every field its checked type; every secret gets a sibling `…_file`."""
    hints = get_type_hints(kind)
    found: dict[str, Any] = {}
    for setting in fields(kind):
        annotation = _annotation(hints[setting.name], setting.metadata)
        found[setting.name] = (annotation, _default(setting, hints[setting.name]))
        if Secret in get_args(hints[setting.name]) and NoneType in get_args(hints[setting.name]):
            found[f"{setting.name}_file"] = (Path | None, None)
    return found


def _default(setting: Field[Any], hint: Any) -> Any:
    if is_dataclass(hint) and isinstance(hint, type):
        return Described(default_factory=_section_model(hint))
    return {} if setting.default_factory is not MISSING else setting.default


def _annotation(hint: Any, about: Mapping[str, Any]) -> Any:
    """Turn a type of `settings` into one that pydantic checks as the text forms want it."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (UnionType, Union):
        return Union[tuple(_annotation(part, about) for part in inner)]  # noqa: UP007 - built at run time
    if origin is tuple:
        return Annotated[tuple.__class_getitem__((_annotation(inner[0], about), ...)), BeforeValidator(_listed)]
    if origin is not None and inner and inner[0] is str and len(inner) == 2:
        return dict.__class_getitem__((str, _annotation(inner[1], about)))
    if is_dataclass(hint) and isinstance(hint, type):
        return _section_model(hint)
    return _scalar(hint, about)


def _scalar(hint: Any, about: Mapping[str, Any]) -> Any:
    bounds = BeforeValidator(partial(_bounded, about.get("least"), about.get("most")))
    if hint is Secret:
        return Annotated[SecretStr, BeforeValidator(_text)]
    if hint is timedelta:
        return Annotated[timedelta, bounds, BeforeValidator(_told(_duration))]
    if hint is datetime:
        return Annotated[datetime, BeforeValidator(_told(_instant))]
    if hint is float and about.get("kind") == "percent":
        return Annotated[float, bounds, BeforeValidator(_told(parse_ratio))]
    if hint in (int, float):
        return Annotated[hint, Described(ge=about.get("least"), le=about.get("most"))]
    if hint is str:
        return Annotated[str, BeforeValidator(_FORMS.get(str(about.get("kind")), _text))]
    return hint


def _told(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Wrap a parser so that its words, which never carry the value, reach the person."""

    def check(value: Any) -> Any:
        try:
            return parse(value)
        except (ValueError, OverflowError) as error:
            raise _wrong(str(error)) from None

    return check


def _wrong(advice: str) -> PydanticCustomError:
    return PydanticCustomError("setting", "{advice}", {"advice": advice})


def _bounded(least: float | None, most: float | None, value: Any) -> Any:
    number = value.total_seconds() if isinstance(value, timedelta) else value
    unit = "s" if isinstance(value, timedelta) else ""
    if least is not None and number < least:
        raise _wrong(f"too small; the least is {least:g}{unit}")
    if most is not None and number > most:
        raise _wrong(f"too large; the most is {most:g}{unit}")
    return value


def _duration(value: Any) -> Any:
    return parse_duration(str(value))


def _instant(value: Any) -> Any:
    """Read an instant or a date as YAML or JSON gives it; without a zone it is UTC."""
    return parse_instant(value.isoformat() if isinstance(value, date) else str(value))


def _listed(value: Any) -> Any:
    """Take one text for a list of one."""
    return [value] if isinstance(value, str) else value


def _text(value: Any) -> Any:
    """Take a YAML number for the text it was written as."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _address(text: Any) -> Any:
    parse_address(str(text))
    return text


def _hours(text: Any) -> Any:
    if not _HOURS.fullmatch(str(text)):
        raise ValueError("not a span of hours; write 22:00-07:00")
    return text


def _zone(text: Any) -> Any:
    try:
        zoneinfo.ZoneInfo(str(text))
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise ValueError("not a time zone known here; write one such as Europe/Berlin or UTC") from None
    return text


_FORMS: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {"address": _told(_address), "hours": _told(_hours), "zone": _told(_zone)}
)
