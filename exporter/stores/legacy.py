"""Pure. The files before profiles: `auth.json` of an agent and `credentials/oauth.json` of a gateway."""

from __future__ import annotations

from exporter.model import AuthDocument, CredentialKind, Parsed, ProblemReason, StoreRef
from exporter.stores import auth_document, json_text
from exporter.stores.json_text import Notes


def parse_auth_json(raw: bytes, ref: StoreRef) -> Parsed[AuthDocument]:
    """Read an agent's `auth.json`: {provider: {"type", …}}, into ids `<provider>:default`. Never raises."""
    return _parse(raw, ref, None)


def parse_oauth_json(raw: bytes, ref: StoreRef) -> Parsed[AuthDocument]:
    """Read `credentials/oauth.json`: {provider: {"access", "refresh", "expires", …}}, into ids `<provider>:default`. Never raises."""
    return _parse(raw, ref, CredentialKind.OAUTH)


def _parse(raw: bytes, ref: StoreRef, kind: CredentialKind | None) -> Parsed[AuthDocument]:
    loaded = json_text.load(raw, ref)
    if loaded.value is None and loaded.problems:
        return Parsed(None, loaded.problems)
    tree = loaded.value
    if not isinstance(tree, dict) or "profiles" in tree:
        return Parsed(None, json_text.refusal(ref, ProblemReason.WRONG_SHAPE))
    notes = Notes(ref)
    profiles = auth_document.by_provider(tree, kind, ref, notes)
    return Parsed(AuthDocument(profiles), loaded.problems + notes.all())
