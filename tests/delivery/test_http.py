"""Edge. One request: what comes back, what does not, and how long it may take."""

from __future__ import annotations

import base64
import socket
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from exporter.delivery.carrier import DeliveryError, Outcome
from exporter.delivery.http import Call, send
from tests.delivery.servers import never_answers, raw, trickles, web
from tests.running import free_port


def failure(url: str, seconds: float = 5) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        send(Call(url, "POST", b"x"), seconds)
    return caught.value


def test_a_request_arrives_with_its_login_and_comes_back_with_what_was_said() -> None:
    with web(lambda got: 429) as server:
        server.headers["Retry-After"] = "7"
        answer = send(Call(f"http://ann:p%40ss@{server.address}/a/b?c=d", "POST", b"body", {"X-A": "b"}), 5)
        got = server.got[0]
    assert (answer.status, answer.body, answer.retry_after) == (429, "{}", timedelta(seconds=7))
    assert (got.method, got.path, got.body, got.headers["X-A"]) == ("POST", "/a/b?c=d", b"body", "b")
    assert got.headers["Authorization"] == "Basic " + base64.b64encode(b"ann:p@ss").decode()


def test_a_redirect_is_an_answer_nobody_follows() -> None:
    with web(lambda got: 302) as server:
        server.headers["Location"] = "http://127.0.0.1:1/"
        assert send(Call(f"http://{server.address}/"), 5).status == 302


@pytest.mark.parametrize("behaviour", [never_answers, trickles], ids=["silent", "trickling"])
def test_who_takes_too_long_is_cut_off(behaviour: Callable[[socket.socket], None]) -> None:
    with raw(behaviour) as port:
        began = time.monotonic()
        error = failure(f"http://127.0.0.1:{port}/", 0.5)
    assert time.monotonic() - began < 5
    assert (error.outcome, error.maybe) == (Outcome.TIMEOUT, True)


def closes(connection: socket.socket) -> None:
    connection.recv(65536)


def test_what_certainly_did_not_arrive_is_told_from_what_may_have() -> None:
    refused = failure(f"http://127.0.0.1:{free_port()}/")
    assert ("refused" in refused.words, refused.maybe) == (True, False)
    with raw(closes) as port:
        assert failure(f"http://127.0.0.1:{port}/").maybe
    with web() as server:
        tls = failure(f"https://{server.address}/")
    assert ("TLS" in tls.words, tls.maybe) == (True, False)


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:99999/", "http:///x"])
def test_what_is_no_url_is_said_so(url: str) -> None:
    assert "URL" in failure(url).words
