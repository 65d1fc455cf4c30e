"""Pure. The gateways' auth document: `auth-profiles.json`, `auth-state.json`, and the same two documents inside SQLite rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from exporter.model import (
    AuthDocument,
    AuthState,
    Credential,
    CredentialKind,
    Expiry,
    ExpiryKind,
    Family,
    Fence,
    Parsed,
    ProblemReason,
    Profile,
    Secret,
    SecretRef,
    Source,
    StoreRef,
)
from exporter.stores import auth_state, json_text, secret_ref
from exporter.stores.json_text import Notes, pointer

LAST_JS_DATE_MS = 8_640_000_000_000_000  # the largest date JavaScript can hold

_FENCE_PREFIX = "openclaw-oauth-refresh-fence:"
_KINDS: Mapping[object, CredentialKind] = MappingProxyType(
    {"api_key": CredentialKind.API_KEY, "apiKey": CredentialKind.API_KEY, "token": CredentialKind.TOKEN, "oauth": CredentialKind.OAUTH}
)
_OAUTH_FIELDS_WITHOUT_REF = ("access", "refresh", "token", "tokenRef", "key", "keyRef")
_ATTRIBUTES = ("accountId", "projectId", "enterpriseUrl", "resourceUrl", "chatgptPlanType", "subscriptionType", "rateLimitTier", "authFlow")
_METADATA_ENDINGS = ("id", "project", "region", "location", "url", "endpoint")  # nothing else in `metadata` is known not to be secret

_Entry = dict[str, object]


def parse(raw: bytes, ref: StoreRef, family: Family = Family.OPENCLAW) -> Parsed[AuthDocument]:
    """Read one store of profiles.

    Shape:  {"version", "profiles": {id: {"type", "provider", "key" | "token" | "access", "refresh"?, "expires"?}}, "order"?, "lastGood"?,
            "usageStats"?}, or the flat form that predates it, {provider: {"apiKey"}}, which no gateway reads: kept, but WRONG_SHAPE.
            Leniencies are those of the newest release; RemoteClaw knows only tokens and reads every other type as an API key.
    Units:  all times are Unix milliseconds.
    Errors: never raises; an entry without type or provider is BAD_ENTRY, a value that cannot be used BAD_VALUE, and the others survive.
            Damage that the gateways take for an empty store (no text, a list, no profiles) is fatal.
    """
    loaded = json_text.load(raw, ref)
    tree = loaded.value
    if loaded.value is None and loaded.problems:
        return Parsed(None, loaded.problems)
    if not isinstance(tree, dict):
        return Parsed(None, json_text.refusal(ref, ProblemReason.WRONG_SHAPE))
    notes = Notes(ref)
    if "profiles" not in tree and _is_flat(tree):
        notes.add(ProblemReason.WRONG_SHAPE)
        profiles = by_provider(tree, CredentialKind.API_KEY, ref, notes)
        return Parsed(AuthDocument(profiles), loaded.problems + notes.all())
    entries = tree.get("profiles")
    if not isinstance(entries, dict):
        return Parsed(None, json_text.refusal(ref, ProblemReason.WRONG_SHAPE, "/profiles" if "profiles" in tree else ""))
    found = {id: profile for id, entry in entries.items() if (profile := _profile(id, entry, ref, family, notes)) is not None}
    state = auth_state.read(tree, notes)
    return Parsed(AuthDocument(MappingProxyType(found), state), loaded.problems + notes.all())


def parse_state(raw: bytes, ref: StoreRef) -> Parsed[AuthState]:
    """Read one store of state: {"version", "order"?, "lastGood"?, "usageStats"?}, each absent when empty. Never raises."""
    loaded = json_text.load(raw, ref)
    if loaded.value is None and loaded.problems:
        return Parsed(None, loaded.problems)
    if not isinstance(loaded.value, dict):
        return Parsed(None, json_text.refusal(ref, ProblemReason.WRONG_SHAPE))
    notes = Notes(ref)
    state = auth_state.read(loaded.value, notes)
    return Parsed(state, loaded.problems + notes.all())


def parse_expires(value: object, present: bool) -> Expiry:
    """Read an expiry as JavaScript would: a number above 0 and within the dates, of milliseconds; a boolean is no number."""
    if not present:
        return Expiry()
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LAST_JS_DATE_MS:
        return Expiry(ExpiryKind.INVALID)
    return Expiry(ExpiryKind.DATED, float(value))


def note_expiry(expiry: Expiry, place: str, notes: Notes) -> None:
    """Note an expiry that is no date, or one in seconds where milliseconds belong."""
    if expiry.kind is ExpiryKind.INVALID or expiry.looks_like_seconds:
        notes.add(ProblemReason.BAD_VALUE, place)


def by_provider(tree: _Entry, kind: CredentialKind | None, ref: StoreRef, notes: Notes) -> Mapping[str, Profile]:
    """Read {provider: credential}, the form before profiles, into ids `<provider>:default`; `kind` where an entry names none."""
    found: dict[str, Profile] = {}
    for provider, entry in tree.items():
        if provider == "version" and not isinstance(entry, dict):
            continue
        place = pointer("", provider)
        fields = _spelled(entry, kind) if isinstance(entry, dict) else None
        if fields is None or not provider.strip():
            notes.add(ProblemReason.BAD_ENTRY, place)
            continue
        credential, id = _credential(_KINDS[fields["type"]], fields, place, notes), f"{provider}:default"
        own = fields.get("provider")
        provider = own if isinstance(own, str) and own.strip() else provider
        found[id] = Profile(id, provider, credential, Source.STORE, ref.store, _email(fields))
    return MappingProxyType(found)


def _is_flat(tree: _Entry) -> bool:
    return any(isinstance(entry, dict) and isinstance(entry.get("apiKey"), str) for entry in tree.values())


def _profile(id: str, entry: object, ref: StoreRef, family: Family, notes: Notes) -> Profile | None:
    place = pointer("/profiles", id)
    fields: _Entry | None = None
    if isinstance(entry, dict):
        fields = _spelled_remoteclaw(entry) if family is Family.REMOTECLAW else _spelled(entry, None)
    provider = fields.get("provider") if fields else None
    if fields is None or not isinstance(provider, str) or not provider.strip():
        notes.add(ProblemReason.BAD_ENTRY, place)
        return None
    credential = _credential(_KINDS[fields["type"]], fields, place, notes)
    return Profile(id, provider, credential, Source.STORE, ref.store, _email(fields))


def _spelled(entry: _Entry, kind: CredentialKind | None) -> _Entry | None:
    """Return the entry with today's field names, or None when it is of no known type."""
    type_ = entry["type"] if "type" in entry else entry.get("mode", kind)
    if not isinstance(type_, str) or type_ not in _KINDS:
        return None
    if "type" in entry and ("apiKey" not in entry or "key" in entry):
        return entry
    fields = {**entry, "type": type_}
    if "key" not in entry and "keyRef" not in entry and isinstance(entry.get("apiKey"), str):
        fields["key"] = entry["apiKey"]
    return fields


def _spelled_remoteclaw(entry: _Entry) -> _Entry:
    return entry if entry.get("type") == "token" else {**entry, "type": "api_key"}


def _credential(kind: CredentialKind, fields: _Entry, place: str, notes: Notes) -> Credential:
    setup = isinstance(fields.get("setup"), dict)
    match kind:
        case CredentialKind.API_KEY:
            secret, found = _secret_or_ref(fields, "key", place, notes)
            return Credential(kind, secret, secret_ref=found, setup=setup, attributes=_attributes(fields))
        case CredentialKind.TOKEN:
            secret, found = _secret_or_ref(fields, "token", place, notes)
            expiry = _expiry(fields, place, notes)
            return Credential(kind, secret, secret_ref=found, expiry=expiry, setup=setup, attributes=_attributes(fields))
        case CredentialKind.OAUTH:
            return replace(_oauth(fields, place, notes), setup=setup) if setup else _oauth(fields, place, notes)


def _secret_or_ref(fields: _Entry, name: str, place: str, notes: Notes) -> tuple[Secret | None, SecretRef | None]:
    """Read a key or token; a reference beside a literal wins, as in the gateways."""
    explicit, literal = fields.get(f"{name}Ref"), fields.get(name)
    found = secret_ref.coerce(explicit) if explicit is not None else None
    if explicit is not None and found is None:
        notes.add(ProblemReason.BAD_VALUE, f"{place}/{name}Ref")
    found = found or secret_ref.coerce(literal)
    if found is not None:
        return None, found
    return _secret(literal, f"{place}/{name}", notes), None


def _oauth(fields: _Entry, place: str, notes: Notes) -> Credential:
    forbidden = tuple(name for name in _OAUTH_FIELDS_WITHOUT_REF if name in fields and secret_ref.coerce(fields[name]) is not None)
    for name in forbidden:
        notes.add(ProblemReason.OAUTH_SECRET_REF, f"{place}/{name}")
    sidecar, attributes = isinstance(fields.get("oauthRef"), dict), _attributes(fields)
    access, refresh = (None if name in forbidden else _secret(fields.get(name), f"{place}/{name}", notes) for name in ("access", "refresh"))
    markers = [token.reveal() for token in (access, refresh) if token is not None and token.reveal().startswith(_FENCE_PREFIX)]
    if markers:
        fence = Fence(failed=any(":failed:" in marker for marker in markers))
        return Credential(CredentialKind.OAUTH, fence=fence, sidecar=sidecar, forbidden_refs=forbidden, attributes=attributes)
    expiry = _expiry(fields, place, notes)
    return Credential(
        CredentialKind.OAUTH, access, refresh, expiry=expiry, sidecar=sidecar, forbidden_refs=forbidden, attributes=attributes
    )


def _secret(value: object, place: str, notes: Notes) -> Secret | None:
    match value:
        case str():
            text = value.strip()
            return Secret(text) if text else None
        case None:
            return None
        case _:
            notes.add(ProblemReason.BAD_VALUE, place)
            return None


def _expiry(fields: _Entry, place: str, notes: Notes) -> Expiry:
    if "expires" not in fields:
        return Expiry()
    expiry = parse_expires(fields["expires"], True)
    note_expiry(expiry, f"{place}/expires", notes)
    return expiry


def _email(fields: _Entry) -> str | None:
    email = fields.get("email")
    return email.strip() or None if isinstance(email, str) else None


def _attributes(fields: _Entry) -> Mapping[str, str]:
    found = {name: value for name in _ATTRIBUTES if name in fields and _harmless(value := fields[name])}
    metadata = fields.get("metadata")
    if isinstance(metadata, dict):
        found |= {f"metadata.{n}": v for n, v in metadata.items() if n.lower().endswith(_METADATA_ENDINGS) and _harmless(v)}
    return MappingProxyType({name: value for name, value in found.items() if isinstance(value, str)})


def _harmless(value: object) -> bool:
    return isinstance(value, str) and bool(value) and not ("://" in value and "@" in value)
