"""Edge. The exporter over a home that gets worse and is repaired, a real Prometheus with the rules, a real Alertmanager with the sample.

Waits are cut to a second; everything else of rules and routing is as shipped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.generate import hurried
from tests.alerts.receiver import Receiver, receiving
from tests.running import ROOT, SILENT, Serving, fetch, free_port, ms, serving, started, until, write_json

pytestmark = [pytest.mark.real, pytest.mark.slow]


class Stand:
    """The whole pipeline."""

    def __init__(self, place: Path, program: Callable[..., str], receiver: Receiver) -> None:
        self.receiver, self.home = receiver, place / "home"
        self.store = self.home / ".openclaw" / "agents" / "main" / "agent" / "auth-profiles.json"
        self.exporter_address, self.address = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        self._place, self._program = place, program

    def exporter(self, stack: ExitStack) -> Serving:
        """Start the exporter."""
        return stack.enter_context(serving(self.home, env=SILENT, address=self.exporter_address))

    def prometheus(self, stack: ExitStack) -> None:
        """Start Prometheus with the shipped rules."""
        (self._place / "rules.yml").write_text(hurried(timedelta(seconds=1)), encoding="utf-8")
        (self._place / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            "rule_files: [rules.yml]\n"
            f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{self.address}']}}]}}]}}\n"
            f"scrape_configs: [{{job_name: model-auth, static_configs: [{{targets: ['{self.exporter_address}']}}]}}]\n",
            encoding="utf-8",
        )
        listen = f"127.0.0.1:{free_port()}"
        options = [f"--config.file={self._place / 'prometheus.yml'}", f"--storage.tsdb.path={self._place / 'tsdb'}", "--log.level=warn"]
        command = [self._program("prometheus"), *options, f"--web.listen-address={listen}", "--rules.alert.resend-delay=1s"]
        stack.enter_context(started(command, f"http://{listen}", "/-/ready", self._place / "prometheus.log"))

    def alertmanager(self, stack: ExitStack) -> None:
        """Start Alertmanager with the sample, its receivers replaced by ours and its waits cut."""
        text = (ROOT / "alerts" / "alertmanager.yml").read_text(encoding="utf-8")
        text = re.sub(r"(group_wait|group_interval): \w+", r"\1: 1s", text).replace("http://127.0.0.1:9", self.receiver.url)
        (self._place / "alertmanager.yml").write_text(text, encoding="utf-8")
        options = [f"--config.file={self._place / 'alertmanager.yml'}", f"--storage.path={self._place / 'am'}", "--log.level=warn"]
        command = [self._program("prometheus-alertmanager", "alertmanager"), *options]
        command += [f"--web.listen-address={self.address}", "--cluster.listen-address="]
        stack.enter_context(started(command, f"http://{self.address}", "/-/ready", self._place / "alertmanager.log"))

    def known(self, **labels: str) -> list[dict[str, Any]]:
        """Return what Alertmanager knows with these labels."""
        status, text = fetch(f"http://{self.address}/api/v2/alerts")
        assert status == 200, text
        return [alert for alert in json.loads(text) if labels.items() <= alert["labels"].items()]

    def post(self, over: bool = False) -> None:
        """Tell Alertmanager of an alert, or of its end, as the exporter's own channel does."""
        labels = {"alertname": "ModelAuthProviderDown", "severity": "critical", "origin": "sidecar", "host": "here"}
        labels |= {"gateway": "openclaw", "provider": "anthropic", "agent": "main"}
        now = datetime.now(UTC)
        ends = now if over else now + timedelta(minutes=4)
        body = json.dumps([{"labels": labels, "startsAt": (now - timedelta(minutes=1)).isoformat(), "endsAt": ends.isoformat()}]).encode()
        status, text = fetch(f"http://{self.address}/api/v2/alerts", {"Content-Type": "application/json"}, "POST", body)
        assert status == 200, text

    def write(self, expires_in: float, key: str) -> None:
        """Write the store: a token and a key."""
        token = {"type": "token", "provider": "anthropic", "token": "fake-token-of-anthropic", "expires": ms(expires_in)}
        profiles = {"anthropic:manual": token, "openai:default": {"type": "api_key", "provider": "openai", "key": key}}
        write_json(self.store, {"version": 1, "profiles": profiles})


@pytest.fixture
def stand(tmp_path: Path, program: Callable[..., str]) -> Iterator[Stand]:
    with receiving() as receiver:
        stand = Stand(tmp_path, program, receiver)
        models = {"primary": "anthropic/claude-sonnet-4-5", "fallbacks": ["openai/gpt-5.2"]}
        write_json(stand.home / ".openclaw" / "openclaw.json", {"agents": {"defaults": {"model": models}}})
        stand.write(400 * 86400, "fake-key-of-openai")
        yield stand


def test_what_breaks_is_told_once_to_the_right_people_and_taken_back(stand: Stand) -> None:
    arrived = stand.receiver
    with ExitStack() as whole, ExitStack() as process:
        stand.alertmanager(whole)
        stand.prometheus(whole)
        exporter = stand.exporter(process)
        until("the sign of life", lambda: arrived.told("/watchdog", "firing", alertname="ModelAuthWatchdog"))
        until("what was down before the exporter is over", lambda: not stand.known(alertname="ModelAuthExporterDown"))
        assert arrived.names("/tickets") <= {"ModelAuthEnvironmentUnseen"}

        stand.write(-60, " ")
        paged = until("a page", lambda: arrived.told("/page", "firing", alertname="ModelAuthProviderDown", provider="anthropic"))
        until("another page", lambda: arrived.told("/page", "firing", alertname="ModelAuthProviderDown", provider="openai"))
        assert paged[0]["labels"]["gateway"] == "openclaw"
        assert "No usable credential of anthropic for agent main on openclaw" in paged[0]["annotations"]["description"]
        expired = until("the cause is known", lambda: stand.known(alertname="ModelAuthExpired", profile="anthropic:manual"))
        until("and muted", lambda: stand.known(alertname="ModelAuthExpired")[0]["status"]["inhibitedBy"])
        assert "ran out" in expired[0]["annotations"]["description"]

        stand.post()
        until("the twin is muted", lambda: stand.known(origin="sidecar") and stand.known(origin="sidecar")[0]["status"]["inhibitedBy"])
        stand.post(over=True)

        stand.write(400 * 86400, "fake-key-of-openai")
        for provider in ("anthropic", "openai"):
            back = {"alertname": "ModelAuthProviderDown", "provider": provider}
            until(f"{provider} is back", lambda labels=back: arrived.told("/page", "resolved", **labels))  # type: ignore[misc]
        until("nothing is expired any more", lambda: not stand.known(alertname="ModelAuthExpired"))

        exporter.stop()
        until("its end is noticed", lambda: arrived.told("/page", "firing", alertname="ModelAuthExporterDown"))
        stand.exporter(process)
        until("its return too", lambda: arrived.told("/page", "resolved", alertname="ModelAuthExporterDown"))
        assert not [one for one in arrived.told("/page", "firing") if one["labels"].get("origin")]
        assert "ModelAuthExpired" not in arrived.names("/tickets") | arrived.names("/page")
