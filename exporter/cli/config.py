"""Edge. `config check`, `config show`, `config init`: the settings, validated, shown and begun."""

from __future__ import annotations

import os
from pathlib import Path

import click

from exporter.cli import options, output
from exporter.cli.ending import Ending, Failure
from exporter.cli.group import Group
from exporter.cli.loading import settings_of
from exporter.settings import Settings
from exporter.settings_file.load import example, locate, show
from exporter.settings_file.text import SettingsError


@click.group("config", cls=Group)
def command() -> None:
    """Check, show or begin the settings."""


@command.command("check", short_help="Validate the settings.")
@click.argument("file", required=False, type=options.FILE)
@options.config
def check(file: Path | None, config: Path | None) -> int:
    """Validate the settings (FILE, else the ones in effect); 78 with file, line, key and remedy when they are bad."""
    named = _one(file, config)
    settings = settings_of(named, deliverable=True)
    _door(settings)
    place = locate(named, os.environ)
    output.lines([f"{place}: fine" if place else "no settings file: the defaults are in effect"])
    return Ending.FINE


@command.command("show")
@options.config
def show_settings(config: Path | None) -> int:
    """Print the settings in effect as YAML, secrets masked."""
    output.data(show(settings_of(config)))
    return Ending.FINE


@command.command("init", short_help="Print or write a commented example.")
@click.argument("file", required=False, type=options.FILE)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def init(file: Path | None, force: bool) -> int:
    """Print a commented example that means the defaults; with FILE, write it there (0600)."""
    if file is None:
        output.data(example())
        return Ending.FINE
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_TRUNC if force else os.O_EXCL)
        with os.fdopen(os.open(file, flags, 0o600), "w", encoding="utf-8") as opened:
            opened.write(example())
    except FileExistsError:
        raise Failure(Ending.USAGE, f"{file} exists already; --force replaces it") from None
    except OSError as error:
        raise Failure(Ending.CONFIG, f"cannot write {file}: {error.strerror}") from None
    output.note(f"wrote {file}")
    return Ending.FINE


def _door(settings: Settings) -> None:
    """Check the web-config file, the certificates it names, and the address; ends the command with 78 when they are bad."""
    from exporter.web.door import Door

    try:
        door = Door(settings)
    except SettingsError as error:
        raise Failure(Ending.CONFIG, str(error)) from None
    if door.is_open:
        output.note(f"warning: {settings.listen} is open to the network, and anybody there may read")


def _one(file: Path | None, config: Path | None) -> Path | None:
    if file is not None and config is not None:
        raise click.UsageError("name the file once: as FILE or with --config")
    return file or config
