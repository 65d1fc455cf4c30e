"""Edge. A Prometheus that scraped the demo, and beside it a page with what providers answer and channels deliver, which the demo has none of."""

from __future__ import annotations

import json
import re
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from alerts.generate import hurried
from exporter.metrics.families import render
from exporter.metrics.view import Counters, Task
from exporter.model import CredentialKind
from exporter.outcome import Balance, Outcome, ProbeStatus, Quota, RateLimit
from exporter.verdict import AgentVerdict, DriftFact, Health, Snapshot
from tests.metrics.shown import gateway, profile, provider
from tests.running import SILENT, Serving, fetch, free_port, run, serving, started, until

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    server: Serving

    def ask(self, path: str, **query: str) -> Any:
        """Return the data of an answer; an error is an AssertionError with its text."""
        status, text = fetch(f"{self.server.url}/api/v1/{path}?{urllib.parse.urlencode(query)}")
        assert status == 200, f"{query}: {text}"
        return json.loads(text)["data"]

    def now(self, expr: str) -> list[dict[str, Any]]:
        """Return the samples of an instant query."""
        found: list[dict[str, Any]] = self.ask("query", query=expr)["result"]
        return found

    def over(self, expr: str, seconds: int, step: int = 1) -> list[dict[str, Any]]:
        """Return the series of a range query over the last seconds."""
        now = datetime.now(UTC).timestamp()
        found: list[dict[str, Any]] = self.ask("query_range", query=expr, start=str(now - seconds), end=str(now), step=str(step))["result"]
        return found


def filled(expr: str) -> str:
    """Put `All` in place of every variable, as Grafana does."""
    expr = expr.replace("$__rate_interval", "10s")
    return re.sub(r"\$(\w+)", lambda found: ".+" if found[1] in ("job", "instance") else ".*", expr)


@contextmanager
def scraped(place: Path, program: Callable[..., str]) -> Iterator[Prometheus]:
    """Run the demo, the page and Prometheus with the rules until a few scrapes are in."""
    home, demo, listen = place / "demo", f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    written = run("demo", "--dir", str(home), "--no-serve", home=place / "nobody")
    assert written.returncode == 0, written.stderr
    with (
        serving(home, env=SILENT, address=demo),
        _answers() as page,
        _prometheus(place, program("prometheus"), listen, (demo, page)) as server,
    ):
        prometheus = Prometheus(server)
        until("both are scraped", lambda: len(prometheus.now("model_auth_exporter_build_info")) == 2)
        until("rules fire", lambda: len(prometheus.now('ALERTS{alertstate="firing"}')) > 3, 30)
        until("counters move", lambda: prometheus.now("rate(model_auth_probe_attempts_total[10s]) > 0"))
        yield prometheus


def _prometheus(place: Path, binary: str, listen: str, targets: tuple[str, ...]) -> Any:
    (place / "rules.yml").write_text(hurried(timedelta(seconds=1)), encoding="utf-8")
    jobs = "".join(f"- {{job_name: model-auth-{n}, static_configs: [{{targets: ['{target}']}}]}}\n" for n, target in enumerate(targets))
    config = f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\nscrape_configs:\n{jobs}"
    (place / "prometheus.yml").write_text(config, encoding="utf-8")
    options = [f"--config.file={place / 'prometheus.yml'}", f"--storage.tsdb.path={place / 'tsdb'}", "--log.level=warn"]
    return started([binary, *options, f"--web.listen-address={listen}"], f"http://{listen}", "/-/ready", place / "prometheus.log")


@contextmanager
def _answers() -> Iterator[str]:
    """Serve the page; its counters rise with each scrape."""

    class Handler(BaseHTTPRequestHandler):
        scrapes = 0

        def do_GET(self) -> None:
            Handler.scrapes += 1
            now = datetime.now(UTC)
            page = render(_snapshot(now, Handler.scrapes), now, _counters(now, Handler.scrapes))
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _snapshot(now: datetime, scrapes: int) -> Snapshot:
    quotas = (Quota("5h", min(0.99, 0.55 + scrapes / 400), now + 2 * HOUR), Quota("7d", 0.31, now + 4 * DAY))
    limits = (RateLimit("requests", "minute", 50, 32, now + MINUTE), RateLimit("tokens", "minute", 40_000, 9_000, now + MINUTE))
    phases = {"connect": 0.02, "tls": 0.04, "wait": 0.21, "transfer": 0.01, "total": 0.28}
    accepted = Outcome(
        ProbeStatus.OK, "", now - 5 * MINUTE, phases=phases, last_success_at=now - 5 * MINUTE, clock_offset_seconds=0.4,
        rate_limits=limits, quotas=quotas, balances=(Balance("USD", 12.5),),
    )  # fmt: skip
    refused = Outcome(ProbeStatus.AUTH, "revoked", now - 7 * MINUTE, phases={"total": 0.19}, confirmed=True)
    probed = (
        profile("anthropic:team", probe=accepted, changed_at=now - 40 * DAY, last_used_at=now - MINUTE),
        profile("anthropic:old-key", probe=refused, usable=False, errors=3, failures={"auth": 3}),
        profile("anthropic:pipeline", credential=CredentialKind.TOKEN, health=Health.OK, expires_at=now + 12 * DAY),
    )
    dark = replace(provider(usable=0, next=None, dark_at=now - HOUR, recovers_at=now + 20 * MINUTE), provider="openai")
    agent = AgentVerdict("openclaw-team", "main", True, True, (provider(dark_at=now + 12 * DAY), dark), probed)
    team = replace(agent, profiles=tuple(replace(one, gateway="openclaw-team") for one in probed))
    team = replace(team, providers=tuple(replace(one, gateway="openclaw-team") for one in agent.providers))
    drift = (DriftFact("openclaw-team", "env", "two places differ", "main", "anthropic"),)
    return Snapshot(now, (gateway(team, gateway="openclaw-team"),), drift=drift)


def _counters(now: datetime, scrapes: int) -> Counters:
    return Counters(
        source_errors={("openclaw-team", "main", "auth-profiles", "bad_entry"): scrapes // 2},
        probe_attempts={("anthropic", "ok"): 3 * scrapes, ("anthropic", "auth"): scrapes},
        notifications={("ops", "delivered"): scrapes, ("mail", "failed"): scrapes // 4},
        findings={("Rejected", "warning"): 1},
        outbox_notices=1,
        outbox_oldest_at=now - 3 * MINUTE,
        tasks=(
            Task("pass", {"ok": scrapes, "error": 0}, now, 0.012),
            Task("probes", {"ok": scrapes // 3, "error": scrapes // 9}, now, 0.8),
        ),
        reload_successful=True,
        reload_success_at=now - HOUR,
    )
