"""Edge. We are killed in the middle: the store is whole, the lock is taken over by the gateways' rules, drafts do not stay."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from exporter.repair import writer
from exporter.repair.lock import Manner
from tests.repair.places import pasted, place, store_of
from tests.running import ROOT

KILLS = 12
HOUR = 3600


def leftovers(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir() if path.name.endswith(".tmp") or ".lock" in path.name}


@pytest.mark.parametrize("version", ["2026.1.30", "2026.2.26", "2026.5.28"])
def test_killed_at_any_moment_the_store_is_whole_and_the_next_writer_goes_on(tmp_path: Path, version: str) -> None:
    target = place(tmp_path, version)
    store = store_of(target, custom="kept")
    seed = random.Random(version)
    command = [sys.executable, "-m", "tests.repair.our_writer", str(tmp_path), version]
    for _ in range(KILLS):
        child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()  # at work
        time.sleep(seed.uniform(0, 0.03))
        child.kill()
        child.wait()
        child.stdout.close()
        tree = json.loads(store.read_text())
        assert tree["custom"] == "kept"
        ours = [profile["token"] for name, profile in tree["profiles"].items() if name != "openrouter:after"]
        assert all(token.endswith("x" * 200_000) for token in ours)
        soon = Manner(target.dialect.directory_lock, ages=target.dialect.release < (2026, 5), clock=lambda: time.time() + 31)
        writer.paste(target, pasted("openrouter:after"), {}, soon)
        assert json.loads(store.read_text())["profiles"]["openrouter:after"]["token"] == "or-fake"


def test_a_draft_that_a_killed_run_left_goes_with_the_next_write_and_a_young_one_may_be_in_use(tmp_path: Path) -> None:
    target = place(tmp_path, "2026.2.26")
    store = store_of(target)
    names = {"old": f".{store.name}.0123456789ab.tmp", "young": f".{store.name}.ba9876543210.tmp", "theirs": f".{store.name}.other.tmp"}
    for age, name in names.items():
        path = store.with_name(name)
        path.write_text("or-CANARY")
        at = time.time() - (0 if age == "young" else HOUR)
        os.utime(path, (at, at))
    writer.paste(target, pasted("openrouter:x"), {})
    assert leftovers(store.parent) == {names["young"], names["theirs"]}


def test_a_lock_whose_holder_was_killed_is_free_at_once_where_it_names_its_process(tmp_path: Path) -> None:
    target = place(tmp_path, "2026.5.28")
    store = store_of(target)
    code = (
        "import sys, time; from pathlib import Path; from exporter.repair.lock import Manner, locked\n"
        "with locked(Path(sys.argv[1]), Manner(False, ages=False)):\n    print(flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(store)], cwd=ROOT, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    assert Path(f"{store}.lock").exists()
    holder.kill()
    holder.wait()
    holder.stdout.close()
    writer.paste(target, pasted("openrouter:x"), {}, Manner(False, ages=False, patience=timedelta(0)))
    assert "openrouter:x" in json.loads(store.read_text())["profiles"]
    assert leftovers(store.parent) == set()
