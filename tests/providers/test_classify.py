"""What classification never does: raise, show a secret, count what is not the credential's fault."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import Secret
from exporter.outcome import ProbeStatus
from exporter.providers.classify import classify
from exporter.providers.redact import WORDS_LIMIT, redact
from exporter.providers.row import Purpose
from exporter.providers.table import BY_ID, PROVIDERS

NOW = datetime(2026, 11, 1, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "message",
                    "code",
                    "type",
                    "data",
                    "status",
                    "detail",
                    "details",
                    "base_resp",
                    "status_code",
                    "limits",
                    "rate_limit",
                    "quota_snapshots",
                    "balance",
                    "reason",
                    "resetTime",
                    "success",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "retry-after",
            "retry-after-ms",
            "date",
            "content-type",
            "age",
            "x-ratelimit-reset",
            "x-ratelimit-remaining-tokens",
            "x-ratelimit-reset-tokens",
            "ratelimit",
            "ratelimit-policy",
            "x-codex-primary-used-percent",
            "x-codex-primary-reset-at",
            "anthropic-ratelimit-unified-5h-utilization",
            "anthropic-ratelimit-unified-reset",
            "anthropic-ratelimit-requests-reset",
            "x-amzn-errortype",
            "github-authentication-token-expiration",
            "cf-mitigated",
        ]
    ),
    st.text(max_size=30) | st.integers().map(str) | st.floats().map(str),
    max_size=6,
)
ROWS = st.none() | st.sampled_from(PROVIDERS)


@given(ROWS, st.integers(-1, 1000), HEADERS, st.binary(max_size=300), st.sampled_from(Purpose))
def test_any_bytes_give_an_outcome(row: object, status: int, headers: dict[str, str], body: bytes, purpose: Purpose) -> None:
    found = classify(row if row is None else BY_ID[getattr(row, "id", "")], status, headers, body, NOW, purpose=purpose)
    assert found.outcome in ProbeStatus
    assert found.retry_at is None or NOW <= found.retry_at <= NOW + timedelta(days=370)


@given(ROWS, st.integers(200, 599), HEADERS, JSON)
def test_any_json_gives_an_outcome(row: object, status: int, headers: dict[str, str], document: object) -> None:
    found = classify(row if row is None else BY_ID[getattr(row, "id", "")], status, headers, json.dumps(document).encode(), NOW)
    assert found.outcome in ProbeStatus
    for quota in found.quotas:
        assert quota.used is None or quota.used >= 0
    assert len(found.words) <= WORDS_LIMIT


SECRETS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=12, max_size=60)


@given(
    SECRETS,
    st.text(max_size=40),
    st.text(max_size=40),
    st.sampled_from(["raw", "url", "base64", "head", "tail", "middle"]),
    st.integers(0, 3),
)
def test_a_secret_never_reaches_the_words(secret: str, before: str, after: str, how: str, shift: int) -> None:
    third = len(secret) // 2
    shown = {
        "raw": secret,
        "url": quote(secret, safe=""),
        "base64": base64.b64encode(b"u" * shift + secret.encode()).decode(),
        "head": secret[:third] if third >= 8 else secret,
        "tail": secret[-third:] if third >= 8 else secret,
        "middle": secret[2:-2] if len(secret) >= 12 else secret,
    }[how]
    body = json.dumps({"error": {"message": f"{before} {shown} {after}"}}).encode()
    words = classify(None, 401, {}, body, NOW, secrets=[Secret(secret)]).words
    runs = {secret[start : start + 8] for start in range(len(secret) - 7)}
    assert not any(run in words for run in runs)
    if how == "base64":
        assert shown[4:-4] not in words


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        ("Incorrect API key provided: sk-proj-ab***********wxyz.", "wxyz"),
        ("Your api key: ****abcd is invalid", "abcd"),
        ("organization org-A1b2C3d4E5 on tokens", "A1b2C3d4E5"),
        ("account 123456789012 is suspended", "123456789012"),
        ("mail someone@example.com now", "someone@example.com"),
        ("Authorization: Bearer abcdefghijk", "abcdefghijk"),
        ("https://host/x?key=abcdef123", "abcdef123"),
        ("token eyJhbGciOi.eyJzdWIi.c2ln", "eyJzdWIi"),
        ("key AIzaSyA1234567890abcdefghijklmnopqrstuv used", "A1234567890"),
        ("arn:aws:iam::123456789012:user/x AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
        ("gsk_abcdefghij0123456789 bad", "abcdefghij"),
        ("request 550e8400-e29b-41d4-a716-446655440000 failed", "446655440000"),
    ],
    ids=lambda value: value[:25],
)
def test_shapes_of_keys_and_ids_are_masked(words: str, gone: str) -> None:
    assert gone not in redact(words)


def test_plain_words_survive() -> None:
    words = "Your credit balance is too low to access the API. Please go to Plans & Billing."
    assert redact(words) == words


@pytest.mark.parametrize("outcome", ["scope", "region", "ip", "client_restricted", "missing", "unstructured", "upstream"])
def test_restrictions_never_make_a_profile_refused(outcome: str) -> None:
    from dataclasses import replace

    from exporter.outcome import Outcome

    assert not replace(Outcome(ProbeStatus.AUTH, outcome), confirmed=True).refused


def test_a_page_of_a_web_firewall_is_never_read_for_words() -> None:
    body = b"<html><body>invalid api key, insufficient credits, rate limit</body></html>"
    assert classify(None, 502, {}, body, NOW).outcome is ProbeStatus.OVERLOADED
    assert classify(None, 403, {}, body, NOW).outcome is ProbeStatus.NETWORK


@pytest.mark.parametrize("row", [row for row in PROVIDERS if row.id not in {"copilot-proxy", "together"}], ids=lambda row: row.id)
def test_server_faults_never_count_against_the_credential(row: object) -> None:
    for status in (500, 502, 503, 504, 520, 524, 529):
        found = classify(BY_ID[getattr(row, "id", "")], status, {}, b'{"error":{"message":"upstream unavailable"}}', NOW)
        assert found.outcome in {ProbeStatus.OVERLOADED, ProbeStatus.TIMEOUT, ProbeStatus.NETWORK, ProbeStatus.RATE_LIMIT}


def test_a_key_is_never_in_words_however_deep_the_body_nests() -> None:
    body = b"[" * 100_000 + b'"sk-ant-api03-secret"'
    assert classify(None, 500, {}, body, NOW, secrets=[Secret("sk-ant-api03-secret")]).words.find("secret") == -1


def test_clock_offset_is_ours_minus_the_providers() -> None:
    found = classify(None, 200, {"Date": "Sat, 31 Oct 2026 23:58:00 GMT"}, b"{}", NOW)
    assert found.clock_offset_seconds == 120
    assert classify(None, 200, {"Date": "Sat, 31 Oct 2026 23:58:00 GMT", "Age": "120"}, b"{}", NOW).clock_offset_seconds is None


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("credit_balance_exhausted", ProbeStatus.BILLING),
        ("InvalidClientTokenId", ProbeStatus.AUTH),
        ("model_not_found", ProbeStatus.MODEL_NOT_FOUND),
        ("invalid_request_error", ProbeStatus.FORMAT),
    ],
)
def test_a_code_inside_the_words_counts(word: str, outcome: ProbeStatus) -> None:
    assert classify(None, 400, {}, json.dumps({"message": f"request failed: {word} (see docs)"}).encode(), NOW).outcome is outcome


def test_xml_of_an_error_is_no_web_page() -> None:
    body = (
        b"<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>The security token is invalid</Message></Error></ErrorResponse>"
    )
    found = classify(BY_ID["amazon-bedrock-keys"], 403, {"content-type": "text/xml"}, body, NOW)
    assert (found.outcome, found.detail) == (ProbeStatus.AUTH, "invalid")


@pytest.mark.parametrize(
    "text",
    [
        "<!---->" * 9000,
        "a-" * 30000,
        "eyJ" * 20000,
        "model " * 10000,
        "reset at " * 7000,
        "{" * 60000,
        "x@" * 30000,
        "*" * 60000,
        "invalid " * 8000,
        "suspended " * 6000,
        "account has been " * 4000,
        "1" * 60000,
    ],
    ids=lambda text: text[:10],
)
def test_hostile_texts_are_read_in_no_time(text: str) -> None:
    started = time.process_time()
    for row in (None, BY_ID["openai"], BY_ID["google"]):
        for status in (200, 401, 402, 429):
            classify(row, status, {}, json.dumps({"error": {"message": text}}).encode()[:65536], NOW, secrets=[Secret("k" * 40)])
            classify(row, status, {}, text.encode(), NOW, secrets=[Secret("k" * 40)])
    assert time.process_time() - started < 5
