"""Edge. The routes, called as a client calls them."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.findings.catalogue import find
from exporter.findings.context import Context
from exporter.metrics.view import Policy
from exporter.model import Problem, ProblemReason, Secret, StoreKind
from exporter.verdict import Health, Snapshot
from exporter.web import page
from exporter.web.board import BoardView
from exporter.web.server import CannotListen, bind
from tests.metrics.shown import HOUR, NOW, everything, profile, provider, snapshot
from tests.web.serving import LOOK, Place, serving


@pytest.fixture(scope="module")
def running() -> Iterator[Place]:
    with serving() as place:
        yield place


@pytest.fixture
def site(running: Place) -> Iterator[Place]:
    yield running
    running.look = LOOK
    running.adopt()


def test_metrics_hold_our_families_and_the_process(site: Place) -> None:
    answer = site.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    names = {family.name for family in parse_text(answer.text)}
    assert {"model_auth_profile_usable", "process_resident_memory_bytes", "python_info"} <= names


def test_openmetrics_has_one_end(site: Place) -> None:
    answer = site.get("/metrics", accept="application/openmetrics-text")
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert answer.text.count("# EOF") == 1
    assert answer.text.endswith("# EOF\n")


def test_only_the_names_asked_for(site: Place) -> None:
    answer = site.get("/metrics?name[]=model_auth_profile_usable&name%5B%5D=process_open_fds")
    assert {family.name for family in parse_text(answer.text)} == {"model_auth_profile_usable", "process_open_fds"}


def test_gzip_when_welcome(site: Place) -> None:
    with site.client.stream("GET", site.url + "/metrics?name[]=model_auth_profile_health", headers={"accept-encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert gzip.decompress(raw) == site.get("/metrics?name[]=model_auth_profile_health").content


def test_many_scrapers_at_once_all_get_an_answer(site: Place) -> None:
    codes: list[int] = []

    def scrape() -> None:
        codes.append(httpx.get(site.url + "/metrics", trust_env=False).status_code)

    threads = [threading.Thread(target=scrape) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * 20


def test_health_and_readiness(site: Place) -> None:
    assert (site.get("/-/healthy").status_code, site.get("/-/ready").status_code) == (200, 200)
    site.look = replace(site.look, ready=False, fault="no task has ended for 50 s")
    assert (site.get("/-/healthy").status_code, site.get("/-/ready").status_code) == (503, 503)
    assert "50 s" in site.get("/-/healthy").text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/api/v1/snapshot"])
def test_nothing_can_be_changed(site: Place, method: str, path: str) -> None:
    assert site.client.request(method, site.url + path).status_code == 405


def test_an_unknown_path_is_not_found(site: Place) -> None:
    assert site.get("/nowhere").status_code == 404
    assert site.get("/-/reload/").status_code == 404


def test_the_snapshot_is_the_documented_document(site: Place) -> None:
    answer = site.get("/api/v1/snapshot")
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.text)["schema"] == 1
    site.look = replace(site.look, ready=False)
    assert site.get("/api/v1/snapshot").status_code == 503


@pytest.mark.parametrize(
    ("header", "code"),
    [("", 401), ("Bearer wrong", 401), ("Basic right", 401), ("Bearer right", 200), ("bearer right", 200), ("Bearer ü", 401)],
)
def test_a_bearer_token_is_asked_for(site: Place, header: str, code: int) -> None:
    site.adopt(bearer_token=Secret("right"))
    for path in ("/metrics", "/", "/api/v1/snapshot"):
        answer = site.client.get(site.url + path, headers={b"authorization": header.encode()})
        assert answer.status_code == code
        assert "right" not in answer.text
    assert site.get("/-/healthy").status_code == 200


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/ready", "/nowhere"])
def test_every_answer_carries_the_security_headers(site: Place, path: str) -> None:
    headers = site.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


class TestPage:
    def html(self, shown: Snapshot, *, ready: bool = True, mask: bool = True) -> str:
        return page.render_status(replace(LOOK, snapshot=shown, ready=ready, policy=Policy(mask)), BoardView())

    def test_comes_as_html_and_loads_nothing(self, site: Place) -> None:
        answer = site.get("/")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "src=" not in answer.text
        assert answer.text.count("<script") == 1
        assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "")

    def test_says_which_provider_is_down_and_since_when(self) -> None:
        html = self.html(everything())
        assert "down for 1h, back in 1h" in html
        assert "up, ends in 1h" in html
        assert "unknown" in html

    def test_each_trouble_leads_to_its_runbook(self) -> None:
        board = BoardView(find(everything(), Context()).findings)
        assert "Runbook" not in page.render_status(LOOK, board)
        html = page.render_status(replace(LOOK, runbooks="https://runbooks.example"), board)
        assert 'href="https://runbooks.example/ModelAuthProviderDown.md"' in html

    def test_before_the_first_reading_it_claims_nothing(self) -> None:
        assert "not done yet" in self.html(Snapshot(NOW), ready=False)

    def test_without_a_gateway_it_says_where_it_looked_and_points_to_the_demo(self) -> None:
        html = self.html(Snapshot(NOW, searched=("/home/someone/.openclaw",)))
        assert "What is wrong" not in html
        assert "/home/someone/.openclaw" in html
        assert "make demo" in html

    @pytest.mark.parametrize(
        ("span", "renews", "words"),
        [(HOUR, False, "Expires"), (-HOUR, False, "Expired"), (HOUR, True, "Access token ends"), (-HOUR, True, "Access token ended")],
    )
    def test_says_what_ends_and_whether_it_has(self, span: timedelta, renews: bool, words: str) -> None:
        assert f"<dt>{words}</dt>" in self.html(snapshot(profile(expires_at=NOW + span, renews=renews)))

    def test_says_why_verdicts_are_held(self) -> None:
        assert "the clock is wrong" in self.html(replace(snapshot(profile()), clock_held="the clock is wrong"))

    def test_what_cannot_be_read_comes_before_everything_else(self) -> None:
        fatal = Problem("openclaw", "main", StoreKind.AUTH_PROFILES, ProblemReason.INVALID_SYNTAX, "/x: line 1", fatal=True)
        mild = replace(fatal, reason=ProblemReason.BAD_ENTRY, fatal=False)
        html = self.html(replace(snapshot(profile()), problems=(mild, fatal)))
        assert html.index("invalid_syntax") < html.index('id="profiles"') < html.index("bad_entry")

    def test_many_problems_are_cut(self) -> None:
        problem = Problem("openclaw", "main", StoreKind.CONFIG, ProblemReason.BAD_VALUE, "/x")
        assert "and 950 more" in self.html(replace(snapshot(profile()), problems=(problem,) * 1000))

    def test_names_from_files_are_text_and_addresses_are_masked(self) -> None:
        name = "<script>alert(1)</script>:ann@example.com"
        shown = snapshot(profile(name))
        row = provider(next=name, health=Health.OK)
        agent = replace(shown.gateways[0].agents[0], providers=(row,))
        html = self.html(replace(shown, gateways=(replace(shown.gateways[0], agents=(agent,)),)))
        assert "<script>alert" not in html
        assert "ann@example.com" not in html


class TestBind:
    def test_a_taken_port_says_so(self) -> None:
        with bind("127.0.0.1", 0) as sock, pytest.raises(CannotListen, match="taken") as caught:
            bind("127.0.0.1", sock.getsockname()[1])
        assert caught.value.taken

    @pytest.mark.parametrize("host", ["203.0.113.1", "::ffff:203.0.113.1"])
    def test_an_address_of_another_machine_says_so(self, host: str) -> None:
        with pytest.raises(CannotListen, match="not an address of this machine") as caught:
            bind(host, 0)
        assert not caught.value.taken

    def test_no_host_is_every_address(self) -> None:
        with bind("", 0) as sock:
            assert sock.getsockname()[1]


def test_the_look_of_one_request_is_one_value(site: Place) -> None:
    site.look = replace(site.look, now=NOW + HOUR)
    found = next(
        sample.value
        for family in parse_text(site.get("/metrics?name[]=model_auth_profile_expires_in_seconds").text)
        for sample in family.samples
        if sample.labels["profile"] == "anthropic:token"
    )
    assert timedelta(seconds=found) == HOUR
