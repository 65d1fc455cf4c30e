"""Edge. Many writers at once, with the old lock and the new one: every update is there in the end."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from exporter.model import Era
from exporter.repair import writer
from exporter.repair.arguments import Refusal
from exporter.repair.lock import Manner
from tests.repair.driving import everything
from tests.repair.places import pasted, place, store_of

ROUNDS = 60


@pytest.mark.parametrize(("version", "ours"), [("2026.1.30", "directory"), ("2026.2.26", "file"), ("2026.4.5", "file")])
def test_no_update_is_lost_between_gateways_with_either_lock_and_us(tmp_path: Path, version: str, ours: str) -> None:
    target = place(tmp_path, version)
    store = store_of(target, custom={"kept": [1, 1e400]})
    script = str(Path(__file__).with_name("gateway_writer.py"))
    forms = [("directory", "in-place"), ("file", "rename"), (ours, "in-place")]
    children = [
        subprocess.Popen([sys.executable, "-I", script, str(store), form, writing, str(ROUNDS), f"gateway:{number}"])
        for number, (form, writing) in enumerate(forms)
    ]
    done: list[int] = []

    def repair(worker: int) -> None:
        for number in range(6):
            writer.paste(target, pasted(f"openrouter:{worker}-{number}"), {})
            writer.set_order(target, f"p{worker}", [f"openrouter:{worker}-{number}"])
            done.append(worker)

    threads = [threading.Thread(target=repair, args=(worker,)) for worker in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [child.wait(timeout=30) for child in children] == [0, 0, 0]
    tree = json.loads(store.read_text())
    assert len(done) == 12
    assert {name: stats["errorCount"] for name, stats in tree["usageStats"].items()} == {f"gateway:{n}": ROUNDS for n in range(3)}
    assert set(tree["profiles"]) == {f"openrouter:{worker}-{number}" for worker in range(2) for number in range(6)}
    assert tree["order"] == {"p0": ["openrouter:0-5"], "p1": ["openrouter:1-5"]}
    assert tree["custom"] == {"kept": [1, float("inf")]}
    assert not list(tmp_path.rglob("*.lock*"))
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("form", ["directory", "file"])
def test_a_lock_in_use_is_waited_for_and_then_nothing_is_changed(tmp_path: Path, form: str) -> None:
    target = place(tmp_path)
    store = store_of(target)
    lock = Path(f"{store}.lock")
    if form == "directory":
        lock.mkdir()
    else:
        lock.write_text(json.dumps({"pid": 1, "createdAt": "2999-01-01T00:00:00Z"}))
    before = everything(tmp_path)
    for directory in (True, False):
        with pytest.raises(Refusal, match="is held by"):
            writer.paste(target, pasted("openrouter:x"), {}, Manner(directory, patience=timedelta(seconds=0.1)))
    assert everything(tmp_path) == before


DEAD = 2**22 - 3


@pytest.mark.parametrize(
    ("content", "age", "ages", "stale"),
    [
        (None, 31, True, True),
        (None, 29, True, False),
        ({"pid": DEAD}, 0, True, True),
        ({"pid": DEAD, "starttime": 5}, 0, False, True),
        ({"pid": 1, "createdAt": "2001-01-01T00:00:00Z"}, 0, True, True),
        ({"pid": 1}, 31, True, True),
        ({"pid": 1}, 29, True, False),
        ({"pid": 1}, 3000, False, False),
        ({"pid": 1, "starttime": -7}, 0, False, True),
        ({}, 29, True, False),
        ({}, 31, True, True),
        ({"pid": "1"}, 31, False, True),
    ],
    ids=["old-directory", "young-directory", "dead", "dead-new", "created-long-ago", "old-file", "young-file", "alive-never-too-old",
         "another-process-with-its-number", "empty-young", "empty-old", "nonsense"],
)  # fmt: skip
def test_a_lock_left_behind_is_taken_over_by_the_gateways_rules(
    tmp_path: Path, content: dict[str, object] | None, age: float, ages: bool, stale: bool
) -> None:
    target = place(tmp_path)
    store = store_of(target)
    lock = Path(f"{store}.lock")
    if content is None:
        lock.mkdir()
    else:
        lock.write_text(json.dumps(content))
    now = lock.stat().st_mtime + age
    how = Manner(False, ages=ages, patience=timedelta(0), clock=lambda: now)
    if not stale:
        with pytest.raises(Refusal):
            writer.paste(target, pasted("openrouter:x"), {}, how)
        return
    writer.paste(target, pasted("openrouter:x"), {}, how)
    assert not lock.exists()
    assert "openrouter:x" in json.loads(store.read_text())["profiles"]


@pytest.mark.parametrize("raw", ["{", '{"profiles": []}', "[]", '{"profiles": {"openrouter:x": 5}}', '{"a": 1} x', "\xff"], ids=str)
def test_a_damaged_store_is_left_as_it_is(tmp_path: Path, raw: str) -> None:
    target = place(tmp_path)
    Path(target.profiles_file).write_bytes(raw.encode("latin-1"))
    before = everything(tmp_path)
    with pytest.raises(Refusal):
        writer.paste(target, pasted("openrouter:x"), {})
    assert everything(tmp_path) == before


def test_links_lead_to_the_real_file_and_modes_stay(tmp_path: Path) -> None:
    target = place(tmp_path)
    real = tmp_path / "elsewhere/store.json"
    real.parent.mkdir()
    real.write_text('{"version":1,"profiles":{}}')
    real.chmod(0o640)
    Path(target.profiles_file).symlink_to(real)
    writer.paste(target, pasted("openrouter:x"), {})
    assert Path(target.profiles_file).is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "elsewhere/store.json.bak").read_text() == '{"version":1,"profiles":{}}'
    assert "openrouter:x" in json.loads(real.read_text())["profiles"]


def test_backups_move_on_and_five_are_kept(tmp_path: Path) -> None:
    target = place(tmp_path)
    store_of(target)
    for number in range(8):
        writer.paste(target, pasted("openrouter:x", f"or-{number}"), {})
    backups = sorted(Path(target.directory).glob("auth-profiles.json.bak*"))
    assert [path.name[18:] for path in backups] == [".bak", ".bak.1", ".bak.2", ".bak.3", ".bak.4"]
    assert [f"or-{number}" in path.read_text() for path, number in zip(backups, (6, 5, 4, 3, 2), strict=True)] == [True] * 5


def test_state_kept_inside_the_store_moves_to_its_own_file_on_the_first_write(tmp_path: Path) -> None:
    target = place(tmp_path, "2026.4.20", Era.JSON)
    usage = {"a:b": {"errorCount": 3, "future": 1}}
    store = store_of(target, order={"other": ["o:1"], "openrouter": ["x:y"]}, usageStats=usage)
    before = store.read_bytes()
    writer.set_order(target, "openrouter", ["openrouter:a"])
    state = json.loads(Path(target.state_file).read_text())
    assert state == {"version": 1, "order": {"other": ["o:1"], "openrouter": ["openrouter:a"]}, "usageStats": usage}
    assert store.read_bytes() == before
    writer.clear_order(target, "openrouter")
    assert json.loads(Path(target.state_file).read_text())["order"] == {"other": ["o:1"]}
    assert json.loads(store.read_text())["order"] == {"other": ["o:1"]}


def test_a_state_file_that_would_be_empty_goes(tmp_path: Path) -> None:
    target = place(tmp_path, "2026.4.20", Era.JSON_SPLIT)
    store_of(target)
    writer.set_order(target, "openrouter", ["openrouter:a"])
    writer.clear_order(target, "openrouter")
    assert not Path(target.state_file).exists()
    writer.clear_order(target, "openrouter")
    assert not Path(target.state_file).exists()


@pytest.mark.parametrize("variable", ["OPENCLAW_NIX_MODE", "OPENCLAW_CONFIG_READONLY"])
def test_a_configuration_that_must_not_be_written_stops_everything(tmp_path: Path, variable: str) -> None:
    target = place(tmp_path)
    store_of(target)
    before = everything(tmp_path)
    with pytest.raises(Refusal, match="must not be written"):
        writer.paste(target, pasted("openrouter:x"), {variable: "1"})
    assert everything(tmp_path) == before
