"""Pure. Entries of `models.providers`, as the configuration and an agent's `models.json` both hold them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from exporter.model import EMPTY, ProblemReason, ProviderConfig, RefSource, Secret, SecretRef
from exporter.stores import secret_ref
from exporter.stores.tree import Node

# What the gateways write where a key would stand: the key is elsewhere.
_ELSEWHERE = frozenset({"secretref-managed", "minimax-oauth", "qwen-oauth"})
_ELSEWHERE_PREFIXES = ("oauth:", "secretref-env:")
_VARIABLE_NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")


def read(node: Node, defaults: Mapping[str, str] = EMPTY) -> Mapping[str, ProviderConfig]:
    """Read {provider: {"baseUrl", "api", "auth", "apiKey", "headers", "models": [{"id"}]}}.

    A key is a literal, a SecretRef, a template `${NAME}` or the bare name of an environment variable. `defaults` maps the source of a
    reference to the alias of its provider.
    """
    found: dict[str, ProviderConfig] = {}
    for name, entry in node.members():
        if not name.strip() or not isinstance(entry.value, dict):
            entry.bad(ProblemReason.BAD_ENTRY)
            continue
        found[name] = _provider(name, entry, defaults)
    return MappingProxyType(found)


def _provider(name: str, entry: Node, defaults: Mapping[str, str]) -> ProviderConfig:
    key, reference = _key(entry.at("apiKey"), defaults)
    return ProviderConfig(
        name,
        base_url=entry.at("baseUrl").word(),
        api=entry.at("api").word(),
        auth=entry.at("auth").word(),
        api_key=key,
        secret_ref=reference,
        headers=_headers(entry.at("headers")),
        models=_models(entry.at("models")),
    )


def _key(node: Node, defaults: Mapping[str, str]) -> tuple[Secret | None, SecretRef | None]:
    reference = secret_ref.coerce(node.value, defaults)
    if reference is not None:
        return None, reference
    text = node.complete_text()
    if not text or not (text := text.strip()) or _stands_elsewhere(text):
        return None, None
    if _VARIABLE_NAME.fullmatch(text):
        return None, SecretRef(RefSource.ENV, defaults.get(RefSource.ENV) or secret_ref.DEFAULT_PROVIDER, text)
    return Secret(text), None


def _headers(node: Node) -> Mapping[str, Secret]:
    found: dict[str, Secret] = {}
    for name, value in node.members():
        if isinstance(value.value, dict) and secret_ref.coerce(value.value) is not None:
            continue  # only the gateway can fill it in
        text = value.complete_text()
        if text and not _stands_elsewhere(text):
            found[name] = Secret(text)
    return MappingProxyType(found)


def _models(node: Node) -> tuple[str, ...]:
    found = []
    for item in node.items():
        id = item.word() if isinstance(item.value, str) else item.at("id").word()
        if id:
            found.append(id)
    return tuple(found)


def _stands_elsewhere(text: str) -> bool:
    return text in _ELSEWHERE or text.startswith(_ELSEWHERE_PREFIXES)
