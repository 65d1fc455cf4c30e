"""Edge. Apprise in its child process, for real: a web hook, a form, ntfy and mail on the loopback address."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiosmtpd.controller import Controller

from exporter.alerting.blocks import markdown
from exporter.alerting.notice import Notice, NoticeKind
from exporter.delivery.apprise_child import _page
from exporter.delivery.apprise_host import AppriseCarrier, AppriseHost, faults
from exporter.delivery.carrier import DeliveryError, Outcome
from exporter.finding import Severity
from exporter.model import Secret
from tests.alarm.matters import NOW
from tests.delivery.servers import Got, never_answers, raw, web
from tests.running import free_port

NOTICE = Notice(
    "n1", "ops", NoticeKind.FIRING, Severity.CRITICAL, NOW, "[CRITICAL] box · anthropic has expired",
    "Why: the date has passed.\nFix: log in again.\n    openclaw models auth login",
    "**Why:** the date has passed.  \n**Fix:** log in again.  \n```\nopenclaw models auth login\nopenclaw models status\n```\n\n"
    "**Runbook:** https://runbooks.example/ModelAuthExpired.md",
)  # fmt: skip


@pytest.fixture
def host() -> Iterator[AppriseHost]:
    made = AppriseHost(os.environ)
    yield made
    made.close()


def test_a_web_hook_gets_title_text_and_kind(host: AppriseHost) -> None:
    with web() as server:
        AppriseCarrier(host, Secret(f"json://{server.address}/hook")).deliver(NOTICE, 10)
        said = json.loads(server.got[0].body)
    assert (said["title"], said["message"], said["type"]) == (NOTICE.title, NOTICE.plain, "failure")


@pytest.mark.parametrize(
    ("kind", "severity", "sent"),
    [
        (NoticeKind.FIRING, Severity.WARNING, "warning"),
        (NoticeKind.REMINDER, Severity.INFO, "info"),
        (NoticeKind.RESOLVED, Severity.CRITICAL, "success"),
        (NoticeKind.ESCALATION, Severity.CRITICAL, "failure"),
    ],
)
def test_kind_and_severity_become_the_type(host: AppriseHost, kind: NoticeKind, severity: Severity, sent: str) -> None:
    with web() as server:
        AppriseCarrier(host, Secret(f"form://{server.address}/")).deliver(replace(NOTICE, kind=kind, severity=severity), 10)
        assert parse_qs(server.got[0].body.decode())["type"] == [sent]


@pytest.mark.parametrize(("severity", "priority"), [(Severity.CRITICAL, "max"), (Severity.WARNING, "high"), (Severity.INFO, "low")])
def test_ntfy_gets_a_priority_by_severity(host: AppriseHost, severity: Severity, priority: str) -> None:
    with web() as server:
        AppriseCarrier(host, Secret(f"ntfy://{server.address}/topic")).deliver(replace(NOTICE, severity=severity), 10)
        got = server.got[0]
    assert got.headers["X-Priority"] == priority
    assert json.loads(got.body)["title"] == NOTICE.title


def test_a_priority_of_the_url_stays(host: AppriseHost) -> None:
    with web() as server:
        AppriseCarrier(host, Secret(f"ntfy://{server.address}/topic?priority=low")).deliver(NOTICE, 10)
        assert server.got[0].headers["X-Priority"] == "low"


class _Mailbox:
    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 taken"


def test_mail_carries_text_and_page(host: AppriseHost) -> None:
    mailbox = _Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        url = f"mailto://127.0.0.1:{controller.port}?from=exporter@box.localhost&to=ops@box.localhost"
        AppriseCarrier(host, Secret(url)).deliver(NOTICE, 10)
    finally:
        controller.stop()
    mail = mailbox.messages[0]
    assert mail["Subject"] == NOTICE.title
    page = mail.get_body(("html",))
    assert page is not None
    html = page.get_content().replace("\r\n", "\n")
    assert "<strong>Fix:</strong>" in html
    assert (
        '<pre style="white-space:pre-wrap;overflow-wrap:anywhere"><code>openclaw models auth login\nopenclaw models status\n</code>' in html
    )
    assert '<a href="https://runbooks.example/ModelAuthExpired.md">' in html


def test_no_words_of_others_become_tags_of_a_page() -> None:
    words = "<img src=x onerror=alert(1)> <script>x</script> [click](https://evil.example) `x` ~a~ | & &lt;"
    page = _page(markdown([[("Why", words), ("", words), ("-", words), ("$", f"{words}\n```\n{words}")]]))
    assert set(re.findall(r"<(\w+)", page)) == {"p", "strong", "br", "ul", "li", "pre", "code"}
    assert "\\" not in page


def test_one_child_sends_many_and_ends_with_them(host: AppriseHost) -> None:
    with web() as server:
        carrier = AppriseCarrier(host, Secret(f"json://{server.address}/"))
        carrier.deliver(NOTICE, 10)
        pid = host.pid
        carrier.deliver(NOTICE, 10)
        assert host.pid == pid
        host.close()
    assert host.pid is None
    assert pid is not None
    assert not Path(f"/proc/{pid}").exists()


def test_the_url_is_in_no_argument_and_no_variable(host: AppriseHost) -> None:
    secret = "s3cr3t-canary-in-a-url"
    with web() as server:
        AppriseCarrier(host, Secret(f"json://user:{secret}@{server.address}/?+X-Key={secret}")).deliver(NOTICE, 10)
        for name in ("cmdline", "environ"):
            assert secret.encode() not in Path(f"/proc/{host.pid}/{name}").read_bytes()


def test_the_child_gets_no_variable_that_may_be_a_key(tmp_path: Path) -> None:
    host = AppriseHost({**os.environ, "ANTHROPIC_API_KEY": "sk-canary-1234567890", "MODEL_AUTH_EXPORTER_X": "y"})
    with web() as server:
        AppriseCarrier(host, Secret(f"json://{server.address}/")).deliver(NOTICE, 10)
        environ = Path(f"/proc/{host.pid}/environ").read_bytes()
    host.close()
    assert b"canary" not in environ
    assert b"MODEL_AUTH" not in environ


def _failure(host: AppriseHost, url: str, seconds: float = 10) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        AppriseCarrier(host, Secret(url)).deliver(NOTICE, seconds)
    return caught.value


@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_refusal_is_told_with_its_status(host: AppriseHost, status: int) -> None:
    with web(lambda got: status) as server:
        error = _failure(host, f"json://{server.address}/")
    assert str(status) in error.words
    assert error.outcome is Outcome.FAILED
    assert not error.maybe


def test_nobody_listening_is_certainly_no_delivery(host: AppriseHost) -> None:
    error = _failure(host, f"json://127.0.0.1:{free_port()}/")
    assert not error.maybe
    assert "onnection" in error.words


def test_a_reason_holds_nothing_of_the_url(host: AppriseHost) -> None:
    secret = "s3cr3t-canary-in-a-url"
    with web(lambda got: 403) as server:
        error = _failure(host, f"json://user:{secret}@{server.address}/{secret}?+X-Key={secret}")
    assert "canary" not in error.words


def test_a_channel_that_hangs_is_given_up_and_may_have_arrived(host: AppriseHost) -> None:
    with raw(never_answers) as port:
        began = time.monotonic()
        error = _failure(host, f"json://127.0.0.1:{port}/?rto=60", 1)
        took = time.monotonic() - began
    assert error.outcome is Outcome.TIMEOUT
    assert error.maybe
    assert took < 10


def test_one_that_hangs_does_not_hold_up_another(host: AppriseHost) -> None:
    with raw(never_answers) as port, web() as server:
        AppriseCarrier(host, Secret(f"json://{server.address}/")).deliver(NOTICE, 10)
        hanging = threading.Thread(target=_failure, args=(host, f"json://127.0.0.1:{port}/?rto=60", 4))
        hanging.start()
        began = time.monotonic()
        AppriseCarrier(host, Secret(f"json://{server.address}/")).deliver(NOTICE, 10)
        assert time.monotonic() - began < 3
        hanging.join()


def test_tls_that_is_refused_is_told(host: AppriseHost) -> None:
    with web() as server:
        error = _failure(host, f"jsons://{server.address}/")
    assert not error.maybe


def test_a_read_that_times_out_may_have_arrived(host: AppriseHost) -> None:
    def late(got: Got) -> int:
        time.sleep(2)
        return 200

    with web(late) as server:
        error = _failure(host, f"json://{server.address}/?rto=1&cto=1")
    assert error.maybe


def test_urls_are_judged_without_sending() -> None:
    urls = {"good": "json://127.0.0.1/x", "unknown": "nosuchservice://x", "bad": "tgram://", "worse": "no url at all"}
    found = dict(faults(((name, Secret(url)) for name, url in urls.items()), os.environ))
    assert found == {"unknown": "schema", "bad": "url", "worse": "schema"}


def test_a_child_without_apprise_says_so(tmp_path: Path) -> None:
    (tmp_path / "apprise.py").write_text("raise ImportError('none here')\n")
    host = AppriseHost({**os.environ, "PYTHONPATH": str(tmp_path)})
    try:
        assert "not installed" in _failure(host, "json://127.0.0.1/").words
    finally:
        host.close()


def test_a_release_that_answers_with_true_and_false_is_understood(tmp_path: Path) -> None:
    (tmp_path / "apprise.py").write_text(OLD_APPRISE)
    host = AppriseHost({**os.environ, "PYTHONPATH": str(tmp_path)})
    try:
        AppriseCarrier(host, Secret("fine://x")).deliver(NOTICE, 10)
        assert _failure(host, "failing://x").words == "the service said no"
    finally:
        host.close()


OLD_APPRISE = """
import logging


class AppriseAsset:
    def __init__(self, **_):
        pass


class _Plugin:
    notify_format = "text"
    template_args = {}

    def __init__(self, url):
        self.url = url


class Apprise:
    def __init__(self, asset=None):
        self.plugins = []

    @staticmethod
    def instantiate(url, asset=None, suppress_exceptions=True):
        return _Plugin(url)

    def add(self, plugin):
        self.plugins.append(plugin)
        return True

    def notify(self, body, title, notify_type, body_format):
        if self.plugins[0].url.startswith("failing"):
            logging.getLogger("apprise").warning("the service said no")
            return False
        return True
"""
