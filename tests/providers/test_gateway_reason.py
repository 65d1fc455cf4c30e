"""The rebuilt classifier gives what the gateways' own function gave for the same input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.providers.gateway_reason import gateway_outcome, gateway_reason

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "fixtures" / "vectors" / "vectors-2026.9.6.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS["classifyMessage"], ids=lambda v: repr(v["message"])[:60])
def test_message_alone_is_read_as_the_gateway_reads_it(vector: dict[str, Any]) -> None:
    reason = gateway_reason(None, vector["message"])
    assert (reason, gateway_outcome(reason).value) == (vector["reason"], vector["probeStatus"])


@pytest.mark.parametrize("vector", VECTORS["classifyStatus"], ids=lambda v: str(v["status"]))
def test_status_alone_is_read_as_the_gateway_reads_it(vector: dict[str, Any]) -> None:
    reason = gateway_reason(vector["status"])
    assert (reason, gateway_outcome(reason).value) == (vector["reason"], vector["probeStatus"])


@pytest.mark.parametrize("vector", VECTORS["classifyCombo"], ids=lambda v: json.dumps(v["in"])[:70])
def test_combination_is_read_as_the_gateway_reads_it(vector: dict[str, Any]) -> None:
    given_in = vector["in"]
    reason = gateway_reason(given_in.get("status"), given_in.get("message", ""), given_in.get("code", ""), given_in.get("provider", ""))
    assert (reason, gateway_outcome(reason).value) == (vector["reason"], vector["probeStatus"])


def test_documented_order_traps() -> None:
    assert gateway_reason(None, "ZAI error code 1113") == "auth"
    assert gateway_reason(None, "ZAI error code 1311") == "billing"
    assert gateway_reason(502, "<html>unauthorized overloaded</html>") == "server_error"
    assert gateway_reason(None, "OAuth token refresh failed for x: network unreachable") == "auth"


@given(st.none() | st.integers(0, 999), st.text(), st.text(), st.text(max_size=20))
def test_never_raises(status: int | None, message: str, code: str, provider: str) -> None:
    gateway_outcome(gateway_reason(status, message, code, provider))
