"""Edge. Writes the bill of materials of an environment that holds this project: `python .ci/sbom.py PYTHON FILE`.

cyclonedx-bom lists what is installed; the version of the project itself is not in pyproject.toml, where it looks, so it is added.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

TOP = Path(__file__).parents[1]
NAME = "model-auth-exporter"


def main(python: str, target: Path) -> None:
    """List the packages beside `python`, validated, without times and serial numbers: the same environment makes the same document."""
    options = ["--pyproject", str(TOP / "pyproject.toml"), "--output-reproducible", "--output-file", str(target), python]
    subprocess.run([sys.executable, "-m", "cyclonedx_py", "environment", *options], check=True)
    document: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    version = _version(python)
    document["metadata"]["component"] |= {"version": version, "purl": f"pkg:pypi/{NAME}@{version}"}
    target.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _version(python: str) -> str:
    code = f"import importlib.metadata as m; print(m.version({NAME!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
