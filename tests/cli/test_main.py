"""Edge. Every way a command can end has one of our codes, and the light commands stay light."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from exporter import __version__
from exporter.cli.ending import Ending, Failure
from exporter.cli.main import COMMANDS, main

_HEAVY = [
    "pydantic",
    "pydantic_settings",
    "rich",
    "httpx",
    "apprise",
    "starlette",
    "uvicorn",
    "apscheduler",
    "prometheus_client",
    "yaml",
    "json5",
    "sqlite3",
    "exporter.model",
]


def _raise(error: BaseException) -> Callable[[], int]:
    def body() -> int:
        raise error

    return body


def _run(body: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> int:
    module = types.ModuleType("exporter.cli.fake")
    module.__dict__["command"] = click.command("fake")(body)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(COMMANDS, "fake", (module.__name__, "words"))
    return main(["fake"])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (lambda: 0, 0),
        (lambda: None, 0),
        (lambda: 1, 1),
        (lambda: Ending.EXPIRING, 2),
        (_raise(Failure(Ending.CONFIG, "bad")), 78),
        (_raise(Failure(Ending.INTERNAL, "port taken")), 70),
        (_raise(click.UsageError("no")), 64),
        (_raise(click.ClickException("no")), 64),
        (_raise(KeyboardInterrupt()), 130),
        (_raise(click.Abort()), 130),
        (_raise(EOFError()), 130),
        (_raise(BrokenPipeError()), 141),
        (_raise(ValueError("sk-canary")), 70),
        (_raise(RecursionError()), 70),
        (_raise(SystemExit(1)), 70),
        (_raise(OSError("sk-canary")), 70),
    ],
    ids=[
        "fine",
        "nothing",
        "lapsed",
        "expiring",
        "config",
        "port",
        "usage",
        "click",
        "ctrl-c",
        "abort",
        "end-of-input",
        "pipe",
        "bug",
        "recursion",
        "library",
        "os",
    ],
)
def test_every_ending_has_its_code(
    body: Callable[[], int], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(body, monkeypatch) == code
    assert "sk-canary" not in "".join(capsys.readouterr())


def test_a_bug_says_where_it_struck_and_nothing_it_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _run(_raise(ValueError("sk-canary")), monkeypatch)
    out, err = capsys.readouterr()
    assert out == ""
    assert "internal error: ValueError in " in err
    assert "test_main.py" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [[], ["config"], ["nosuch"], ["--nosuch"], ["config", "nosuch"], ["config", "init", "a", "b"]],
    ids=["nothing", "group", "command", "option", "subcommand", "argument"],
)
def test_wrong_usage_is_64_and_says_so_on_stderr(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert err


def test_version_and_help_are_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"model-auth-exporter {__version__}\n"
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in COMMANDS)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert "Usage: model-auth-exporter " + name in capsys.readouterr().out


def _child(*arguments: str, code: str = "", **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *(("-c", code) if code else ("-m", "exporter")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_version_and_help_load_nothing_heavy(argument: str) -> None:
    code = f"import sys; from exporter.cli.main import main; main([{argument!r}]); print(*(set(sys.modules) & set({_HEAVY!r})), file=sys.stderr)"
    assert _child(code=code).stderr.split() == []


def test_check_loads_nothing_it_does_not_need(tmp_path: Path) -> None:
    unwanted = [name for name in _HEAVY if name not in {"sqlite3", "exporter.model"}]
    code = f"import sys; from exporter.cli.main import main; main(['check']); print(*(set(sys.modules) & set({unwanted!r})))"
    child = _child(code=code, env={**os.environ, "HOME": str(tmp_path)})
    assert child.stdout.splitlines()[-1] == ""


def test_a_reader_that_goes_away_is_141() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    child = subprocess.run(
        [sys.executable, "-m", "exporter", "config", "init"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False, timeout=60
    )
    os.close(writing)
    assert (child.returncode, child.stderr) == (141, "")


def test_a_closed_output_is_141_and_a_full_one_70() -> None:
    for redirection, code in ((">&-", 141), (">/dev/full", 70)):
        child = subprocess.run(
            ["sh", "-c", f'"{sys.executable}" -m exporter config init {redirection}'],
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
        assert child.returncode == code, child.stderr
        assert "Traceback" not in child.stderr
        assert "Exception ignored" not in child.stderr
