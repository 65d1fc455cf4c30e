"""Edge. The API as its OpenAPI document describes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS

from exporter import checking
from exporter.alerting.alert import Matcher, Silence
from exporter.masking import mask_emails
from exporter.metrics.view import Policy
from exporter.model import Secret
from exporter.remote import snapshot_of
from exporter.settings import Settings, Web
from exporter.web import openapi
from exporter.web.app import routes
from tests.metrics.shown import NOW
from tests.web.serving import LOOK, Place, serving

AUTH = {"authorization": "Bearer right"}
DOCUMENT = openapi.document()


@pytest.fixture(scope="module")
def running() -> Iterator[Place]:
    with serving(Settings(web=Web(bearer_token=Secret("right")))) as place:
        yield place


@pytest.fixture
def place(running: Place) -> Iterator[Place]:
    running.find()
    running.client.headers.update(AUTH)
    yield running
    running.look = LOOK


def _matches(document: object, name: str, *, page: bool = False) -> None:
    whole = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    items = document["items"] if page and isinstance(document, dict) else [document]
    for item in items:
        jsonschema_rs.validate(whole, item)


def test_every_route_is_described_and_every_description_has_a_route(place: Place) -> None:
    described = {(path, method.upper()) for path, operations in DOCUMENT["paths"].items() for method in operations}
    real = {
        (route.path, method)  # type: ignore[attr-defined]
        for route in routes(place.site())
        for method in route.methods or ()  # type: ignore[attr-defined]
        if route.path.startswith("/api/") and method != "HEAD"  # type: ignore[attr-defined]
    }
    assert described == real


def test_the_document_is_served_as_it_is(place: Place) -> None:
    assert place.get("/api/v1/openapi.json").json() == DOCUMENT


@pytest.mark.parametrize(
    ("path", "schema"),
    [("findings", "Finding"), ("alerts", "Alert"), ("silences", "Silence"), ("probes", "Probe"), ("probes/recent", "Answer")],
)
def test_lists_are_what_the_document_says(place: Place, path: str, schema: str) -> None:
    place.post("/api/v1/silences", {"matchers": ["provider=anthropic"], "duration": "1h"})
    page = place.get(f"/api/v1/{path}").json()
    assert page["items"]
    assert page["total"] >= len(page["items"])
    _matches(page, schema, page=True)


def test_findings_and_alerts_name_their_runbook(place: Place) -> None:
    assert place.get("/api/v1/findings").json()["items"][0]["runbook"] is None
    place.look = replace(place.look, runbooks="https://runbooks.example")
    found = place.get("/api/v1/findings").json()["items"][0]
    assert found["runbook"] == f"https://runbooks.example/ModelAuth{found['name']}.md"
    alert = place.get("/api/v1/alerts").json()["items"][0]["finding"]
    assert alert["runbook"] == f"https://runbooks.example/ModelAuth{alert['name']}.md"


def test_the_snapshot_is_what_the_document_says(place: Place) -> None:
    _matches(place.get("/api/v1/snapshot").json(), "Snapshot")


class TestAddresses:
    PATHS = ("snapshot", "findings", "alerts", "probes", "probes/recent", "silences")

    def test_they_are_masked_in_every_answer_as_on_the_page(self, place: Place) -> None:
        made = place.post("/api/v1/silences", {"matchers": ["profile=anthropic:ann@example.com"], "duration": "1h"})
        texts = [made.text, *(place.get(f"/api/v1/{path}").text for path in self.PATHS)]
        assert [text for text in texts if "ann@example.com" in text] == []
        assert [mask_emails("anthropic:ann@example.com") in text for text in texts[:2]] == [True, True]

    def test_they_are_shown_where_the_settings_say_so(self, place: Place) -> None:
        place.look = replace(LOOK, policy=Policy(mask_emails=False))
        assert "anthropic:ann@example.com" in place.get("/api/v1/snapshot").text

    def test_a_masked_snapshot_is_judged_the_same(self, place: Place) -> None:
        whole = snapshot_of(json.loads(place.get("/api/v1/snapshot").text))
        assert checking.check(whole).exit == checking.check(LOOK.snapshot).exit
        assert mask_emails("anthropic:ann@example.com") in {profile.profile for profile in whole.all_profiles()}


def test_the_snapshot_is_sent_once(place: Place) -> None:
    first = place.get("/api/v1/snapshot")
    tag = first.headers["etag"]
    again = place.get("/api/v1/snapshot", **{"if-none-match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    packed = place.get("/api/v1/snapshot", **{"accept-encoding": "gzip"})
    assert packed.headers["etag"] != tag
    place.look = replace(LOOK, snapshot=replace(LOOK.snapshot, at=NOW + timedelta(seconds=15)), now=NOW + timedelta(seconds=15))
    assert place.get("/api/v1/snapshot", **{"if-none-match": tag}).status_code == 200


def test_long_lists_come_in_pages(place: Place) -> None:
    for number in range(5):
        silence = Silence(f"{number:08x}", (Matcher("provider", "x"),), "a", "", NOW, NOW + timedelta(hours=1 + number))
        place.board.silence(silence, NOW)
    seen, path, total, pages = [], "/api/v1/silences?limit=2", 0, 0
    while path:
        answer = place.get(path)
        page = answer.json()
        seen += [item["id"] for item in page["items"]]
        assert ("link" in answer.headers) == bool(page["next"])
        path, total, pages = page["next"], page["total"], pages + 1
    assert len(seen) == len(set(seen)) == total
    assert pages == -(-total // 2)


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=1001", "limit=-1", "offset=-1", "limit=1&limit=2", "limit=", "offset=٣"])
def test_a_page_that_cannot_be_is_a_problem(place: Place, query: str) -> None:
    answer = place.get(f"/api/v1/alerts?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    _matches(answer.json(), "Problem")


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [("GET", "/api/v1/nothing", 404), ("POST", "/api/v1/snapshot", 405), ("DELETE", "/api/v1/silences/0", 404), ("GET", "/api/v1/silences/0", 405)],
)  # fmt: skip
def test_errors_are_problem_details(place: Place, method: str, path: str, code: int) -> None:
    answer = place.client.request(method, place.url + path)
    assert (answer.status_code, answer.headers["content-type"]) == (code, "application/problem+json")
    assert answer.json()["status"] == code
    assert ("allow" in answer.headers) == (code == 405)


def test_a_silence_lives_and_ends(place: Place) -> None:
    made = place.post(
        "/api/v1/silences", {"matchers": ['profile=~"anthropic:.*"', {"label": "name", "op": "!=", "value": "X"}], "duration": "90m"}
    )
    assert made.status_code == 201
    silence = made.json()
    assert (silence["author"], silence["state"], len(silence["matchers"])) == ("token", "active", 2)
    assert made.headers["location"] == f"/api/v1/silences/{silence['id']}"
    ended = place.client.delete(place.url + made.headers["location"])
    assert (ended.status_code, ended.content) == (204, b"")
    assert place.client.delete(place.url + made.headers["location"]).status_code == 404


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "exactly one of duration"),
        ({"matchers": [], "duration": "1h"}, "matchers"),
        ({"matchers": ["x=1"], "duration": "1h"}, "no such label"),
        ({"matchers": ['profile=~"("'], "duration": "1h"}, "regular expression"),
        ({"matchers": [1], "duration": "1h"}, "matchers"),
        ({"matchers": ["provider=a"], "duration": "soon"}, "duration"),
        ({"matchers": ["provider=a"], "duration": "0"}, "ends_at"),
        ({"matchers": ["provider=a"], "duration": "90000h"}, "a year at most"),
        ({"matchers": ["provider=a"], "duration": "1h", "ends_at": "2027-01-01"}, "exactly one"),
        ({"matchers": ["provider=a"], "ends_at": "yesterday"}, "instant"),
        ({"matchers": ["provider=a"], "ends_at": "2020-01-01"}, "past"),
        ({"matchers": ["provider=a"], "duration": "1h", "comment": "x" * 501}, "500"),
        ({"matchers": ["provider=a"], "duration": "1h", "comment": None}, "comment"),
        ({"matchers": [{"label": "name", "op": "=~", "value": "a"}], "duration": "1h"}, "op"),
        ({"matchers": ["provider=a"], "duration": "1h", "who": "x"}, "no such key"),
        ([], "not an object"),
    ],
)
def test_an_unclear_silence_says_what_to_write(place: Place, body: object, words: str) -> None:
    answer = place.post("/api/v1/silences", body)
    assert answer.status_code == 400
    assert words in answer.json()["detail"]


def test_an_alert_is_acknowledged_once_it_fires(place: Place) -> None:
    place.look = replace(LOOK, now=NOW + timedelta(hours=1))
    place.find()
    firing = next(item for item in place.get("/api/v1/alerts").json()["items"] if item["state"] == "firing")
    answer = place.post(f"/api/v1/alerts/{firing['id']}/ack", {"comment": "on it", "author": "ann"})
    assert answer.status_code == 200
    _matches(answer.json(), "Alert")
    assert (answer.json()["acked_by"], answer.json()["ack_comment"]) == ("ann", "on it")
    assert place.post("/api/v1/alerts/ffff/ack", {}).status_code == 404


def test_before_the_first_reading_nothing_is_claimed(place: Place) -> None:
    place.look = replace(LOOK, ready=False)
    for path in ("snapshot", "findings", "alerts", "silences", "probes"):
        answer = place.get(f"/api/v1/{path}")
        assert answer.status_code == 503
        assert answer.headers["retry-after"]


def test_prometheus_finds_us(place: Place) -> None:
    port = place.url.rpartition(":")[2]
    assert place.get("/api/v1/sd").json() == [
        {
            "targets": [f"127.0.0.1:{port}"],
            "labels": {
                "__scheme__": "http",
                "__metrics_path__": "/metrics",
                "__meta_model_auth_host": "testhost",
                "__meta_model_auth_gateways": "openclaw,static",
            },
        }
    ]


SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)


@SCHEMA.parametrize()
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
def test_schemathesis_finds_nothing(case: schemathesis.Case[Any], running: Place) -> None:
    response = case.call(base_url=running.url, headers={"Authorization": "Bearer right"})
    # Reading is free for logins without a name too (`security` begins with {}), which that check does not know.
    unknowing: list[Any] = [check for check in CHECKS.get_all() if check.__name__ == "ignored_auth"]
    case.validate_response(response, excluded_checks=unknowing)
