"""Edge. Options that several commands share, and the reading of their values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import click

from exporter.checking import Scope
from exporter.words import parse_duration, parse_instant

F = TypeVar("F", bound=Callable[..., object])
V = TypeVar("V")


FILE = click.Path(dir_okay=False, path_type=Path)


def config(function: F) -> F:
    """Add `--config FILE`."""
    words = "Settings file; else $MODEL_AUTH_EXPORTER_CONFIG and the usual places."
    return click.option("--config", type=FILE, metavar="FILE", help=words)(function)


def at(function: F) -> F:
    """Add `--at INSTANT`."""
    words = "Judge for this instant: RFC 3339, a date, or @ and Unix seconds; UTC without a zone."
    return click.option("--at", callback=_read(parse_instant), metavar="INSTANT", help=words)(function)


def within(function: F) -> F:
    """Add `--within DURATION`."""
    words = "Also 2 when something in use lapses before then, such as 72h."
    return click.option("--within", callback=_read(parse_duration), metavar="DURATION", help=words)(function)


def listen(function: F) -> F:
    """Add `--listen ADDRESS`."""
    return click.option("--listen", metavar="HOST:PORT", help="Address of the web server instead of the settings'.")(function)


def filters(function: F) -> F:
    """Add `--gateway`, `--agent` and `--provider`, each repeatable and taking comma lists."""
    for name, words in (("provider", "Only this model provider"), ("agent", "Only this agent"), ("gateway", "Only this gateway")):
        function = click.option(f"--{name}", multiple=True, metavar="NAME", help=f"{words} (repeatable, comma lists).")(function)
    return function


def profiles(function: F) -> F:
    """Add `--profile`, repeatable and taking comma lists."""
    words = "Only this profile (repeatable, comma lists)."
    return click.option("--profile", multiple=True, callback=_named, metavar="ID", help=words)(function)


def probing(function: F) -> F:
    """Add `--probe` and the filters and limits that go with it, as the gateways' own command has them."""
    choices = (
        click.option("--probe", is_flag=True, help="Also ask each provider now, without cost, whether it accepts what is stored."),
        click.option("--probe-provider", multiple=True, callback=_named, metavar="NAME", help="Ask only this provider (comma lists)."),
        click.option("--probe-profile", multiple=True, callback=_named, metavar="ID", help="Ask only for this profile (comma lists)."),
        click.option("--probe-timeout", callback=_read_ms, metavar="MS", help="Longest time one request may take: milliseconds, or 8s."),
        click.option("--probe-concurrency", type=int, callback=_positive, metavar="N", help="Requests under way at once."),
        click.option("--probe-max-tokens", type=int, callback=_positive, metavar="N", help="Accepted; no request of ours spends tokens."),
    )
    for choice in reversed(choices):
        function = choice(function)
    return function


def read_seconds(context: click.Context, parameter: click.Parameter, text: str | None) -> timedelta | None:
    """Read a duration; a bare number is seconds."""
    return _span(context, parameter, text, "s")


def scope(gateway: tuple[str, ...], agent: tuple[str, ...], provider: tuple[str, ...]) -> Scope:
    """Build the scope the filters ask for."""
    return Scope(_names(gateway), _names(agent), _names(provider))


def _read(parse: Callable[[str], V]) -> Callable[[click.Context, click.Parameter, str | None], V | None]:
    """Make the callback that reads an option's text; what cannot be read is wrong usage."""

    def convert(context: click.Context, parameter: click.Parameter, text: str | None) -> V | None:
        try:
            return None if text is None else parse(text)
        except ValueError as error:
            raise click.BadParameter(str(error), context, parameter) from None

    return convert


duration_value = _read(parse_duration)


def _read_ms(context: click.Context, parameter: click.Parameter, text: str | None) -> timedelta | None:
    return _span(context, parameter, text, "ms")


def _span(context: click.Context, parameter: click.Parameter, text: str | None, unit: str) -> timedelta | None:
    if text is None:
        return None
    bare = text.strip().replace(".", "", 1).isdigit()
    try:
        span = parse_duration(f"{text.strip()}{unit}" if bare else text)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None
    if span <= timedelta(0):
        raise click.UsageError(f"{parameter.opts[0]} must be a positive number{' (ms)' if unit == 'ms' else ''}", context)
    return span


def _positive(context: click.Context, parameter: click.Parameter, value: int | None) -> int | None:
    if value is not None and value <= 0:
        raise click.UsageError(f"{parameter.opts[0]} must be > 0", context)
    return value


def _named(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> frozenset[str]:
    return _names(values)


def _names(values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name.strip() for value in values for name in value.split(",") if name.strip())
