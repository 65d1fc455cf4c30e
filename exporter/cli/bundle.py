"""Edge. `bundle list`, `bundle export`: the rules, dashboards and units that came with the package, to where they are of use."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from exporter import shipped
from exporter.cli import output
from exporter.cli.ending import Ending, Failure
from exporter.cli.group import Group

_PLAIN, _RUNNABLE = 0o644, 0o755


@click.group("bundle", cls=Group)
def command() -> None:
    """Write the rules, dashboards and units that came with this program."""


@command.command("list", short_help="Print what there is.")
def list_files() -> int:
    """Print the name of every file there is."""
    output.lines(map(str, shipped.files(_root())))
    return Ending.FINE


@command.command("export", short_help="Write everything to a directory.")
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace files that are there and differ.")
def export(directory: Path, force: bool) -> int:
    """Write everything below DIR and print what was written. Without --force it writes nothing if that would change a file."""
    root = _root()
    try:
        due = [name for name in shipped.files(root) if not _same(root / name, directory / name)]
        differing = [name for name in due if (directory / name).exists() or (directory / name).is_symlink()]
        if differing and not force:
            more = f" and {len(differing) - 1} more" if len(differing) > 1 else ""
            raise Failure(Ending.USAGE, f"{directory / differing[0]}{more} would change; --force replaces, and nothing was written")
        directory.mkdir(parents=True, exist_ok=True)
        for name in due:
            _write(root / name, directory / name)
            output.lines([str(directory / name)])
    except OSError as error:
        raise Failure(Ending.CONFIG, f"cannot write {error.filename2 or error.filename or directory}: {error.strerror}") from None
    output.note(f"wrote {len(due)} files to {directory}" if due else f"{directory} has everything already")
    return Ending.FINE


def _root() -> Path:
    found = shipped.root()
    if found is None:
        raise Failure(Ending.INTERNAL, "this installation came without rules, dashboards and units; install the wheel, or use the source")
    return found


def _same(source: Path, target: Path) -> bool:
    return target.is_file() and not target.is_symlink() and target.read_bytes() == source.read_bytes()


def _write(source: Path, target: Path) -> None:
    """Write beside and rename: whoever reads the file meanwhile, such as a reloading Prometheus, gets a whole one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = _RUNNABLE if source.stat().st_mode & 0o100 else _PLAIN
    handle, fresh = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(source.read_bytes())
            os.fchmod(opened.fileno(), mode & ~_umask())
        os.replace(fresh, target)
    except BaseException:
        os.unlink(fresh)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
