"""Edge. Settings read in a process of their own are the same settings, and the same faults; nothing heavy stays behind."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.model import Secret
from exporter.settings import Settings
from exporter.settings_file import apart
from exporter.settings_file.apart import load_apart
from exporter.settings_file.load import load
from exporter.settings_file.text import SettingsError
from tests.running import ROOT

RICH = """
listen: 127.0.0.1:19999
web: {bearer_token: fake-bearer-canary, rights: {anonymous: [metrics]}}
gateways: [{name: work, family: openclaw, state_dir: ~/.openclaw-work}]
static_profiles: [{id: 'openai:ci', provider: openai, key: {exec: [pass, show]}, expires_at: 2031-01-02}]
probes: {per_provider: {openai: {interval: 1h}}, proxy: 'http://user:fake-proxy-canary@127.0.0.1:9'}
thresholds: {credit: {openrouter: 5}}
channels: [{name: ops, alertmanager: ['http://127.0.0.1:9093']}]
"""


def _environ(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(tmp_path), "PATH": os.environ["PATH"], **more}


@pytest.fixture
def child_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read in this process."""

    def never(*_: object) -> Settings:
        raise AssertionError("read here")

    monkeypatch.setattr(apart, "load", never)


@pytest.mark.usefixtures("child_only")
def test_every_kind_of_value_comes_over(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(RICH)
    environ = _environ(tmp_path, MODEL_AUTH_EXPORTER_READ__POLL="2s")
    assert load_apart(file, environ) == load(file, environ)


@pytest.mark.usefixtures("child_only")
def test_a_fault_comes_over_with_its_place_and_remedy(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("host: box\nreed: {poll: 3s}\n")
    with pytest.raises(SettingsError) as caught:
        load_apart(file, _environ(tmp_path))
    assert (caught.value.file, caught.value.line, caught.value.key) == (str(file), 2, "reed")
    assert str(caught.value) == f"{file}:2: reed: no such setting (did you mean read?)"


def test_without_settings_no_process_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing-here"))
    assert load_apart(None, _environ(tmp_path)) == Settings()


@pytest.mark.parametrize("program", ["", "#!/bin/sh\nexit 3\n", "#!/bin/sh\necho nonsense\n"], ids=["no program", "it fails", "it babbles"])
def test_without_a_working_child_it_is_done_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    python = tmp_path / "python"
    if program:
        python.write_text(program)
        python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    environ = _environ(tmp_path, MODEL_AUTH_EXPORTER_READ__POLL="2s")
    assert load_apart(None, environ) == load(None, environ)


def test_secrets_leave_the_process_by_no_other_way() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret("fake"))


def test_the_daemon_keeps_none_of_the_checking_libraries(tmp_path: Path) -> None:
    code = (
        "import sys; from exporter.settings_file.apart import load_apart; import exporter.service, os; load_apart(None, os.environ);"
        "print([m for m in ('pydantic', 'pydantic_core', 'yaml', 'rich', 'pygments', 'json5', 'apprise') if m in sys.modules])"
    )
    environ = {**_environ(tmp_path), "MODEL_AUTH_EXPORTER_READ__POLL": "2s", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
