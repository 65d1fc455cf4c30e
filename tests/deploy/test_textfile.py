"""Edge. The check unit's file, linked into node_exporter's directory as deploy/systemd/README.md says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import copy_home, free_port, run, started


@pytest.mark.real
def test_a_link_to_the_file_of_the_unit_is_enough(tmp_path: Path, program: Callable[..., str]) -> None:
    ours, theirs = tmp_path / "run" / "model-auth.prom", tmp_path / "node-exporter"
    ours.parent.mkdir()
    theirs.mkdir()
    (theirs / ours.name).symlink_to(ours)
    home = copy_home("openclaw-2026.4.20/two-agents", tmp_path / "home")
    for _ in range(2):  # the second run replaces the file behind the link
        assert run("check", "--quiet", f"--textfile={ours}", home=home).returncode in {0, 1, 2}
    url = f"127.0.0.1:{free_port()}"
    command = [
        program("prometheus-node-exporter", "node_exporter"),
        "--collector.disable-defaults",
        "--collector.textfile",
        f"--collector.textfile.directory={theirs}",
        f"--web.listen-address={url}",
    ]
    with started(command, f"http://{url}", "/metrics", tmp_path / "log") as node:
        metrics = node.metrics()
    assert "node_textfile_scrape_error 0" in metrics
    assert "model_auth_profile_info{" in metrics
