"""Edge. `auth order get / set / clear`: the order in which an agent tries a provider's profiles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from exporter.cli import output
from exporter.cli.ending import Ending, Failure
from exporter.cli.group import Group
from exporter.cli.repairs import Bench, Secretive, after, bench, delegate, own_program, record, refusing, whom
from exporter.repair import answers, writer
from exporter.words import visible

_PROVIDER = click.option("--provider", required=True, metavar="P", help="Provider id.")


@click.group("order", cls=Group)
def order() -> None:
    """Show, store or remove an order of profiles."""


@order.command("get", cls=Secretive)
@_PROVIDER
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@whom
def get(provider: str, as_json: bool, gateway: str | None, agent: str | None, config: Path | None) -> int:
    """Show the stored order."""
    work = bench(config, gateway, agent)
    name = work.target.dialect.provider(provider)
    if as_json:
        output.document(answers.order_document(work.target, name))
    else:
        output.lines(visible(line) for line in answers.order_lines(work.target, name))
    return Ending.FINE


@order.command("set", cls=Secretive)
@_PROVIDER
@click.argument("profile_ids", nargs=-1)
@whom
def set_order(provider: str, profile_ids: tuple[str, ...], gateway: str | None, agent: str | None, config: Path | None) -> int:
    """Store an order; profiles left out are never tried."""
    work = bench(config, gateway, agent)
    one, name = work.target, work.target.dialect.provider(provider)
    with refusing():
        ids = answers.checked_ids(one, name, profile_ids)
        if one.why_not_ours():
            return _through_gateway(work, "set", name, ids, agent)
        writer.set_order(one, name, ids)
    record(work, "order set", name, ids, "file")
    output.lines(visible(line) for line in answers.order_set_lines(one, name, ids))
    return Ending.FINE


@order.command("clear", cls=Secretive)
@_PROVIDER
@whom
def clear(provider: str, gateway: str | None, agent: str | None, config: Path | None) -> int:
    """Remove the stored order; fine when there is none."""
    work = bench(config, gateway, agent)
    one, name = work.target, work.target.dialect.provider(provider)
    if one.why_not_ours():
        return _through_gateway(work, "clear", name, (), agent)
    with refusing():
        writer.clear_order(one, name)
    record(work, "order clear", name, (), "file")
    output.lines(visible(line) for line in answers.order_cleared_lines(one, name))
    return Ending.FINE


def _through_gateway(work: Bench, verb: str, provider: str, ids: Sequence[str], agent: str | None) -> int:
    where = ("--agent", work.target.agent.agent) if agent else ()
    call = own_program(work, ("models", "auth", "order", verb, "--provider", provider, *where, *ids))
    code = delegate(call)
    if code == Ending.FINE:
        record(work, f"order {verb}", provider, ids, work.target.dialect.cli)
        stored = answers.stored_order(after(work).target, provider)
        if verb == "set" and stored != tuple(ids):
            raise Failure(Ending.LAPSED, "the gateway said it was done, but its store says another order; look with `auth order get`")
    return code
