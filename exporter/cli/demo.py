"""Edge. `demo`: the real commands on a throw-away home that shows every state."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from types import FrameType

import click

from exporter.cli import options, output
from exporter.cli.ending import PROGRAM, Ending, Failure
from exporter.cli.loading import now
from exporter.cli.serve import listening
from exporter.demo.home import write
from exporter.demo.street import nobody, street
from exporter.model import Secret
from exporter.settings import Alerts, Log, Probes, Settings, Web

_PASSWORD = "demo"
# The demo's own providers bear more than real ones, and nobody wants to wait for an answer.
_BRISK = Probes(
    interval=timedelta(seconds=15),
    timeout=timedelta(seconds=3),
    per_host_gap=timedelta(milliseconds=200),
    concurrency=4,
    daily_budget=100_000,
)
_KEPT = frozenset({"PATH", "LANG", "LC_ALL", "TZ", "TMPDIR"})


@click.command("demo")
@click.option("--dir", "directory", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Keep the home here.")
@click.option("--no-serve", is_flag=True, help="Write the home and end (with --dir).")
@options.listen
def command(directory: Path | None, no_serve: bool, listen: str | None) -> int:
    """Write gateways with every state a credential can have, and serve them. All keys are fake; nothing outside is touched."""
    if no_serve and directory is None:
        raise click.UsageError("--no-serve needs --dir: a home that nobody serves would be gone at once")
    with _ended_by_signals(), _place(directory) as home, _providers(no_serve) as addresses:
        _written(home, addresses)
        for line in _words(home):
            output.note(line)
        return Ending.FINE if no_serve else _serve(home, listen)


def _providers(no_serve: bool) -> AbstractContextManager[Mapping[str, str]]:
    return nullcontext(nobody()) if no_serve else street()


def _written(home: Path, addresses: Mapping[str, str]) -> None:
    try:
        write(home, now(), addresses)
    except FileExistsError as error:
        raise Failure(Ending.USAGE, f"{error.filename} exists already: name a new directory") from None
    except OSError as error:
        raise Failure(Ending.CONFIG, f"cannot write {home}: {error.strerror}") from None


def _serve(home: Path, listen: str | None) -> int:
    from exporter.service import serve

    address = listening(Settings(), listen or _free_address()).listen  # its password is no secret: loopback only
    settings = Settings(
        listen=address,
        host="demo",
        web=Web(bearer_token=Secret(_PASSWORD), rights={"anonymous": ("metrics", "page")}),
        alerts=Alerts(startup_grace=timedelta(0)),
        probes=_BRISK,
        state_dir=home / "exporter-state",
        log=Log(level="warning"),
    )
    output.data(f"http://{settings.listen}/\n")
    output.flush()
    return serve(settings, environ=_environment(home), home=home, loopback_only=True)


def _environment(home: Path) -> Mapping[str, str]:
    """Build the environment of the demo: nothing of the person's own gateways or keys belongs into it."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT}
    return {**kept, "HOME": str(home)}


def _words(home: Path) -> list[str]:
    command = f"HOME={shlex.quote(str(home))} {_invoked()}"
    return [
        f"wrote gateways with every state a credential can have to {home}; all keys in it are fake",
        f"look at it from another terminal: {command} status",
        f"and at one profile: {command} explain anthropic:overdue; or ask its providers, which are all on this machine: {command} probe",
        f"the page asks for a login before it changes something: any name, and the password {_PASSWORD}",
    ]


def _invoked() -> str:
    """Say how this program was called, so that the words can be pasted."""
    called = sys.argv[0] if sys.argv else ""
    return shlex.quote(called) if Path(called).name == PROGRAM else f"{shlex.quote(sys.executable)} -m exporter"


@contextmanager
def _place(directory: Path | None) -> Iterator[Path]:
    """Give the home a place; one that nobody named is removed at the end."""
    if directory is not None:
        yield directory.absolute()
        return
    with tempfile.TemporaryDirectory(prefix=f"{PROGRAM}-demo-", ignore_cleanup_errors=True) as place:
        yield Path(place)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let a termination before `serve` takes over unwind, so that the home is removed."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
