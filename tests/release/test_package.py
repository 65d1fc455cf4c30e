"""Edge. The built files hold what they must and nothing else, twice the same, and work where they are installed."""

from __future__ import annotations

import email
import hashlib
import json
import re
import runpy
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from exporter import __version__, shipped
from tests.release.conftest import Built
from tests.running import ROOT, environment

pytestmark = pytest.mark.slow

NAME = f"model_auth_exporter-{__version__}"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TOPS = {"exporter", "alerts", "dashboards", "deploy", "docs", "tests", ".ci"}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _wheel_names(built: Built) -> set[str]:
    with zipfile.ZipFile(built.wheel) as opened:
        return set(opened.namelist())


def _source_names(built: Built) -> set[str]:
    with tarfile.open(built.sdist) as opened:
        return {str(PurePosixPath(name).relative_to(NAME)) for name in opened.getnames()}


def test_the_source_distribution_holds_all_that_is_tracked(built: Built) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: nothing to compare with")
    tracked = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=True).stdout.split("\0")
    present = {name for name in tracked if name and (ROOT / name).is_file()}
    assert present - _source_names(built) == set()


def test_nothing_made_by_the_way_is_in_either(built: Built) -> None:
    names = _source_names(built) | _wheel_names(built)
    assert not [name for name in names if re.search(r"__pycache__|\.pyc$|\.venv|\.egg-info|_cache/", name)]
    assert {name.split("/")[0] for name in _source_names(built) if "/" in name} == TOPS


def test_the_wheel_holds_the_package_the_bundle_and_the_manual_page(built: Built) -> None:
    names = _wheel_names(built)
    bundled = {name.removeprefix("exporter/bundle/") for name in names if name.startswith("exporter/bundle/")}
    assert bundled == {str(name) for name in shipped.files(built.source)}
    assert {"alerts/model-auth.rules.yml", "dashboards/json/model-auth-overview.json", "deploy/containers/Dockerfile"} <= bundled
    assert {"exporter/py.typed", f"{NAME}.data/data/share/man/man1/model-auth-exporter.1", f"{NAME}.dist-info/licenses/LICENSE"} <= names
    assert {name.split("/")[0] for name in names} == {"exporter", f"{NAME}.data", f"{NAME}.dist-info"}


def test_what_can_be_run_stays_so(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as opened:
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in opened.infolist()}
    for name in shipped.files(built.source):
        runnable = bool((built.source / name).stat().st_mode & 0o100)
        assert modes[f"exporter/bundle/{name}"] == (0o755 if runnable else 0o644), name


def test_the_same_source_makes_the_same_bytes(built: Built) -> None:
    assert _sha256(built.wheel) == _sha256(built.again_wheel)
    assert _sha256(built.sdist) == _sha256(built.again_sdist)


def test_a_build_knows_its_revision_and_date_and_a_source_distribution_passes_them_on(built: Built) -> None:
    known = runpy.run_path(str(built.source / "exporter" / "built.py"))
    assert known["REVISION"].removesuffix("-changed") == shipped.checked_out(ROOT)
    assert known["BUILT_AT"].tzinfo is not None
    with zipfile.ZipFile(built.wheel) as opened:
        assert opened.read("exporter/built.py") == (built.source / "exporter" / "built.py").read_bytes()


def test_twine_accepts_both(built: Built) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", built.sdist, built.wheel], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


def test_the_metadata_names_version_program_and_extras(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as opened:
        metadata = email.message_from_bytes(opened.read(f"{NAME}.dist-info/METADATA"))
        programs = opened.read(f"{NAME}.dist-info/entry_points.txt").decode()
    assert (metadata["Version"], metadata["License-Expression"], metadata["Requires-Python"]) == (__version__, "MIT", ">=3.11")
    assert set(metadata.get_all("Provides-Extra", [])) == set(PROJECT["optional-dependencies"])
    assert "model-auth-exporter = exporter.cli.main:run" in programs


def test_the_installed_program_brings_rules_that_prometheus_accepts(installed: Path, tmp_path: Path, program: Callable[..., str]) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in environment(tmp_path / "home").items() if name != "PYTHONPATH"}
        return subprocess.run(
            [installed / "model-auth-exporter", *words], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )

    assert run("--version").stdout == f"model-auth-exporter {__version__}\n"
    written = run("bundle", "export", "out")
    assert written.returncode == 0, written.stderr
    assert {Path(line).relative_to("out") for line in written.stdout.splitlines()} == set(shipped.files(ROOT))
    for rules in ("model-auth.rules.yml", "model-auth.rules.before-2.42.yml"):
        checked = subprocess.run(
            [program("promtool"), "check", "rules", tmp_path / "out/alerts" / rules], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stderr


def test_the_installed_program_knows_what_it_was_built_from(installed: Path) -> None:
    code = "from exporter import built, shipped; print(shipped.revision(), shipped.root(), int(built.BUILT_AT.timestamp()))"
    found = subprocess.run([installed / "python", "-c", code], cwd="/", capture_output=True, text=True, check=True).stdout.split()
    assert (found[0], found[2]) == ("0123456789ab", "1700000000")
    assert Path(found[1]).is_relative_to(installed.parent)


def test_the_installation_holds_no_installer_and_its_bill_of_materials_is_complete(installed: Path, tmp_path: Path) -> None:
    target = tmp_path / "bill.json"
    command = [sys.executable, str(ROOT / ".ci" / "sbom.py"), str(installed / "python"), str(target)]
    subprocess.run(command, capture_output=True, text=True, check=True)
    document = json.loads(target.read_text(encoding="utf-8"))
    listed = {re.sub(r"[-_.]+", "-", each["name"]).lower() for each in document["components"]}
    present = {re.sub(r"[-_.]+", "-", path.name.split("-")[0]).lower() for path in installed.parent.rglob("*.dist-info")}
    assert document["metadata"]["component"]["version"] == __version__
    assert listed == present - {"model-auth-exporter"}
    assert {"apprise", "bcrypt", "httpx"} <= listed
    assert not {"pip", "setuptools", "wheel", "pytest"} & listed


def test_the_changelogs_newest_entry_is_this_version_or_what_is_to_come() -> None:
    heads = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert heads[0] in {"Unreleased", __version__}
    assert __version__ in heads[:2]
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", __version__)
