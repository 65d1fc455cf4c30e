"""Edge. `auth`: look at a gateway's stored credentials and their order, and put them right."""

from __future__ import annotations

from pathlib import Path

import click

from exporter.cli import output
from exporter.cli.auth_history import history
from exporter.cli.auth_order import order
from exporter.cli.auth_paste import paste_api_key, paste_token
from exporter.cli.auth_setup import setup_token
from exporter.cli.ending import Ending
from exporter.cli.group import Group
from exporter.cli.repairs import Secretive, bench, whom
from exporter.repair import answers
from exporter.words import visible


@click.group("auth", cls=Group)
def command() -> None:
    """List, order and replace a gateway's stored credentials.

    Stores of JSON releases are written under the gateway's own lock; for releases with databases its own program is run.
    """


@command.command("list", cls=Secretive)
@click.option("--provider", metavar="P", help="Only this provider.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@whom
def list_profiles(provider: str | None, as_json: bool, gateway: str | None, agent: str | None, config: Path | None) -> int:
    """List the profiles an agent sees; no secrets."""
    work = bench(config, gateway, agent)
    wanted = work.target.dialect.provider(provider) if provider else None
    if as_json:
        output.document(answers.list_document(work.target, wanted))
    else:
        output.lines(visible(line) for line in answers.list_lines(work.target, wanted))
    return Ending.FINE


for each in (order, paste_token, paste_api_key, setup_token, history):
    command.add_command(each)
