"""Pure. What a person may hand to a repair: durations, tokens, keys, ids; refused in the gateways' own words.

Source: spec/gateways.md, 12.1 (durations, api keys), 9 (setup tokens), 7.4 (provider ids); recorded calls of 2026.9.6.
"""

from __future__ import annotations

import math
import re
from typing import Final

from exporter.providers.redact import redact

SETUP_TOKEN_PREFIX: Final = "sk-ant-oat01-"
_SETUP_TOKEN_LEAST: Final = 80
_UNIT_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_WHOLE: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])?", re.ASCII)
_PIECE: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])", re.ASCII)
_USE: Final = "Use values like 500ms, 30s, 5m, 2h, or 1h30m."
_LAST_MS: Final = 8.64e15  # beyond it no gateway can write the date
_UNTYPEABLE: Final = re.compile(r"[^\x20-\x7e\xa0-\xff]")  # line breaks, controls, typographic quotes: never part of a credential


class Refusal(Exception):
    """A repair that will not be done; the words are for people and hold no secret."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def expires_in(text: str | None, *, composite: bool) -> int | None:
    """Read `--expires-in` as milliseconds; None: no expiry. A number without unit is days; `composite` releases also take 1d12h.

    Errors: raises Refusal with the words of that generation of releases.
    """
    if text is None or not (composite or text.strip()):
        return None
    typed = text.strip()
    total = _composite(typed) if composite else _single(typed)
    if total is None or not math.isfinite(total) or total > _LAST_MS:
        raise Refusal(f'Invalid duration: "{_shown(typed)}". {_USE}' if composite else f"invalid duration: {_shown(typed)}")
    return math.floor(total + 0.5) or None


def cleaned(pasted: str) -> str:
    """Return a pasted credential as the gateways use it: one line, without blanks around it or characters no credential has."""
    return _UNTYPEABLE.sub("", pasted).strip()


def check_token(provider: str, token: str) -> None:
    """Refuse a token that cannot be whole; raises Refusal, which never quotes it."""
    if not token:
        raise Refusal("Required")
    if provider == "anthropic":
        check_setup_token(token)


def check_setup_token(token: str) -> None:
    """Refuse what `claude setup-token` cannot have printed; raises Refusal."""
    if not token.strip():
        raise Refusal("Required")
    if not token.strip().startswith(SETUP_TOKEN_PREFIX):
        raise Refusal(f"Expected token starting with {SETUP_TOKEN_PREFIX}")
    if len(token.strip()) < _SETUP_TOKEN_LEAST:
        raise Refusal("Token looks too short; paste the full setup-token")


def check_api_key(provider: str, key: str) -> None:
    """Refuse a key that cannot be one; raises Refusal."""
    if not key:
        raise Refusal("Required")
    if provider == "openai" and not key.startswith("sk-"):
        raise Refusal("Expected an OpenAI API key starting with sk-")
    if provider == "anthropic" and key.startswith(SETUP_TOKEN_PREFIX):
        raise Refusal("This is a setup-token, not an API key: use paste-token")


def check_profile_id(profile_id: str) -> None:
    """Refuse ids that would be no use as a key, and a credential typed in the place of an id; raises Refusal."""
    if not profile_id or not profile_id.isprintable():
        raise Refusal("A profile id is one line of text, such as anthropic:work")
    if shown_id(profile_id) != profile_id:
        raise Refusal("This profile id looks like a credential; ids are names such as anthropic:work")


def shown_id(profile_id: str) -> str:
    """Return an id as it may be shown: whoever pastes a key where an id belongs does not see it again."""
    bare = ":" not in profile_id and redact(profile_id) != profile_id
    keyed = re.search(r"\b(?:sk|gsk|xai|pplx|rk)-[\w-]{16,}", profile_id) is not None
    return "***" if bare or keyed else profile_id


def _shown(typed: str) -> str:
    return "***" if len(typed) > 24 or shown_id(typed) != typed else typed


def _single(typed: str) -> float | None:
    found = _WHOLE.fullmatch(typed.lower())
    return None if found is None else float(found[1]) * _UNIT_MS[found[2] or "d"]


def _composite(typed: str) -> float | None:
    if not typed:
        raise Refusal(f"Invalid duration (empty): empty value. {_USE}")
    whole = _single(typed)
    if whole is not None:
        return whole
    pieces = list(_PIECE.finditer(typed.lower()))
    if pieces and sum(len(piece[0]) for piece in pieces) != len(typed):
        raise Refusal(f'Invalid duration (each composite segment needs a unit): "{_shown(typed)}". {_USE}')
    return sum(float(number) * _UNIT_MS[unit] for number, unit in (piece.groups() for piece in pieces)) if pieces else None
