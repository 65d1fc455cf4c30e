"""Pure. The smallest completion of each form, and which model it asks for. Sent only when a person allows deep probes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import assert_never
from urllib.parse import quote

from exporter.outcome import Outcome, ProbeStatus
from exporter.providers.anthropic import OAUTH_BETA, VERSION
from exporter.providers.fields import get, items, text
from exporter.providers.request import Access, NotSent, Request, base_of, fill, finish, join
from exporter.providers.row import Auth, Deep, Provider, Purpose, Shape
from exporter.providers.table import find

_SMALL = re.compile(r"nano|mini|flash|haiku|lite|small|tiny|8b|instant|air", re.IGNORECASE)
_NOT_CHAT = re.compile(r"embed|rerank|tts|whisper|audio|image|vision-only|moderation|guard|realtime|transcribe|video|search", re.IGNORECASE)
_CODEX: dict[str, object] = {  # this endpoint only streams, keeps nothing, and takes no token limit
    "instructions": "Answer OK.",
    "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "OK"}]}],
    "store": False,
    "stream": True,
}
_MESSAGES = [{"role": "user", "content": "OK"}]
_PATHS = {
    Shape.OPENAI_CHAT: "/chat/completions",
    Shape.OPENAI_RESPONSES: "/responses",
    Shape.ANTHROPIC: "/v1/messages",
    Shape.OLLAMA: "/api/chat",
}


def choose(row: Provider, configured: str, listed: Sequence[str] = (), tried: frozenset[str] = frozenset()) -> str:
    """The model to ask: configured; else a default that is listed (or the first, when no list is known); else a small one; else none."""
    if configured and configured not in tried:
        return configured
    defaults = [name for name in (row.deep.models if row.deep else ()) if name not in tried]
    if not listed:
        return defaults[0] if defaults else ""
    known = set(listed)
    for name in defaults:
        if name in known:
            return name
    small = [name for name in listed if _SMALL.search(name) and not _NOT_CHAT.search(name) and name not in tried]
    return small[0] if small else ""


def listed(document: object) -> tuple[str, ...]:
    """Model ids in the answer of a list endpoint, of any of the known forms; none where it shows only the first of them."""
    if get(document, "has_more") is True or text(get(document, "nextPageToken")):
        return ()
    rows = items(document) or items(get(document, "data")) or items(get(document, "models")) or items(get(document, "modelSummaries"))
    found = (text(get(row, "id")) or text(get(row, "modelId")) or text(get(row, "name")) or text(get(row, "slug")) for row in rows)
    return tuple(name.removeprefix("models/") for name in found if name)


def deep(
    access: Access, now: datetime, models: Sequence[str] = (), *, by_hand: bool = False, tried: frozenset[str] = frozenset()
) -> Request | NotSent:
    """One completion of one token. `by_hand`: a person asked for this very probe, which subscriptions and plans need."""
    row = find(access.provider, access.kind, access.secret, access.base_url, access.api)
    if row is None or row.never or row.deep is None:
        return NotSent("no_deep_probe", row.never if row is not None and row.never else "there is no completion to send to this provider")
    if row.deep.manual and not by_hand:
        return NotSent("manual_only", "a completion on a plan or a local server is sent only when a person asks for it")
    if access.secret is None and not row.local:
        return NotSent("missing_credential", "there is no key to send")
    model = choose(row, access.model, models, tried)
    if row.id in ("anthropic-login", "anthropic-setup-token") and "haiku" not in model:
        model = choose(row, "", (), tried)
    if not model:
        return NotSent("no_model", "no model to ask is configured or known", no_model=True)
    return _build(row, row.deep, access, model, now)


def again(request: Request, outcome: Outcome) -> Request | None:
    """The same question for newer models, which want `max_completion_tokens`; only after a 400 that names `max_tokens`."""
    if request.provider.deep is None or request.provider.deep.shape is not Shape.OPENAI_CHAT or request.purpose is not Purpose.DEEP:
        return None
    if (
        outcome.status != 400
        or outcome.outcome is not ProbeStatus.FORMAT
        or "max_tokens" not in outcome.words
        or "max_completion" in request.body.reveal()
    ):
        return None
    body = {"model": request.model, "messages": _MESSAGES, "max_completion_tokens": 16, "stream": False}
    return replace(request, body=type(request.body)(json.dumps(body)))


def _build(row: Provider, deep: Deep, access: Access, model: str, now: datetime) -> Request | NotSent:
    base = base_of(row, access)
    name = quote(model, safe="")
    path = deep.path or _PATHS.get(deep.shape, "")
    if deep.shape is Shape.GEMINI:
        path = f"{path}/models/{name}:generateContent"
    elif deep.shape is Shape.BEDROCK:
        path = f"/model/{name}/converse"
    url = fill(join(base, path, deep.strip), base, access)
    if not url:
        return NotSent("no_base_url", "nobody configured the address of this provider", no_model=True)
    fixed: dict[str, str] = {}
    if deep.shape is Shape.ANTHROPIC:
        fixed = dict((VERSION, OAUTH_BETA) if row.id.startswith("anthropic-") and deep.auth is Auth.BEARER else (VERSION,))
    made = _CODEX | {"model": model} if row.id == "openai-chatgpt" else _body(deep.shape, model, newer=row.id.startswith("azure"))
    body = json.dumps(made)
    return finish(row, access, Purpose.DEEP, "POST", url, deep.auth, fixed, body, now, model)


def _body(shape: Shape, model: str, *, newer: bool) -> dict[str, object]:
    match shape:
        case Shape.OPENAI_CHAT if newer:
            return {"model": model, "messages": _MESSAGES, "max_completion_tokens": 16, "stream": False}
        case Shape.OPENAI_CHAT | Shape.COHERE:
            return {"model": model, "messages": _MESSAGES, "max_tokens": 1, "stream": False}
        case Shape.OPENAI_RESPONSES:
            return {"model": model, "input": "OK", "max_output_tokens": 16, "store": False}
        case Shape.ANTHROPIC:
            return {"model": model, "max_tokens": 1, "messages": _MESSAGES}
        case Shape.GEMINI:
            return {"contents": [{"role": "user", "parts": [{"text": "OK"}]}], "generationConfig": {"maxOutputTokens": 1}}
        case Shape.BEDROCK:
            return {"messages": [{"role": "user", "content": [{"text": "OK"}]}], "inferenceConfig": {"maxTokens": 1}}
        case Shape.OLLAMA:
            return {"model": model, "messages": _MESSAGES, "stream": False, "options": {"num_predict": 1}}
        case _:
            assert_never(shape)
