"""Edge. A command that only has commands below it."""

from __future__ import annotations

import click


class Group(click.Group):
    """Shows its help on stderr and ends with wrong usage when nothing is asked for; releases of the library differ there."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse an empty command line."""
        if not args:
            click.echo(ctx.get_help(), err=True)
            ctx.fail("name a command")
        return super().parse_args(ctx, args)
