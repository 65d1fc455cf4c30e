"""Pure. The changes a repair makes to a gateway's documents, as functions from text to text.

Source: spec/gateways.md, 2.2 (credentials), 6 (order), 12.2 (what the gateways' own commands write).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from exporter.judging.selection import normalise
from exporter.model import CredentialKind, Secret
from exporter.repair.document_edit import Keys, Uneditable, at, put, put_first, remove, tree_of

EMPTY_STORE: Final = '{\n  "version": 1,\n  "profiles": {}\n}\n'
EMPTY_STATE: Final = '{\n  "version": 1\n}\n'
EMPTY_CONFIG: Final = "{}\n"
INCLUDE: Final = "$include"
_STATE_KEYS: Final = ("order", "lastGood", "usageStats")
# What belongs to the credential that is replaced. Everything else of a profile is kept.
_OF_CREDENTIAL: Final = frozenset(
    {
        "type", "mode", "provider", "key", "apiKey", "keyRef", "token", "tokenRef", "expires", "access", "refresh", "idToken", "clientId",
        "accountId", "projectId", "enterpriseUrl", "chatgptPlanType", "subscriptionType", "rateLimitTier", "tokenEndpoint",
        "deviceAuthorizationEndpoint", "issuer", "authFlow", "oauthRef", "setup",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pasted:
    """A credential a person pasted; `expires_ms` is Unix milliseconds, None without an expiry."""

    profile_id: str
    provider: str
    kind: CredentialKind
    secret: Secret
    expires_ms: int | None = None


def with_credential(store: str, pasted: Pasted) -> str:
    """Store a credential under its id; what else the profile says is kept while its provider stays. Raises Uneditable."""
    tree = tree_of(store)
    if not isinstance(tree, Mapping):
        raise Uneditable("it is not an object")
    field = "key" if pasted.kind is CredentialKind.API_KEY else "token"
    entry: dict[str, object] = {"type": pasted.kind.value, "provider": pasted.provider, field: pasted.secret.reveal()}
    if pasted.expires_ms is not None:
        entry["expires"] = pasted.expires_ms
    path = ("profiles", pasted.profile_id)
    old = at(tree, path)
    if isinstance(old, Mapping) and normalise(str(old.get("provider"))) == normalise(pasted.provider):
        entry |= {key: value for key, value in old.items() if key not in _OF_CREDENTIAL}
    elif old is not None and not isinstance(old, Mapping):
        raise Uneditable("the profile is not an object")
    return put(store, path, entry)


def with_order(state: str, provider: str, ids: Sequence[str], *, embedded: str | None = None) -> str:
    """Set the stored order of a provider. `embedded` is the store that older releases kept this state in: it moves here first."""
    keys = _spelled(state, provider)
    place = keys[-1] if keys else provider
    return put(_moved(state, embedded), ("order", place), list(dict.fromkeys(ids)))


def without_order(state: str, provider: str, *, embedded: str | None = None) -> str:
    """Remove the stored order of a provider, and the whole key when nothing is left in it."""
    edited = _moved(state, embedded) if embedded is not None and _spelled(embedded, provider) else state
    for key in _spelled(edited, provider):
        edited = remove(edited, ("order", key))
    return remove(edited, ("order",)) if at(tree_of(edited), ("order",)) == {} and edited != state else edited


def has_order(document: str, provider: str) -> bool:
    """Say whether a document holds an order of a provider, however spelled."""
    return bool(_spelled(document, provider))


def is_bare(state: str) -> bool:
    """Say whether a state document holds nothing but its version: the gateways then keep no file."""
    tree = tree_of(state)
    return isinstance(tree, Mapping) and set(tree) <= {"version"}


def with_entry(config: str, profile_id: str, provider: str, mode: CredentialKind) -> str:
    """Name a profile in `auth.profiles`, and put it first in `auth.order` of its provider where there is one.

    Errors: raises Uneditable, also where the place may lie in an included file.
    """
    tree = tree_of(config)
    edited = config
    for key, value in (("provider", provider), ("mode", mode.value)):
        path = ("auth", "profiles", profile_id)
        entry = at(tree_of(edited), path)
        if isinstance(entry, Mapping):
            edited = put(edited, (*path, key), value)
        else:
            edited = put(edited, path, {"provider": provider, "mode": mode.value})
    listed = [key for key in _keys(tree, ("auth", "order")) if normalise(key) == normalise(provider)]
    for key in listed:
        edited = put_first(edited, ("auth", "order", key), profile_id)
    if edited != config and any(isinstance(at(tree, path), Mapping) and INCLUDE in _keys(tree, path) for path in _PLACES):
        raise Uneditable("it includes other files, which may hold the entry")
    return edited


_PLACES: Final[tuple[Keys, ...]] = ((), ("auth",), ("auth", "profiles"), ("auth", "order"))


def _spelled(document: str, provider: str) -> list[str]:
    """List the keys under which a document holds the order of a provider."""
    return [key for key in _keys(tree_of(document), ("order",)) if normalise(key) == normalise(provider)]


def _keys(tree: object, path: Keys) -> list[str]:
    node = at(tree, path)
    return list(node) if isinstance(node, Mapping) else []


def _moved(state: str, embedded: str | None) -> str:
    """Take over what an older release kept inside the store, as the gateway does on its first write; what is here already wins."""
    if embedded is None:
        return state
    old = tree_of(embedded)
    edited = state
    for part in _STATE_KEYS:
        for key in _keys(old, (part,)):
            if at(tree_of(edited), (part, key)) is None:
                edited = put(edited, (part, key), at(old, (part, key)))
    return edited
