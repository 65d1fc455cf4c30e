"""Edge. A progress bar on stderr, where that is a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def shown(total: int, *, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Show a bar while the block runs; the function it yields is called with the provider of each answer."""
    if quiet or total == 0 or sys.stderr is None or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda provider: None
        return
    from rich.console import Console  # only where a terminal wants it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, color_system=None if os.environ.get("NO_COLOR") else "auto", highlight=False)
    columns = (TextColumn("probing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[provider]}"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("probing", total=total, provider="")

        def step(provider: str) -> None:
            """Go on by one; what is asked once more, or asked more deeply, makes the whole longer."""
            done = progress.tasks[task].completed + 1
            progress.update(task, completed=done, total=max(total, done), provider=provider)

        yield step
