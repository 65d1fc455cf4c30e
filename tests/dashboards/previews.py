"""Edge. Draws the previews of the dashboards' README: `python -m tests.dashboards.previews`, which needs Prometheus."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dashboards.preview import Answer, picture
from tests.dashboards.stand import Prometheus, filled, scraped
from tests.dashboards.test_dashboards import DASHBOARDS
from tests.running import ROOT

OVER_TIME = {"timeseries", "state-timeline"}


def drawn(uid: str, prometheus: Prometheus, seconds: int) -> str:
    """Ask every query of a dashboard and draw the answers."""
    dashboard = DASHBOARDS[uid]
    return picture(
        dashboard, {panel["id"]: _answers(panel, prometheus, seconds) for panel in dashboard["panels"] if panel["type"] != "row"}
    )


def _answers(panel: Mapping[str, Any], prometheus: Prometheus, seconds: int) -> list[Answer]:
    return [
        Answer(
            target["refId"],
            target.get("legendFormat", ""),
            prometheus.over(filled(target["expr"]), seconds) if panel["type"] in OVER_TIME else prometheus.now(filled(target["expr"])),
            time.time(),
        )
        for target in panel["targets"]
    ]


def main(seconds: int = 45) -> None:
    """Let the stand run for a while and write one picture per dashboard."""
    prometheus = shutil.which("prometheus")
    if prometheus is None:
        sys.exit("no prometheus on this machine: previews need one")
    with tempfile.TemporaryDirectory() as place, scraped(Path(place), lambda *names: prometheus) as running:
        time.sleep(seconds)
        for uid in DASHBOARDS:
            (ROOT / "dashboards" / "previews" / f"{uid}.svg").write_text(drawn(uid, running, seconds), encoding="utf-8")


if __name__ == "__main__":
    main()
