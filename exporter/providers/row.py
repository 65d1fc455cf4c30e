"""Pure. The nouns of the provider table: one frozen row says how a provider is asked and how its answers read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from exporter.model import CredentialKind
from exporter.outcome import Balance, ProbeStatus, Quota

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Auth(StrEnum):
    """How a key is attached to a request."""

    NONE = "none"
    BEARER = "bearer"  # Authorization: Bearer KEY
    TOKEN = "token"  # Authorization: Token KEY
    GITHUB = "github"  # Authorization: token KEY
    X_API_KEY = "x-api-key"
    API_KEY = "api-key"
    X_GOOG_API_KEY = "x-goog-api-key"
    XI_API_KEY = "xi-api-key"
    FORM_CREDENTIALS = "form-credentials"  # body credentials=KEY
    FORM_ACCESS_TOKEN = "form-access-token"  # body access_token=KEY
    AWS = "aws"  # Bearer for a Bedrock key, SigV4 for an access-key pair


class Purpose(StrEnum):
    """Why a request is sent; the same answer means different things."""

    LIGHT = "light"  # free: is the key accepted?
    USAGE = "usage"  # free: windows and balances; never changes the credential's class
    DEEP = "deep"  # the smallest completion


class Validates(StrEnum):
    """Does the light probe prove that the key is accepted?"""

    YES = "yes"
    ASSUMED = "assumed"  # a server of the user's own: a refusal counts, an acceptance is believed
    UNPROVEN = "unproven"  # a refusal counts, an acceptance says nothing
    NO = "no"  # public: says nothing either way
    KEYLESS = "keyless"  # a local server without a key


class SeesBilling(StrEnum):
    """Does the light probe notice an empty balance or a dead plan?"""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"


class Shape(StrEnum):
    """The form of a completion request."""

    OPENAI_CHAT = "openai-chat"
    OPENAI_RESPONSES = "openai-responses"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    COHERE = "cohere-v2"
    BEDROCK = "bedrock"
    OLLAMA = "ollama"


class ErrorShape(StrEnum):
    """Where a provider's error bodies carry their words. Every shape is read for every provider; the row says which to expect."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GOOGLE = "google"
    GITHUB = "github"
    FLAT = "flat"
    DETAIL = "detail"
    BASE_RESP = "base-resp"
    CLOUDFLARE = "cloudflare"
    AWS = "aws"
    DEEPGRAM = "deepgram"
    ERROR_TEXT = "error-text"


class Headers(StrEnum):
    """Families of rate-limit headers."""

    ANTHROPIC = "anthropic"
    ANTHROPIC_UNIFIED = "anthropic-unified"
    OPENAI = "openai"
    CODEX = "codex"
    GROQ = "groq"
    MISTRAL = "mistral"
    OPENROUTER = "openrouter"
    CEREBRAS = "cerebras"
    TOGETHER = "together"
    FIREWORKS = "fireworks"
    VENICE = "venice"
    IETF = "ietf"
    GITHUB = "github"
    COHERE = "cohere"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A class and its finer detail; `reset_at` when the rule itself knows when it heals."""

    outcome: ProbeStatus
    detail: str = ""
    reset_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a successful body says beyond acceptance; `judgement` overrules the status."""

    judgement: Judgement | None = None
    quotas: tuple[Quota, ...] = ()
    balances: tuple[Balance, ...] = ()
    expires_at: datetime | None = None  # of the credential itself


@dataclass(frozen=True, slots=True)
class Rule:
    """One provider-specific decision: every condition given must hold. `codes` are lower case, `text` a regular expression."""

    outcome: ProbeStatus
    detail: str = ""
    status: frozenset[int] = frozenset()
    codes: frozenset[str] = frozenset()
    text: re.Pattern[str] | None = None
    purposes: frozenset[Purpose] = frozenset()
    resets: str = ""  # "month" or "day": heals at the next UTC start of it


def rule(
    outcome: ProbeStatus,
    detail: str = "",
    *status: int,
    codes: str = "",
    text: str = "",
    purpose: Purpose | None = None,
    resets: str = "",
) -> Rule:
    """Write a `Rule` in one line; `codes` are separated by spaces."""
    return Rule(
        outcome,
        detail,
        frozenset(status),
        frozenset(codes.lower().split()),
        re.compile(text, re.IGNORECASE | re.DOTALL) if text else None,
        frozenset() if purpose is None else frozenset({purpose}),
        resets,
    )


@dataclass(frozen=True, slots=True)
class Call:
    """One free request.

    `path` is appended to the base URL after one of `strip` was cut off its end; a path that begins with `https://` lives on another
    host of the same vendor and is used only while the base URL is the vendor's own. `shape` lists JSON paths (dots) of which a
    successful body has at least one. `named` means: only when the operator's settings name it.
    """

    path: str
    method: str = "GET"
    auth: Auth = Auth.BEARER
    shape: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    strip: tuple[str, ...] = ()
    origin: bool = False  # the path replaces the whole path of the base URL
    every: timedelta = 15 * MINUTE
    at_least: timedelta = 5 * MINUTE
    named: bool = False
    fallback: str = ""  # the same question at another path, for when a web firewall or a 404 stands before this one
    either: str = ""  # the same question for the vendor's other kind of key: asked too before a refusal is believed


@dataclass(frozen=True, slots=True)
class Deep:
    """The smallest completion. `models` are defaults, tried if the list has them; `manual` means never without a person asking."""

    shape: Shape = Shape.OPENAI_CHAT
    models: tuple[str, ...] = ()
    path: str = ""
    manual: bool = False
    auth: Auth = Auth.BEARER
    strip: tuple[str, ...] = ()
    every: timedelta = 6 * HOUR
    at_least: timedelta = HOUR


def nothing(document: object, now: datetime) -> Facts:
    """Read no facts: for providers whose light answer says only that the key is accepted."""
    return Facts()


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider. `ids` are the gateways' spellings; `never` is the reason why it is never probed."""

    id: str
    ids: tuple[str, ...]
    base_url: str  # "" when only the user knows it; {name} is filled from the credential's attributes
    light: Call | None = None
    validates: Validates = Validates.YES
    sees_billing: SeesBilling = SeesBilling.NO
    deep: Deep | None = None
    usage: tuple[Call, ...] = ()
    regions: tuple[str, ...] = ()  # other base URLs of the vendor
    errors: ErrorShape = ErrorShape.OPENAI
    headers: tuple[Headers, ...] = ()
    keys: tuple[str, ...] = ()  # regular expressions of key formats, a hint only
    kinds: frozenset[CredentialKind] = frozenset(CredentialKind)
    rules: tuple[Rule, ...] = ()
    facts: Callable[[object, datetime], Facts] = nothing
    never: str = ""
    no_light: str = ""  # why there is no free probe
    subscription: bool = False
    local: bool = False
    region_bound: bool = False  # a refusal at a host that nobody configured may only mean the other region
    bases: tuple[tuple[str, str], ...] = ()  # id -> its own base URL, where spellings name a region or a plan
