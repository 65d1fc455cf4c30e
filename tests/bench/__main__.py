"""Edge. `python -m tests.bench [NAME…]`: prints every figure beside its target; exit code 1 when one is missed."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from pathlib import Path

from tests.bench import figures


def main(wanted: list[str]) -> int:
    """Measure what is wanted (all, when nothing is named) and print the table as it grows."""
    chosen = [measure for measure in figures.ALL if not wanted or measure.__name__ in wanted]
    if not chosen:
        print(f"no such figure; there are {', '.join(measure.__name__ for measure in figures.ALL)}", file=sys.stderr)
        return 64
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| What | Target | Ours | |\n|---|---|---|---|", flush=True)
    missed = 0
    with tempfile.TemporaryDirectory(prefix="model-auth-bench-") as folder:
        for measure in chosen:
            for figure in measure(Path(folder)):
                missed += not figure.reached
                print(f"| {figure.what} | {figure.target} | {figure.ours} | {'✓' if figure.reached else 'missed'} |", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
