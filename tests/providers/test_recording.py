"""A recording shows the shape of an answer and none of its values."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from exporter.model import Secret
from exporter.providers.recording import outline


def test_shape_without_values() -> None:
    body = {
        "data": [{"id": "gpt", "n": 1, "ok": True, "none": None}],
        "models": {"gemini-2.5-pro-002345": {"q": 1.5}},
        "who@example.com": 1,
        "list": [],
    }
    found = outline(200, {"Content-Type": "application/json; charset=utf-8", "X-Key": "secret"}, json.dumps(body).encode())
    assert found["status"] == 200
    assert found["content_type"] == "application/json"
    assert found["headers"] == ["content-type", "x-key"]
    assert found["paths"] == [
        "*: number",
        "data[].id: text",
        "data[].n: number",
        "data[].none: null",
        "data[].ok: boolean",
        "list: list",
        "models.*.q: number",
    ]


@given(st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=20, max_size=50), st.integers(100, 599))
def test_no_value_ever_comes_out(secret: str, status: int) -> None:
    body = json.dumps({"a": secret, "b": [{"c": secret, secret: 1}], "error": {"message": secret}}).encode()
    shown = json.dumps(outline(status, {"x": secret, secret: "x", f"x-limit-{secret}": "1"}, body, [Secret(secret)]))
    assert secret not in shown
    assert secret.lower() not in shown


@given(st.binary(max_size=200))
def test_any_bytes_have_an_outline(body: bytes) -> None:
    assert outline(200, {}, body)["bytes"] == len(body)
