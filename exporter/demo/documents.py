"""Pure. What the stores of the demo hold: every state of section 4 of the contract, on fake credentials.

Source: spec/gateways.md, section 2 (formats), 5.1 (usage), 2.7 (fences).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

Json = dict[str, object]

RELEASE = "2026.9.6"
_FENCE = "openclaw-oauth-refresh-fence:v1:" + "0d" * 16


def milliseconds(at: datetime) -> int:
    """Write an instant as the stores do."""
    return int(at.timestamp() * 1000)


def configuration(addresses: Mapping[str, str]) -> Json:
    """Write `openclaw.json`: two agents, models of seven providers in use, an order that leaves one profile out.

    Every provider has an address on this machine: no key of the demo can go anywhere else.
    """
    fallbacks = ["openai/gpt-5.2", "google/gemini-3-pro", "groq/llama-4", "mistral/mistral-large"]
    acme = {"apiKey": "demo-acme-key", "api": "openai-completions"}
    return {
        "agents": {
            "defaults": {"model": {"primary": "anthropic/claude-sonnet-4-5", "fallbacks": fallbacks}, "systemAgent": {"agentId": "main"}},
            "entries": {"main": {"default": True}, "work": {"model": {"primary": "qwen-portal/coder-model", "fallbacks": ["acme/large"]}}},
        },
        "auth": {"order": {"openai": ["openai:default", "openai:vault", "openai:blank", "openai:gone"]}},
        "models": {"providers": {name: {**entry, **(acme if name == "acme" else {})} for name, entry in _entries(addresses).items()}},
        "meta": {"lastTouchedVersion": RELEASE},
    }


def environment_file() -> str:
    """Write the state directory's `.env`."""
    return "# keys of the demo, all fake\nGROQ_API_KEY=gsk_demo_0000000000000000\nMISTRAL_API_KEYS=demo-mistral-1,demo-mistral-2\n"


def shared_profiles(now: datetime) -> Mapping[str, Json]:
    """List the profiles of the store all agents read; no two hold one secret."""
    listed: dict[str, Json] = {
        "anthropic:ops@example.com": _login("anthropic", now + timedelta(hours=7), email="ops@example.com"),
        "anthropic:idle": _login("anthropic", now - timedelta(hours=3)),
        "anthropic:manual": _token("anthropic", now + timedelta(hours=10)),
        "anthropic:old": _token("anthropic", now - timedelta(days=3)),
        "anthropic:overdue": _login("anthropic", now - timedelta(hours=5)),
        "openai:default": _key("openai"),
        "openai:blank": {**_key("openai"), "key": " "},
        "openai:vault": {"type": "api_key", "provider": "openai", "keyRef": _reference("DEMO_OPENAI_KEY")},
        "openai:spare": _key("openai"),
        "openai-codex:default": _login("openai-codex", now + timedelta(days=8)),
        "google:default": _key("google"),
        "xai:default": _key("xai"),
        "deepseek:default": _key("deepseek"),
        "cerebras:default": _key("cerebras"),
        "fireworks:default": _key("fireworks"),
        "perplexity:default": _key("perplexity"),
        "moonshot:default": _key("moonshot"),
        "together:default": _key("together"),
        "nowhere:default": _key("nowhere"),
        "zai:seconds": {**_token("zai", now), "expires": int((now + timedelta(days=30)).timestamp())},
        "zai:text": {**_token("zai", now), "expires": "2027-01-01"},
        "zai:undated": _token("zai", None),
        "minimax-portal:default": _fenced("minimax-portal", failed=True),
        "google-gemini-cli:default": {"type": "oauth", "provider": "google-gemini-cli", "access": "demo-access"},
        "github-copilot:next": {**_token("github-copilot", now + timedelta(days=90)), "setup": {"replaces": "github-copilot:github"}},
        "github-copilot:github": _token("github-copilot", now + timedelta(days=20)),
    }
    return {name: _own(profile, name.partition(":")[2]) for name, profile in listed.items()}


def shared_state(now: datetime) -> Json:
    """Write the bookkeeping of the shared store: one parked profile of every kind, and one whose renewal fails."""
    return {
        "version": 1,
        "lastGood": {"anthropic": "anthropic:ops@example.com", "openai": "openai:default"},
        "usageStats": {
            "anthropic:ops@example.com": {"lastUsed": milliseconds(now - timedelta(minutes=4)), "errorCount": 0},
            "anthropic:overdue": {
                "errorCount": 4,
                "failureCounts": {"auth": 4},
                "lastFailureAt": milliseconds(now - timedelta(hours=2)),
                "cooldownReason": "auth",
                "cooldownUntil": milliseconds(now - timedelta(hours=1)),
            },
            "google:default": _window(now, "cooldown", "rate_limit", timedelta(minutes=20), cooldownModel="gemini-3-flash"),
            "moonshot:default": _window(now, "cooldown", "rate_limit", timedelta(minutes=45)),
            "xai:default": _window(now, "disabled", "billing", timedelta(hours=5)),
            "openai-codex:default": _window(now, "blocked", "subscription_limit", timedelta(hours=30), blockedSource="codex_rate_limits"),
        },
    }


def pending_profiles() -> Mapping[str, Json]:
    """List the profiles of agent `main` alone: a renewal that has just begun, and turns into an orphan after three minutes."""
    return {"anthropic:renewing": _fenced("anthropic")}


def work_profiles() -> Mapping[str, Json]:
    """List the profiles of agent `work` alone: a renewal that began long ago and never ended."""
    return {"qwen-portal:default": _fenced("qwen-portal")}


def older_configuration(addresses: Mapping[str, str]) -> str:
    """Write the configuration of the older gateway, with comments, as people edit it."""
    models = json.dumps({"providers": _entries(addresses)})
    return """{
  // an older release, beside the new one
  agents: {
    defaults: { model: { primary: "anthropic/claude-opus-4-5", fallbacks: ["openrouter/auto"] } },
    list: [{ id: "main", default: true }, { id: "family" }],
  },
  models: MODELS,
  meta: { lastTouchedVersion: "2026.3.13" },
}
""".replace("MODELS", models)


def older_store(now: datetime) -> Json:
    """Write the `auth-profiles.json` of the older gateway: profiles, order and usage in one file."""
    lapsed = {"access": "demo-access", "expires": milliseconds(now - timedelta(days=1))}
    return {
        "version": 1,
        "profiles": {
            "anthropic:default": {"type": "oauth", "provider": "anthropic", **lapsed},
            "anthropic:second": _token("anthropic", now + timedelta(days=300)),
            "openrouter:default": _key("openrouter"),
            "openai:default": _key("openai"),
        },
        "order": {"anthropic": ["anthropic:default", "anthropic:second", "anthropic:gone"]},
        "lastGood": {"anthropic": "anthropic:second"},
        "usageStats": {
            "openai:default": _window(now, "disabled", "auth_permanent", timedelta(minutes=40)),
            "openrouter:default": _window(now, "cooldown", "rate_limit", timedelta(minutes=9)),
        },
    }


def claude_login(now: datetime) -> Json:
    """Write the login file of Claude Code."""
    token = {"accessToken": "demo-access", "refreshToken": "demo-refresh", "expiresAt": milliseconds(now + timedelta(hours=6))}
    return {"claudeAiOauth": {**token, "scopes": ["user:inference"], "subscriptionType": "max"}}


def _entries(addresses: Mapping[str, str]) -> dict[str, Json]:
    return {provider: {"baseUrl": address, "models": []} for provider, address in addresses.items()}


def _own(profile: Json, name: str) -> Json:
    """Make the secrets of a profile its own; markers and blanks stay as they are."""
    secrets = {field: profile[field] for field in ("key", "token", "access", "refresh") if field in profile}
    return profile | {field: f"{value}-{name}" for field, value in secrets.items() if str(value).startswith("demo-")}


def _key(provider: str) -> Json:
    return {"type": "api_key", "provider": provider, "key": f"demo-{provider}-key-0000000000000000"}


def _token(provider: str, expires: datetime | None) -> Json:
    token: Json = {"type": "token", "provider": provider, "token": f"demo-{provider}-token-0000000000000000"}
    return {**token, "expires": milliseconds(expires)} if expires else token


def _login(provider: str, expires: datetime, **more: object) -> Json:
    tokens = {"access": "demo-access", "refresh": "demo-refresh", "expires": milliseconds(expires)}
    return {"type": "oauth", "provider": provider, **tokens, **more}


def _fenced(provider: str, *, failed: bool = False) -> Json:
    mark = f"{_FENCE}:{'failed:' if failed else ''}"
    access, refresh = f"{mark}access:{'0a' * 32}", f"{mark}refresh:{'0b' * 32}"
    return {"type": "oauth", "provider": provider, "access": access, "refresh": refresh, "expires": 1}


def _reference(name: str) -> Json:
    return {"source": "env", "provider": "default", "id": name}


def _window(now: datetime, kind: str, reason: str, span: timedelta, **more: str) -> Json:
    failed = now - timedelta(minutes=2)
    return {
        "errorCount": 1,
        "failureCounts": {reason: 1},
        "lastFailureAt": milliseconds(failed),
        f"{kind}Until": milliseconds(now + span),
        f"{kind}Reason": reason,
        **more,
    }
