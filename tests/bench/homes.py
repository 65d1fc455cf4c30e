"""Edge. Homes of a given size for the benchmarks."""

from __future__ import annotations

from pathlib import Path

from tests.running import ms, write_json

_CONFIG = {"agents": {"defaults": {"model": {"primary": "anthropic/claude-sonnet-4-5", "fallbacks": ["openai/gpt-5.2"]}}}}


def fill(home: Path, profiles: int, per_agent: int = 100) -> list[Path]:
    """Make one gateway with this many profiles, spread over agents, and return the stores.

    With several agents the main one has none: every other agent would see its profiles too, and they would count again.
    """
    state = home / ".openclaw"
    agents = ["main"] if profiles <= per_agent else [f"agent{number}" for number in range(-(-profiles // per_agent))]
    write_json(
        state / "openclaw.json",
        {**_CONFIG, "agents": {**_CONFIG["agents"], "list": [{"id": agent} for agent in dict.fromkeys(["main", *agents])]}},
    )
    stores = []
    for number, agent in enumerate(agents):
        count = min(per_agent, profiles - number * per_agent)
        stores.append(write_store(state / "agents" / agent / "agent" / "auth-profiles.json", count, agent))
    return stores


def write_store(path: Path, count: int, name: str, days: float = 30) -> Path:
    """Write one store of keys, tokens and logins in equal parts."""
    providers = ("anthropic", "openai", "openrouter", "google", "groq")
    profiles: dict[str, object] = {}
    for number in range(count):
        provider = providers[number % len(providers)]
        key = f"{provider}:{name}-{number}"
        match number % 3:
            case 0:
                profiles[key] = {"type": "api_key", "provider": provider, "key": f"fake-key-{name}-{number}"}
            case 1:
                profiles[key] = {"type": "token", "provider": provider, "token": f"fake-token-{name}-{number}", "expires": ms(days * 86400)}
            case _:
                profiles[key] = {
                    "type": "oauth",
                    "provider": provider,
                    "access": f"fake-access-{name}-{number}",
                    "refresh": f"fake-refresh-{name}-{number}",
                    "expires": ms(3600 + number),
                }
    usage = {key: {"lastUsed": ms(-60), "errorCount": 0} for key in list(profiles)[::5]}
    return write_json(path, {"version": 1, "profiles": profiles, "usageStats": usage})
