"""The smallest completion of every form, and answers that stream or wrap."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from exporter.model import CredentialKind, Secret
from exporter.outcome import ProbeStatus
from exporter.providers.classify import classify
from exporter.providers.completion import again, deep
from exporter.providers.request import Access, NotSent, Request
from exporter.providers.row import Purpose, Shape
from exporter.providers.table import BY_ID, PROVIDERS, is_vendors

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SECRETS = {
    "anthropic-setup-token": "sk-ant-oat01-x",
    "anthropic-login": "sk-ant-oat01-x",
    "amazon-bedrock-keys": "AKIAIOSFODNN7EXAMPLE",
    "google-vertex": "ya29.x",
    "google-vertex-key": "AQ.key-0123",
}
BASES = {
    "azure-openai": "https://r.openai.azure.com",
    "azure-openai-entra": "https://r.openai.azure.com",
    "clawrouter": "https://router.example",
    "moonshot-cn": "https://api.moonshot.cn/v1",
}


def _asked(row_id: str, *, by_hand: bool = True) -> Request | NotSent:
    row = BY_ID[row_id]
    kind = next(kind for kind in CredentialKind if kind in row.kinds)
    attributes = {"account": "a", "region": "us-east-1", "projectId": "p", "location": "us-east1"}
    made = Access(
        row.ids[0],
        kind,
        Secret(SECRETS.get(row_id, "key-0123456789")),
        BASES.get(row_id, ""),
        attributes=attributes,
        extras={"secret_access_key": Secret("s")},
        model="claude-haiku-4-5",
    )
    return deep(made, NOW, by_hand=by_hand)


@pytest.mark.parametrize("row", [row for row in PROVIDERS if row.deep is not None and row.ids], ids=lambda row: row.id)
def test_every_completion_is_bounded_and_goes_to_its_own_host(row: object) -> None:
    provider = BY_ID[getattr(row, "id", "")]
    request = _asked(provider.id)
    assert isinstance(request, Request), request
    assert request.provider.id == provider.id
    assert is_vendors(provider, request.url) or provider.id in BASES
    assert "{" not in request.url
    body = json.loads(request.body.reveal())
    limits = {
        Shape.OPENAI_CHAT: ("max_tokens", "max_completion_tokens"),
        Shape.ANTHROPIC: ("max_tokens",),
        Shape.COHERE: ("max_tokens",),
        Shape.GEMINI: ("generationConfig",),
        Shape.BEDROCK: ("inferenceConfig",),
        Shape.OLLAMA: ("options",),
        Shape.OPENAI_RESPONSES: ("stream",),
    }
    assert provider.deep is not None
    assert any(name in body for name in limits[provider.deep.shape])
    if provider.deep.manual:
        assert isinstance(_asked(provider.id, by_hand=False), NotSent)


def test_newer_models_are_asked_once_more_in_their_own_words() -> None:
    request = _asked("openai")
    assert isinstance(request, Request)
    body = b'{"error":{"message":"Unsupported parameter: \'max_tokens\' is not supported. Use \'max_completion_tokens\' instead.","code":"unsupported_parameter"}}'
    outcome = classify(request.provider, 400, {}, body, NOW, purpose=Purpose.DEEP)
    second = again(request, outcome)
    assert second is not None
    assert json.loads(second.body.reveal())["max_completion_tokens"] == 16
    assert again(second, outcome) is None
    assert again(request, classify(None, 401, {}, body, NOW)) is None


def test_an_error_inside_a_stream_is_an_error() -> None:
    body = (
        b'event: response.failed\ndata: {"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded","message":"slow"}}}\n\n'
    )
    found = classify(BY_ID["openai-chatgpt"], 200, {"content-type": "text/event-stream"}, body, NOW, purpose=Purpose.DEEP)
    assert found.outcome is ProbeStatus.RATE_LIMIT
    fine = b'event: x\ndata: {"type":"response.completed"}\n\ndata: [DONE]\n'
    assert classify(BY_ID["openai-chatgpt"], 200, {}, fine, NOW, purpose=Purpose.DEEP).outcome is ProbeStatus.OK


def test_an_error_wrapped_in_a_message_is_unwrapped() -> None:
    raw = json.dumps(
        {
            "error": {
                "message": "Provider returned error",
                "code": 429,
                "metadata": {"raw": json.dumps({"error": {"message": "x", "code": "insufficient_quota"}})},
            }
        }
    )
    assert classify(BY_ID["openrouter"], 429, {}, raw.encode(), NOW, purpose=Purpose.DEEP).outcome is ProbeStatus.BILLING
