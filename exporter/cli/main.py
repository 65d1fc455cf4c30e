"""Edge. The entry: finds the command, and turns every way it can end into one of our exit codes.

The command library would end with 1 and 2 for reasons of its own; those two are verdicts here, so its own `main` is not used.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

from exporter import __version__
from exporter.cli import output
from exporter.cli.ending import PROGRAM, Ending, Failure
from exporter.cli.group import Group

# Module, and the words of `--help`: listing the commands must not load them.
COMMANDS = {
    "serve": ("exporter.cli.serve", "Run the exporter: read, judge, serve /metrics."),
    "check": ("exporter.cli.check", "Judge once; exit 0 fine, 1 expired or missing, 2 expiring."),
    "status": ("exporter.cli.status", "Show the table people read."),
    "probe": ("exporter.cli.probe", "Ask each provider now whether it accepts what is stored."),
    "explain": ("exporter.cli.explain", "Say everything about one profile, and what to do."),
    "doctor": ("exporter.cli.doctor", "Check installation, permissions, drift and stores."),
    "alerts": ("exporter.cli.alerts", "Show the alert book; acknowledge, silence, test channels."),
    "auth": ("exporter.cli.auth", "List, order and replace stored credentials."),
    "reauth": ("exporter.cli.reauth", "Renew one credential, step by step."),
    "bundle": ("exporter.cli.bundle", "Write the rules, dashboards and units that came with this program."),
    "config": ("exporter.cli.config", "Check, show or begin the settings."),
    "demo": ("exporter.cli.demo", "Serve a throw-away gateway that shows every state."),
}


class _Commands(Group):
    """Loads a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"no such command {args[0]!r}; there are {', '.join(COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
def cli() -> None:
    """Watches the model-provider logins of OpenClaw-family AI gateways.

    Exit codes: 0 fine, 1 expired or missing, 2 expiring, 64 wrong usage, 70 internal error, 78 bad configuration,
    130 interrupted, 141 closed output.
    """


def run() -> None:
    """Be the program: run the command of this process's arguments and end with its exit code."""
    sys.exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; never raises, never ends with a code that is not in `Ending`."""
    try:
        ending = _invoke(list(sys.argv[1:] if argv is None else argv))
        output.flush()
        return ending
    except BrokenPipeError:
        output.forgive()
        return Ending.CLOSED
    except Failure as failure:
        output.note(failure.words)
        output.forgive()
        return failure.ending
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        _show(error)
        return Ending.USAGE
    except (KeyboardInterrupt, EOFError, click.Abort):
        output.note("interrupted")
        return Ending.INTERRUPTED
    except SystemExit:  # a library's own idea of an ending
        output.note("internal error: a library wanted to end the program; please report this")
        return Ending.INTERNAL
    except Exception as error:
        output.note(f"internal error: {_traced(error)}")
        return Ending.INTERNAL


def _invoke(args: list[str]) -> int:
    with cli.make_context(PROGRAM, args) as context:
        result: Any = cli.invoke(context)
    return result if isinstance(result, int) else Ending.FINE


def _show(error: click.ClickException) -> None:
    context = error.ctx if isinstance(error, click.UsageError) else None
    output.note(error.format_message())
    if context is not None:
        output.note(f"see `{context.command_path} --help`")


def _traced(error: Exception) -> str:
    """Say where a bug struck. Its own text stays unsaid: an exception may quote what was being read."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)[-4:]
    where = [f"{frame.name} ({frame.filename.rpartition('/')[2]}:{frame.lineno})" for frame in frames]
    return f"{type(error).__name__} in {' > '.join(where)}; please report this"
