"""Edge. A real node_exporter reads our textfile, a real Pushgateway takes our push."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import crashed, free_port, run, started

pytestmark = [pytest.mark.real, pytest.mark.slow]


def test_node_exporter_serves_what_the_textfile_says(home: Path, tmp_path: Path, program: Callable[..., str]) -> None:
    folder = tmp_path / "textfiles"
    folder.mkdir()
    file = folder / "model_auth.prom"
    assert run("check", "--textfile", str(file), home=home).returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert [path.name for path in folder.iterdir()] == ["model_auth.prom"]
    address = f"127.0.0.1:{free_port()}"
    command = [
        program("prometheus-node-exporter", "node_exporter"),
        "--collector.disable-defaults",
        "--collector.textfile",
        f"--collector.textfile.directory={folder}",
        f"--web.listen-address={address}",
    ]
    with started(command, f"http://{address}", "/metrics", tmp_path / "node.log") as node:
        page = node.metrics()
    assert "node_textfile_scrape_error 0" in page
    assert 'model_auth_profile_info{agent="main",credential="api_key"' in page
    assert "model_auth_exporter_run_timestamp_seconds" in page
    assert "_in_seconds" not in page
    assert "model_auth_exporter_task_runs_total" not in page


def test_a_push_replaces_the_group_of_this_host(home: Path, auth_profiles: Path, tmp_path: Path, program: Callable[..., str]) -> None:
    address = f"127.0.0.1:{free_port()}"
    command = [program("prometheus-pushgateway", "pushgateway"), f"--web.listen-address={address}"]
    with started(command, f"http://{address}", "/-/ready", tmp_path / "push.log") as gateway:
        first = run("check", "--push", gateway.url, home=home)
        assert first.returncode == 0, first.stderr
        page = gateway.metrics()
        assert 'profile="openai:default"' in page
        assert 'push_time_seconds{instance="' in page
        document = auth_profiles.read_text(encoding="utf-8")
        auth_profiles.write_text(document.replace("openai:default", "openai:second"), encoding="utf-8")
        assert run("check", "--push", gateway.url, home=home).returncode == 0
        page = gateway.metrics()
        assert 'profile="openai:second"' in page
        assert 'profile="openai:default"' not in page


def test_a_failed_push_is_an_error_of_ours_not_a_verdict(home: Path) -> None:
    result = run("check", "--push", f"http://127.0.0.1:{free_port()}", home=home)
    assert result.returncode == 70
    assert not crashed(result.stderr)
