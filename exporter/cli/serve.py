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
from exporter.settings_file.text import parse_address


@click.command("serve")
@options.listen
@options.config
def command(listen: str | None, config: Path | None) -> int:
    """Read and judge again and again, and serve /metrics, until SIGTERM or Ctrl-C. SIGHUP reads the settings anew."""
    from exporter.cli.deliverable import load_deliverable
    from exporter.service import serve  # the web server and the scheduler, which `serve --help` need not load
    from exporter.settings_file.apart import load_apart

    def reload() -> Settings:
        return listening(load_deliverable(config, os.environ, load_apart), listen)

    settings = listening(settings_of(config, deliverable=True, load=load_apart), listen)
    return serve(settings, reload=reload, environ=os.environ, home=home())


def listening(settings: Settings, listen: str | None) -> Settings:
    """Put the address of the command line over the one of the settings; ends the command with 64 for what is no address."""
    if listen is None:
        return settings
    try:
        host, _ = parse_address(listen)
    except ValueError as error:
        raise Failure(Ending.USAGE, f"--listen: {error}") from None
    web = settings.web
    if not (web.allow_insecure_listen or web.bearer_token or web.tokens or web.config) and host not in {"127.0.0.1", "::1", "localhost"}:
        words = "other than loopback needs web.config, web.bearer_token or web.allow_insecure_listen in the settings"
        raise Failure(Ending.CONFIG, f"--listen {listen}: {words}")
    return replace(settings, listen=listen)
