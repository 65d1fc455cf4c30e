"""Edge. `serve`: the exporter as a service."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import click

from exporter.cli import options
from exporter.cli.ending import Ending, Failure
from exporter.cli.loading import home, settings_of
from exporter.settings import Settings
from exporter.settings_file.text import CLOSE_IT, EXPOSED, SettingsError, is_exposed


@click.command("serve")
@options.listen
@options.config
def command(listen: str | None, config: Path | None) -> int:
    """Read and judge again and again, and serve /metrics, until SIGTERM or Ctrl-C. SIGHUP reads the settings anew."""
    from exporter.cli.deliverable import load_deliverable
    from exporter.service import serve  # the web server and the scheduler, which `serve --help` need not load
    from exporter.settings_file.apart import load_apart

    def reload() -> Settings:
        return _at(load_deliverable(config, os.environ, load_apart), listen)

    settings = listening(settings_of(config, deliverable=True, load=load_apart), listen)
    return serve(settings, reload=reload, environ=os.environ, home=home())


def listening(settings: Settings, listen: str | None) -> Settings:
    """Put the address of the command line over the one of the settings.

    Ends the command with 64 for what is no address, with 78 for one that lets the network in.
    """
    try:
        return _at(settings, listen)
    except ValueError as error:
        raise Failure(Ending.USAGE, f"--listen: {error}") from None
    except SettingsError as error:
        raise Failure(Ending.CONFIG, str(error)) from None


def _at(settings: Settings, listen: str | None) -> Settings:
    if listen is None:
        return settings
    if is_exposed(listen, settings.web):
        raise SettingsError(f"--listen {listen}", None, "", EXPOSED, CLOSE_IT)
    return replace(settings, listen=listen)
