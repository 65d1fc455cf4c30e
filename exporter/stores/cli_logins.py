"""Pure. Logins of model-provider command line programs, as they keep them in the user's home."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from exporter.model import EMPTY, Credential, CredentialKind, Expiry, ExpiryKind, Parsed, ProblemReason, Profile, Secret, Source, StoreRef
from exporter.stores import json_text
from exporter.stores.auth_document import note_expiry, parse_expires
from exporter.stores.json_text import Notes
from exporter.stores.tree import Node

_CODEX_LIFE_MS = 3_600_000  # what the gateways assume of an access token that does not say
_LONGEST_JWT = 1 << 16
_OPENAI_CLAIMS = "https://api.openai.com/auth"


def parse(name: str, raw: bytes, ref: StoreRef, modified_at: datetime) -> Parsed[Profile]:
    """Read the login of `claude-code`, `codex`, `gemini-cli`, `qwen` or `minimax` into a profile `cli:NAME`.

    Shape:  Claude Code {"claudeAiOauth": {"accessToken", "refreshToken"?, "expiresAt"}}; Codex {"tokens": {"access_token", "refresh_token",
            "id_token", "account_id"}, "OPENAI_API_KEY"?}; the others {"access_token", "refresh_token", "expiry_date"}.
    Units:  Unix milliseconds; Codex: `exp` of the access token, else one hour after `modified_at`.
    Errors: never raises; a readable file in which nobody is logged in is no profile and no problem.
    """
    loaded = json_text.load(raw, ref)
    if loaded.value is None and loaded.problems:
        return Parsed(None, loaded.problems)
    reader = _READERS.get(name)
    if not isinstance(loaded.value, dict) or reader is None:
        return Parsed(None, json_text.refusal(ref, ProblemReason.WRONG_SHAPE))
    notes = Notes(ref)
    profile = reader(Node(loaded.value, notes), modified_at)
    problems = loaded.problems + notes.all()
    if profile is None:
        return Parsed(None, tuple(replace(problem, fatal=True) for problem in problems))
    return Parsed(replace(profile, id=f"cli:{name}", store=ref.store), problems)


def _claude_code(root: Node, modified_at: datetime) -> Profile | None:
    login = root.at("claudeAiOauth")
    access, refresh = _token(login.at("accessToken")), _token(login.at("refreshToken"))
    attributes = _attributes(subscriptionType=login.at("subscriptionType"), rateLimitTier=login.at("rateLimitTier"))
    kind = CredentialKind.TOKEN if refresh is None else CredentialKind.OAUTH
    return _profile("anthropic", Credential(kind, access, refresh, expiry=_expiry(login, "expiresAt"), attributes=attributes))


def _codex(root: Node, modified_at: datetime) -> Profile | None:
    tokens = root.at("tokens")
    access, refresh = _token(tokens.at("access_token")), _token(tokens.at("refresh_token"))
    key = _token(root.at("OPENAI_API_KEY"))
    if key is not None and ((access is None and refresh is None) or root.at("auth_mode").word() == "apikey"):
        return _profile("openai", Credential(CredentialKind.API_KEY, key))
    identity = _claims(_token(tokens.at("id_token")))
    openai = identity.get(_OPENAI_CLAIMS)
    plan = Node(openai.get("chatgpt_plan_type") if isinstance(openai, dict) else None, root.notes)
    attributes = _attributes(accountId=tokens.at("account_id"), chatgptPlanType=plan)
    expiry = _jwt_expiry(access) or Expiry(ExpiryKind.DATED, modified_at.timestamp() * 1000 + _CODEX_LIFE_MS)
    credential = Credential(CredentialKind.OAUTH, access, refresh, expiry=expiry, attributes=attributes)
    return _profile("openai-codex", credential, _email(identity))


def _plain(provider: str) -> Callable[[Node, datetime], Profile | None]:
    def read(root: Node, modified_at: datetime) -> Profile | None:
        access, refresh = _token(root.at("access_token")), _token(root.at("refresh_token"))
        attributes = _attributes(resourceUrl=root.at("resource_url"))
        credential = Credential(CredentialKind.OAUTH, access, refresh, expiry=_expiry(root, "expiry_date"), attributes=attributes)
        return _profile(provider, credential, _email(_claims(_token(root.at("id_token")))))

    return read


_READERS: Mapping[str, Callable[[Node, datetime], Profile | None]] = MappingProxyType(
    {
        "claude-code": _claude_code,
        "codex": _codex,
        "gemini-cli": _plain("google-gemini-cli"),
        "qwen": _plain("qwen-portal"),
        "minimax": _plain("minimax-portal"),
    }
)


def _profile(provider: str, credential: Credential, email: str | None = None) -> Profile | None:
    if credential.secret is None and credential.refresh is None:
        return None
    return Profile("", provider, credential, Source.CLI_LOGIN, email=email)


def _token(node: Node) -> Secret | None:
    word = node.word()
    return Secret(word) if word else None


def _attributes(**nodes: Node) -> Mapping[str, str]:
    found = {name: word for name, node in nodes.items() if (word := node.word())}
    return MappingProxyType({name: word for name, word in found.items() if "@" not in word})


def _expiry(node: Node, name: str) -> Expiry:
    if not isinstance(node.value, dict) or name not in node.value:
        return Expiry()
    expiry = parse_expires(node.value[name], True)
    note_expiry(expiry, node.at(name).place, node.notes)
    return expiry


def _jwt_expiry(token: Secret | None) -> Expiry | None:
    seconds = _claims(token).get("exp")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    expiry = parse_expires(seconds * 1000, True)
    return expiry if expiry.kind is ExpiryKind.DATED else None


def _email(claims: Mapping[str, object]) -> str | None:
    email = claims.get("email")
    return email if isinstance(email, str) and email.strip() else None


def _claims(token: Secret | None) -> Mapping[str, object]:
    """Return what a JWT says of itself, unverified; nothing when it is none."""
    parts = token.reveal().split(".") if token is not None else []
    if len(parts) < 2 or len(parts[1]) > _LONGEST_JWT:
        return EMPTY
    try:
        payload = urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims: object = json.loads(payload)
    except (ValueError, binascii.Error, RecursionError):
        return EMPTY
    return claims if isinstance(claims, dict) else EMPTY
