"""Pure. The provider table: every row, found by the gateways' ids, the kind of credential and its shape."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from exporter.model import CredentialKind, Secret
from exporter.providers import (
    anthropic,
    bedrock,
    codex,
    copilot,
    google,
    labs,
    local,
    media,
    minimax,
    never,
    openrouter,
    plans,
    relays,
    vertex,
    xai,
    zai,
)  # fmt: skip
from exporter.providers.row import Provider

_FILES = (anthropic, labs, codex, google, vertex, copilot, openrouter, xai, minimax, zai, plans, relays, bedrock, local, media, never)
PROVIDERS: tuple[Provider, ...] = tuple(row for file in _FILES for row in file.ROWS)
BY_ID: Mapping[str, Provider] = MappingProxyType({row.id: row for row in PROVIDERS})

_SETUP_TOKEN = re.compile(r"sk-ant-oat\d\d-")
_KEY_PAIR = re.compile(r"(AKIA|ASIA)[A-Z0-9]{12,}")
_PLACE = re.compile(r"\\\{[a-z]+\\\}")
_GENERIC = {
    "anthropic-messages": "anthropic-compatible",
    "google-generative-ai": "gemini-compatible",
    "openai-completions": "openai-compatible",
    "openai-responses": "openai-compatible",
    "openai-chat": "openai-compatible",
    "openai-codex-responses": "openai-chatgpt",
    "ollama": "ollama",
    "github-copilot": "github-copilot",
}


def find(
    provider: str, kind: CredentialKind | None = None, secret: Secret | None = None, base_url: str = "", api: str = ""
) -> Provider | None:
    """The row that says how this credential is probed; None when nothing of ours fits (unknown id, and no base URL of a known form).

    A base URL at another vendor's host makes it that vendor's key, whatever the id. An id can have several rows: the shape of the
    secret decides first, then the kind, then the host.
    """
    wanted = provider.strip().lower()
    rows = [row for row in PROVIDERS if wanted in row.ids]
    at_host = [row for row in PROVIDERS if base_url and row.base_url and not row.local and is_vendors(row, base_url)]
    if at_host and not any(row in at_host for row in rows):
        rows = at_host
    if not rows:
        return _generic(base_url, api)
    rows = _by_shape(rows, secret) or rows
    if kind is not None and len(rows) > 1:
        rows = [row for row in rows if kind in row.kinds] or rows
    return next((row for row in rows if row in at_host), rows[0])


def _by_shape(rows: list[Provider], secret: Secret | None) -> list[Provider]:
    """Narrow to the rows whose key form is unmistakable; a form that only one row knows wins over the stored kind."""
    value = secret.reveal() if secret else ""
    if not value or len(rows) < 2:
        return rows
    named = {row.id for row in rows}
    if "anthropic" in named:
        login = _SETUP_TOKEN.match(value) is not None
        return [row for row in rows if (row.id != "anthropic") == login]
    if "amazon-bedrock" in named:
        pair = _KEY_PAIR.fullmatch(value) is not None
        return [row for row in rows if (row.id == "amazon-bedrock-keys") == pair]
    known = [row for row in rows if any(re.fullmatch(form, value, re.DOTALL) for form in row.keys)]
    return known if len(known) == 1 else rows


def _generic(base_url: str, api: str) -> Provider | None:
    if not base_url:
        return None
    if api:
        row = _GENERIC.get(api.strip().lower())
        return BY_ID[row] if row else None
    path = urlsplit(base_url).path.rstrip("/")
    return BY_ID["anthropic-compatible" if path.endswith(("/anthropic", "/anthropic/v1")) else "openai-compatible"]


def generic(base_url: str, api: str) -> Provider:
    """The row for a server of the user's own that speaks a known form."""
    return _generic(base_url, api) or BY_ID["openai-compatible"]


def hosts(row: Provider) -> frozenset[str]:
    """Host patterns of the vendor itself, `{name}` standing for one label."""
    urls = [row.base_url, *row.regions, *(base for _, base in row.bases)]
    urls += [call.path for call in (row.light, *row.usage) if call is not None and call.path.startswith("https://")]
    return frozenset(urlsplit(url).netloc.lower() for url in urls if url)


def is_vendors(row: Provider, url: str) -> bool:
    """True when the URL's host is one of the vendor's own."""
    host = urlsplit(url).netloc.lower()
    return any(re.fullmatch(_PLACE.sub("[a-z0-9-]+", re.escape(pattern)), host) for pattern in hosts(row))
