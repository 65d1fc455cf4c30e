"""Edge. A daemon with a channel of every kind, good ones and failing ones: no login of a channel and no planted secret comes out."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from tests.delivery.servers import Web, web
from tests.running import Serving, crashed, fetch, free_port, run, serving, until
from tests.security.planting import Canaries, plant

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")]  # that is what is tried
PAGES = (
    "/",
    "/metrics",
    "/-/healthy",
    "/-/ready",
    *(f"/api/v1/{name}" for name in ("snapshot", "findings", "alerts", "silences", "probes")),
)


class _Mailbox:
    """Takes mail from those who log in."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.logins: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.got.append(envelope.content.decode())
        return "250 taken"

    def login(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        from aiosmtpd.smtp import AuthResult

        self.logins.append(data.password.decode())
        return AuthResult(success=True)


@contextmanager
def _mail() -> Iterator[tuple[int, _Mailbox]]:
    box = _Mailbox()
    controller = Controller(
        box, hostname="127.0.0.1", port=free_port(), authenticator=box.login, auth_required=True, auth_require_tls=False
    )
    controller.start()
    try:
        yield controller.port, box
    finally:
        controller.stop()


def _settings(folder: Path, logins: Canaries, good: Web, bad: Web, mail: int) -> Path:
    """Write settings whose every channel has a login of its own; those that end in `-bad` go to a server that refuses and repeats it."""

    def new(name: str) -> str:
        return logins.new(name, plain=True)

    channels = []
    for name, server in (("good", good), ("bad", bad)):
        channels += [
            f"{{name: hook-{name}, url: 'json://me:{new(f'hook {name}')}@{server.address}/{new(f'hook path {name}')}?+X-Key={new(f'hook header {name}')}'}}",
            f"{{name: form-{name}, url: 'form://{server.address}/?-token={new(f'form {name}')}'}}",
            f"{{name: ntfy-{name}, url: 'ntfy://{new(f'ntfy {name}')}@{server.address}/topic'}}",
            f"{{name: am-{name}, alertmanager: ['http://me:{new(f'alertmanager {name}')}@{server.address}']}}",
            f"{{name: beat-{name}, heartbeat: 'http://{server.address}/{new(f'heartbeat {name}')}'}}",
        ]
    channels += [
        f"{{name: mail, url: 'mailto://me:{new('mail')}@127.0.0.1:{mail}?from=a@box.localhost&to=b@box.localhost'}}",
        f"{{name: mail-bad, url: 'mailto://me:{new('mail bad')}@127.0.0.1:{free_port()}?from=a@box.localhost&to=b@box.localhost'}}",
        f"{{name: file, command: [sh, -c, 'cat >> {folder / 'told'}']}}",
        "{name: file-bad, command: [sh, -c, 'cat >&2; env >&2; exit 3']}",
    ]
    path = folder / "settings.yaml"
    quick = "alerts: {startup_grace: 0s, group_wait: 0s, group_interval: 0s}\nread: {interval: 1s}\nlog: {level: debug}\n"
    path.write_text(f"{quick}channels:\n" + "".join(f"  - {channel}\n" for channel in channels), encoding="utf-8")
    path.chmod(0o600)
    return path


def _told(exporter: Serving, good: Web, bad: Web, mailbox: _Mailbox, file: Path) -> bool:
    """Tell whether every channel has had its turn."""
    paths = {name for server in (good, bad) for got in server.got for name in [got.path.rsplit("/", 1)[-1].partition("?")[0]]}
    tried = exporter.metrics()
    failed = all(
        exporter.value("model_auth_notifications_total", channel=f"{name}-bad", outcome="failed")
        for name in ("hook", "form", "ntfy", "am", "mail", "file")
    )
    return failed and "alerts" in paths and bool(mailbox.got) and file.exists() and "model_auth_findings{" in tried


def test_no_login_of_a_channel_and_no_secret_of_a_gateway_comes_out(tmp_path: Path) -> None:
    home = tmp_path / "home"
    planted, logins = plant(home), Canaries()
    with web() as good, web(lambda got: 500) as bad, _mail() as (port, mailbox):
        bad.echoes = True
        config = _settings(tmp_path, logins, good, bad, port)
        said: dict[str, str] = {}
        with serving(home, "--config", str(config)) as exporter:
            until("every channel was tried", lambda: _told(exporter, good, bad, mailbox, tmp_path / "told"), 60, 0.5)
            for path in PAGES:
                said[path] = fetch(f"{exporter.url}{path}", {})[1]
            for command in (["alerts", "list", "--all"], ["alerts", "list", "--json"], ["alerts", "history", "--json"], ["config", "show"]):
                shown = run(*command, "--config", str(config), home=home)
                said[" ".join(command)] = shown.stdout + shown.stderr
            tested = run("alerts", "test", "--config", str(config), home=home)
            said["alerts test"] = tested.stdout + tested.stderr
            exporter.stop()
            said["log"] = exporter.words()
    for file in (tmp_path / "xdg-state").rglob("*"):
        if file.is_file():
            said[file.name] = file.read_bytes().decode("latin-1")
    _every_login_was_used(logins, good, bad, mailbox)
    reasons = [line["why"] for line in json.loads(said["alerts history --json"])["notices"] if line["why"]]
    assert any("500" in why for why in reasons)
    assert "journal.sqlite" in said
    assert {place: found for place, text in said.items() if (found := logins.found_in(text))} == {}
    sent = {f"{server.port} {n}": got.body.decode() for server in (good, bad) for n, got in enumerate(server.got)}
    sent |= {f"mail {n}": text for n, text in enumerate(mailbox.got)} | {"command": (tmp_path / "told").read_text()}
    assert {place: found for place, text in {**said, **sent}.items() if (found := planted.found_in(text))} == {}
    assert not crashed(said["log"])


def _every_login_was_used(logins: Canaries, good: Web, bad: Web, mailbox: _Mailbox) -> None:
    """A login that nobody used proves nothing."""
    requests = " ".join(f"{got.path} {got.headers} {_basic(got.headers)} {got.body!r}" for server in (good, bad) for got in server.got)
    used = requests + " ".join(mailbox.logins)
    assert {place for place, value in logins.values.items() if value not in used} <= {"mail bad"}


def _basic(headers: Any) -> str:
    kind, _, value = headers.get("Authorization", "").partition(" ")
    return base64.b64decode(value).decode() if kind == "Basic" else value
