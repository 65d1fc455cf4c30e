"""Edge. What a build adds to the source: its revision and date, and in the wheel the rules, dashboards and units with the man page.

The date is that of the commit (or SOURCE_DATE_EPOCH), so the same source makes the same bytes; what git does not tell stays as it
is in the source, which a source distribution has filled in already.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MAN_PAGE = "deploy/man/model-auth-exporter.1"


class Hook(BuildHookInterface[Any]):
    """Called by hatchling for the wheel and the source distribution."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files that come along; an editable installation has them all in the source."""
        if version == "editable":
            return
        top = Path(self.root)
        self._made = tempfile.TemporaryDirectory()
        added: dict[str, str] = build_data["force_include"]
        added[str(_built(top, Path(self._made.name)))] = "exporter/built.py"
        if self.target_name == "wheel":
            shipped = runpy.run_path(str(top / "exporter" / "shipped.py"))
            for name in shipped["files"](top):
                added[str(top / name)] = f"exporter/{shipped['BUNDLE']}/{name}"
            build_data["shared_data"][str(top / MAN_PAGE)] = "share/man/man1/model-auth-exporter.1"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was made."""
        if version != "editable":
            self._made.cleanup()


def _built(top: Path, place: Path) -> Path:
    """Write `built.py` with what is known now."""
    known = runpy.run_path(str(top / "exporter" / "built.py"))
    revision = os.environ.get("SOURCE_REVISION") or _revision(top) or known["REVISION"]
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or _git(top, "log", "-1", "--format=%ct")
    built_at = datetime.fromtimestamp(int(epoch), UTC) if epoch else known["BUILT_AT"]
    text = (top / "exporter" / "built.py").read_text(encoding="utf-8")
    head, _, _ = text.partition("REVISION: Final")
    moment = f"datetime({built_at:%Y, %-m, %-d, %-H, %-M, %-S}, tzinfo=UTC)"
    target = place / "built.py"
    target.write_text(f"{head}REVISION: Final = {revision!r}\nBUILT_AT: Final = {moment}\n", encoding="utf-8")
    target.chmod(0o644)
    return target


def _revision(top: Path) -> str:
    commit = _git(top, "rev-parse", "--short=12", "HEAD")
    changed = _git(top, "status", "--porcelain", "--untracked-files=no") if commit else ""
    return f"{commit}-changed" if changed else commit


def _git(top: Path, *words: str) -> str:
    """Ask git about this checkout; "" when it is none, or there is no git."""
    if not (top / ".git").exists():
        return ""
    try:
        return subprocess.run(["git", "-C", str(top), *words], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
