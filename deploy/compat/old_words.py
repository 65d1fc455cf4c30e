"""Edge. The words of the old claude-auth-status.sh for one `check --json` document on standard input; see claude-auth-status.sh."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_RED, _YELLOW, _GREEN, _PLAIN = "\033[0;31m", "\033[1;33m", "\033[0;32m", "\033[0m"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two things the old script spoke of."""

    status: str  # OK:5h3m, OK:static, OK:renews, EXPIRING:12m, EXPIRED or MISSING
    expires_at_ms: int = 0  # 0: none, or not known
    profile: str = "none"

    @property
    def dead(self) -> bool:
        """Tell whether somebody has to log in again."""
        return self.status.startswith(("EXPIRED", "MISSING"))

    @property
    def ending(self) -> bool:
        """Tell whether somebody has to soon."""
        return self.status.startswith("EXPIRING")


def main(mode: str) -> int:
    """Print the words of a mode and return its exit code."""
    document = json.load(sys.stdin)
    claude, gateway = _claude(document), _gateway(document)
    word = os.environ.get("GATEWAY_WORD", "OPENCLAW").upper()
    counted = claude
    if claude.status == "MISSING" and os.environ.get("CLAUDE_CODE") == "optional":
        counted = Side("OK:optional")
    if mode == "json":
        sys.stdout.write(json.dumps(_old_document(claude, gateway, word, counted.dead or counted.ending), indent=2) + "\n")
        return 0
    if mode == "simple":
        said, code = _simple(counted, gateway, word)
        sys.stdout.write(f"{said}\n")
        sys.stderr.writelines(f"{line}\n" for line in document["why"] if code)
        return code
    sys.stdout.writelines(f"{line}\n" for line in _report(claude, gateway, word, document))
    return 0


def _claude(document: Mapping[str, Any]) -> Side:
    """Judge Claude Code's own login."""
    login = next((profile for profile in _profiles(document["gateways"]) if profile["profile"] == "cli:claude-code"), None)
    return _of(login, _ms(document["at"])) if login else Side("MISSING")


def _gateway(document: Mapping[str, Any]) -> Side:
    """Judge everything that is in use: EXPIRED or MISSING when something of it is down, else what ends first."""
    now = _ms(document["at"])
    gateways = [gateway for gateway in document["gateways"] if gateway["gateway"] != "static" or _own_keys(gateway)]
    used = [(agent, provider) for agent in _agents(gateways) for provider in agent["providers"] if provider["in_use"]]
    if not gateways:
        return Side("MISSING")
    if document["exit"] == 1:
        dark = [provider for _, provider in used if provider["usable"] is not None and provider["next"] is None]
        stored = any(provider["configured"] for provider in dark)
        return Side("EXPIRED" if stored or (used and not dark) else "MISSING")  # not dark: something in use cannot be read
    sides = [
        _of(profile, now)
        for agent, provider in used
        for profile in agent["profiles"]
        if profile["profile"] == provider["next"] and profile["provider"] == provider["provider"]
    ]
    dated = sorted((side for side in sides if side.expires_at_ms), key=lambda side: (not side.ending, side.expires_at_ms))
    return (dated or sides or [Side("OK:static")])[0]


def _own_keys(gateway: Mapping[str, Any]) -> bool:
    """Tell keys of the exporter's own settings from a login of a CLI, which has a side of its own."""
    return any(profile["source"] != "cli-login" for profile in _profiles([gateway]))


def _of(profile: Mapping[str, Any], now: int) -> Side:
    expires = _ms(profile["expires_at"]) if profile["expires_at"] else 0
    if profile["health"] in ("expired", "missing"):
        return Side(profile["health"].upper(), expires, profile["profile"])
    if not expires:
        return Side("OK:static", 0, profile["profile"])
    return Side(_timed(expires, now, renews=profile["renews"]), expires if expires > now else 0, profile["profile"])


def _timed(expires: int, now: int, *, renews: bool) -> str:
    """Write the old status of an instant; what renews itself neither ends soon nor has ended."""
    left = expires - now
    if left <= 0:
        return "OK:renews" if renews else "EXPIRED"
    minutes = left % _HOUR_MS // _MINUTE_MS
    return f"EXPIRING:{minutes}m" if left < _HOUR_MS and not renews else f"OK:{left // _HOUR_MS}h{minutes}m"


def _simple(claude: Side, gateway: Side, word: str) -> tuple[str, int]:
    for name, side in (("CLAUDE", claude), (word, gateway)):
        if side.dead:
            return f"{name}_EXPIRED", 1
    for name, side in (("CLAUDE", claude), (word, gateway)):
        if side.ending:
            return f"{name}_EXPIRING", 2
    return "OK", 0


def _old_document(claude: Side, gateway: Side, word: str, claude_wants: bool) -> dict[str, object]:
    return {
        "claude_code": {"status": claude.status, "expires_at_ms": claude.expires_at_ms},
        word.lower(): {"status": gateway.status, "expires_at_ms": gateway.expires_at_ms},
        "needs_reauth": claude_wants or gateway.dead or gateway.ending,
    }


def _report(claude: Side, gateway: Side, word: str, document: Mapping[str, Any]) -> Iterator[str]:
    login = _login_file()
    places = ", ".join(gateway["state_dir"] for gateway in document["gateways"]) or "none found"
    yield "=== Claude Code Auth Status ===\n"
    yield "Claude Code (~/.claude/.credentials.json):"
    if login:
        yield f"  Subscription: {_word(login, 'subscriptionType')}"
        yield f"  Rate tier: {_word(login, 'rateLimitTier')}"
    yield from _shown(claude, "claude setup-token")
    yield f"\n{word.capitalize()} Auth ({places}):"
    yield f"  Profile: {gateway.profile}"
    yield from _shown(gateway, "model-auth-exporter reauth")
    yield from (f"  Note: {line}" for line in document["why"])


def _shown(side: Side, command: str) -> Iterator[str]:
    kind, _, rest = side.status.partition(":")
    match kind:
        case "MISSING":
            yield f"  Status: {_painted(_RED, 'NOT FOUND')}"
        case "EXPIRED":
            yield f"  Status: {_painted(_RED, 'EXPIRED')}"
        case "EXPIRING":
            yield f"  Status: {_painted(_YELLOW, f'EXPIRING SOON ({rest} remaining)')}"
        case _:
            yield f"  Status: {_painted(_GREEN, 'OK')}" + ("" if side.expires_at_ms else f" ({rest})")
    if side.expires_at_ms and not side.dead:
        yield f"  Expires: {datetime.fromtimestamp(side.expires_at_ms / 1000).astimezone():%Y-%m-%d %H:%M %Z} ({rest})"
    if side.dead or side.ending:
        yield f"  Action needed: run '{command}'"


def _painted(colour: str, words: str) -> str:
    return f"{colour}{words}{_PLAIN}" if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else words


def _login_file() -> Mapping[str, Any]:
    """Read what the report says of the plan; nothing of a token is ever shown."""
    try:
        login = json.loads((Path.home() / ".claude" / ".credentials.json").read_bytes())["claudeAiOauth"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return login if isinstance(login, dict) else {}


def _word(login: Mapping[str, Any], name: str) -> str:
    value = login.get(name)
    return value if isinstance(value, str) and value.replace("_", "").replace("-", "").isalnum() else "unknown"


def _agents(gateways: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    return (agent for gateway in gateways for agent in gateway["agents"] if agent["configured"])


def _profiles(gateways: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    return (profile for agent in _agents(gateways) for profile in agent["profiles"])


def _ms(instant: str) -> int:
    return int(datetime.fromisoformat(instant).timestamp() * 1000)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "full"))
