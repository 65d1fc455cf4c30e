"""Edge. The install script for phones: every question with every answer, and what is installed from where."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.deploy.phones import TERMUX, ours
from tests.deploy.stands import Host, at_terminal

INSTALL = TERMUX / "install.sh"


@pytest.fixture
def fresh(phone: Host) -> Host:
    """A phone without anything of ours: `pkg` brings Python, whose `venv` makes an environment that logs what it is asked to install."""
    (phone.bin / "model-auth-exporter").unlink()
    phone.stand_in("pkg")
    phone.stand_in("venv-python", "2.46.4\n")
    phone.program(
        "python",
        f'echo "$*" >>{phone.root}/python; for last; do :; done; mkdir -p "$last/bin"; cp {phone.bin}/venv-python "$last/bin/python"',
    )
    return phone


def placed(phone: Host) -> set[str]:
    return {str(path.relative_to(phone.home)) for path in phone.home.rglob("*") if path.is_file() or path.is_symlink()}


LOCAL = ["1\n", "\n"]
EVERYTHING = {
    ".shortcuts/tasks/Model auth status", ".shortcuts/Model auth renew", ".shortcuts/Model auth sync", ".termux/boot/model-auth-exporter",
}  # fmt: skip


@pytest.mark.parametrize("first", LOCAL)
def test_every_question_answered_with_yes(fresh: Host, first: str) -> None:
    code, screen = at_terminal(fresh, INSTALL, typed=f"{first}y\n\nyes\n")
    assert code == 0, screen
    assert fresh.called("pkg") == [["install", "-y", "termux-api", "python", "python-pip", "python-pydantic-core"]]
    assert placed(fresh) >= EVERYTHING
    assert len(fresh.called("termux-job-scheduler")) == 1


def test_every_question_answered_with_no(fresh: Host) -> None:
    code, screen = at_terminal(fresh, INSTALL, typed="1\nn\nno\nN\n")
    assert code == 0, screen
    assert not placed(fresh) & EVERYTHING
    assert not fresh.called("termux-job-scheduler")


def test_a_server_over_ssh_needs_neither_python_nor_the_exporter_here(fresh: Host) -> None:
    code, screen = at_terminal(fresh, INSTALL, typed="2\nme@gateway.example\n\n\n\n")
    assert code == 0, screen
    assert fresh.called("pkg") == [["install", "-y", "termux-api", "openssh"]]
    assert not (fresh.root / "python").exists()
    assert "SERVER='me@gateway.example'" in ours(fresh, "termux.conf").read_text()
    assert not ours(fresh, "config.yaml").exists()
    fresh.stand_in("ssh", "fine: recorded\n")
    assert fresh.run(fresh.home / ".shortcuts/tasks/Model auth status").returncode == 0
    assert "me@gateway.example" in fresh.called("ssh")[0]


@pytest.mark.parametrize(("server", "packages"), [("", []), ("gateway", ["openssh"])])
def test_an_address_needs_the_exporter_and_ssh_only_for_renewals(fresh: Host, server: str, packages: list[str]) -> None:
    code, screen = at_terminal(fresh, INSTALL, typed=f"3\nhttps://gateway.example:10987\n{server}\nn\nn\nn\n")
    assert code == 0, screen
    assert fresh.called("pkg") == [["install", "-y", "termux-api", *packages, "python", "python-pip", "python-pydantic-core"]]
    said = ours(fresh, "termux.conf").read_text()
    assert "FROM='https://gateway.example:10987'" in said
    assert ("\nSERVER='gateway'" in said) is bool(server)


@pytest.mark.parametrize("typed", ["4\n", "2\n\n", "3\n\n\n", "2\n-oProxyCommand=x\n", "2\na b\n", "3\nftp://x\n\n", "3\nhttp://x'y\n\n"])
def test_an_answer_that_makes_no_sense_changes_nothing(fresh: Host, typed: str) -> None:
    assert at_terminal(fresh, INSTALL, typed=typed)[0] == 64
    assert not placed(fresh)
    assert not fresh.calls


def test_nothing_is_compiled_from_rust(fresh: Host) -> None:
    assert fresh.run(INSTALL, "--source", "model-auth-exporter==1").returncode == 0
    assert "-m venv --system-site-packages" in (fresh.root / "python").read_text()
    pip = fresh.called("venv-python")[1]
    assert pip[:3] == ["-m", "pip", "install"]
    assert pip[pip.index("--only-binary") :][:2] == ["--only-binary", "pydantic-core"]
    assert pip[-1] == "model-auth-exporter==1"
    assert Path(pip[pip.index("--constraint") + 1]).read_text() == "pydantic-core==2.46.4\n"
    assert os.readlink(f"{fresh.env['PREFIX']}/bin/model-auth-exporter").endswith("venv/bin/model-auth-exporter")


def test_without_a_terminal_nothing_is_asked_and_flags_decide(fresh: Host) -> None:
    ran = fresh.run(INSTALL, "--server", "gateway", "--no-job", "--no-boot", "--no-widgets")
    assert ran.returncode == 0
    assert "Where" not in ran.stdout
    assert not placed(fresh) & EVERYTHING


def test_a_dry_run_only_speaks(fresh: Host) -> None:
    ran = fresh.run(INSTALL, "--dry-run")
    assert ran.returncode == 0, ran.stderr
    assert "+ pkg install -y termux-api python" in ran.stdout
    assert not placed(fresh)
    assert not fresh.calls


def test_a_second_run_keeps_what_was_set_and_the_flags_change_it(fresh: Host) -> None:
    conf, settings = ours(fresh, "termux.conf"), ours(fresh, "config.yaml")
    fresh.run(INSTALL, "--server", "gateway")
    conf.write_text(conf.read_text() + "PERIOD_MINUTES=60\n")
    first = conf.read_text()
    fresh.run(INSTALL)
    assert conf.read_text() == first
    assert not settings.exists()
    fresh.run(INSTALL, "--local")
    assert "\nSERVER=" not in conf.read_text()
    assert "PERIOD_MINUTES=60" in conf.read_text()
    settings.write_text("listen: 127.0.0.1:1\n")
    assert "Kept" in fresh.run(INSTALL, "--local").stdout
    assert settings.read_text() == "listen: 127.0.0.1:1\n"


def test_removing_leaves_only_settings_and_what_is_not_ours(fresh: Host) -> None:
    fresh.run(INSTALL)
    theirs = fresh.home / ".shortcuts/mine"
    theirs.write_text("x")
    fresh.forget()
    assert fresh.run(INSTALL, "--remove").returncode == 0
    assert fresh.called("termux-job-scheduler") == [["--cancel", "--job-id", "10987"]]
    assert placed(fresh) == {".shortcuts/mine"}
    assert ours(fresh, "config.yaml").exists()
    assert not Path(fresh.env["PREFIX"], "bin/model-auth-exporter").is_symlink()
    assert fresh.run(INSTALL, "--remove").returncode == 0


def test_elsewhere_than_on_termux_it_refuses(fresh: Host) -> None:
    (fresh.bin / "pkg").unlink()
    ran = fresh.run(INSTALL)
    assert ran.returncode == 1
    assert "deploy/install.sh" in ran.stderr
    assert fresh.run(INSTALL, "--what").returncode == 64
