"""Pure. What the demo's providers answer: one of every kind, in the vendors' own shapes.

Source: the vendors' error pages, as in the recorded answers of the tests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; `silent` keeps the line open and says nothing."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    silent: bool = False

    @property
    def raw(self) -> bytes:
        """The body as sent."""
        return b"" if self.body is None else self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


_LIST = {"object": "list", "data": [{"id": "demo-small", "object": "model"}]}
_REFUSED = {"error": {"message": "Incorrect API key provided: demo***.", "type": "invalid_request_error", "code": "invalid_api_key"}}
_LIMITED = {"object": "error", "message": "Requests rate limit exceeded", "type": "rate_limited", "code": "1300"}
_SCOPE = {"type": "error", "error": {"type": "permission_error", "message": "OAuth token does not meet scope requirement user:profile"}}

CLOSED = ("together",)  # nothing listens there
PROVIDERS = (
    "anthropic", "openai", "google", "groq", "mistral", "xai", "zai", "openrouter", "github-copilot", "openai-codex", "acme",
    "deepseek", "cerebras", "fireworks", "perplexity", "moonshot",
)  # fmt: skip


def answer(provider: str, secret: str, path: str, now: datetime) -> Answer:
    """What one provider says to one key."""
    match provider:
        case "anthropic":
            return _anthropic(secret, path, now)
        case "openai" if "spare" in secret:
            return Answer(429, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}})
        case "openai":
            limits = {"x-ratelimit-limit-requests": "500", "x-ratelimit-remaining-requests": "499", "x-ratelimit-reset-requests": "120ms"}
            return Answer(body=_LIST, headers=limits)
        case "google":
            return Answer(body={"models": [{"name": "models/gemini-3-flash"}]})
        case "groq":
            return Answer(401, _REFUSED)
        case "mistral":
            return Answer(429, _LIMITED, {"retry-after": "90"}) if secret.endswith("-1") else Answer(body=_LIST)
        case "zai":
            return Answer(429, {"error": {"code": "1113", "message": "Insufficient balance or no resource package. Please recharge."}})
        case "openrouter":
            return Answer(body={"data": {"label": "demo", "limit": 20, "limit_remaining": 3.5, "usage": 16.5}})
        case "openai-codex":
            return Answer(body=_windows(now))
        case _:
            return _others(provider)


def _anthropic(secret: str, path: str, now: datetime) -> Answer:
    if path.startswith("/api/oauth/usage"):
        return Answer(403, _SCOPE)
    return Answer(body={"data": [{"type": "model", "id": "claude-haiku-4-5"}], "has_more": False})


def _others(provider: str) -> Answer:
    answers = {
        "xai": Answer(body={"name": "demo", "team_blocked": False, "api_key_blocked": False, "api_key_disabled": False}),
        "github-copilot": Answer(body=_LIST),
        "acme": Answer(503, {"error": {"message": "The server is overloaded", "type": "overloaded_error"}}, {"retry-after": "60"}),
        "deepseek": Answer(body={"is_available": False, "balance_infos": [{"currency": "USD", "total_balance": "0.00"}]}),
        "cerebras": Answer(silent=True),
        "fireworks": Answer(418, {"message": "an answer nobody expected"}),
        "perplexity": Answer(302, None, {"location": "https://www.example.com/moved"}),
        "moonshot": Answer(404, {"error": {"message": "The model demo does not exist", "code": "model_not_found"}}),
    }
    return answers.get(provider, Answer(404, {"error": {"message": "unknown"}}))


def _windows(now: datetime) -> object:
    def window(used: int, seconds: int, left: timedelta) -> dict[str, object]:
        return {"used_percent": used, "limit_window_seconds": seconds, "reset_at": int((now + left).timestamp())}

    limit = {
        "allowed": True,
        "limit_reached": False,
        "primary_window": window(62, 18_000, timedelta(hours=2)),
        "secondary_window": window(88, 604_800, timedelta(days=3)),
    }
    return {"plan_type": "plus", "rate_limit": limit, "credits": {"balance": "0", "unlimited": False}}
