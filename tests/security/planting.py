"""Edge. A home with a canary in every field that can hold a secret, in every format, and the search for them."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import sqlite3
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.running import ms, write_json

_PIECE = 12
_TABLES = """
    PRAGMA journal_mode=WAL;
    CREATE TABLE auth_profile_store (store_key TEXT NOT NULL PRIMARY KEY, store_json TEXT NOT NULL, updated_at INTEGER NOT NULL);
    CREATE TABLE auth_profile_state (state_key TEXT NOT NULL PRIMARY KEY, state_json TEXT NOT NULL, updated_at INTEGER NOT NULL);
"""
_STATE_TABLES = """
    PRAGMA journal_mode=WAL;
    CREATE TABLE config_machine_state (state_key TEXT NOT NULL PRIMARY KEY, value_json TEXT NOT NULL, updated_at_ms INTEGER NOT NULL);
    CREATE TABLE secret_store_entries (scope_kind TEXT NOT NULL, scope_id TEXT, name TEXT NOT NULL, value TEXT NOT NULL);
"""


@dataclass
class Canaries:
    """The secrets planted so far, by the field they stand in."""

    values: dict[str, str] = field(default_factory=dict)

    def new(self, place: str, *, plain: bool = False) -> str:
        """Return a fresh secret for `place`; unless plain it has characters that URLs and base64 write differently."""
        digest = hashlib.sha256(place.encode()).digest() + hashlib.sha256(place.encode() + b"2").digest()
        text = base64.b32encode(digest).decode().lower().rstrip("=")[:44]
        value = text if plain else f"{text[:14]}/+{text[14:28]}={text[28:]}"
        assert value not in self.values.values()
        self.values[place] = value
        return value

    def found_in(self, haystack: str) -> list[str]:
        """Return the places of which a 12-character piece of the secret occurs in `haystack`: as it is, URL-encoded or in base64."""
        there = {haystack[start : start + _PIECE] for start in range(len(haystack) - _PIECE + 1)}
        return [place for place, value in self.values.items() if not there.isdisjoint(_pieces(value))]


@functools.cache
def _pieces(value: str) -> frozenset[str]:
    return frozenset(form[start : start + _PIECE] for form in _forms(value) for start in range(len(form) - _PIECE + 1))


def _forms(value: str) -> Iterable[str]:
    yield value
    yield urllib.parse.quote(value, safe="")
    for shift in range(3):  # a secret in the middle of an encoded text starts at any of three places
        encoded = base64.b64encode(b"x" * shift + value.encode()).decode()
        inner = encoded[4:-4]
        yield inner
        yield inner.replace("+", "-").replace("/", "_")


def plant(home: Path) -> Canaries:
    """Fill `home` with gateways of every era, CLI logins, environment files and units, and return what was planted."""
    canaries = Canaries()
    _json_gateway(home / ".openclaw-json", canaries)
    _agent_db_gateway(home / ".openclaw-agentdb", canaries)
    _shared_db_gateway(home / ".openclaw", canaries)
    _old_gateway(home / ".clawdbot", canaries)
    _remoteclaw(home / ".remoteclaw", canaries)
    _broken_gateway(home / ".openclaw-broken", canaries)
    _cli_logins(home, canaries)
    _units(home, canaries)
    for path in home.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return canaries


def profiles(place: str, canaries: Canaries) -> dict[str, object]:
    """Return a store document with every credential type and every field that can hold a secret."""

    def new(name: str) -> str:
        return canaries.new(f"{place}: {name}")

    stored: dict[str, dict[str, object]] = {
        "openai:key": {"type": "api_key", "provider": "openai", "key": new("key")},
        "openai:alias": {"mode": "api_key", "provider": "openai", "apiKey": new("apiKey")},
        "openai:both": {
            "type": "api_key",
            "provider": "openai",
            "key": new("key beside keyRef"),
            "keyRef": {"source": "env", "provider": "default", "id": "PLANTED_REF"},
        },
        "openai:metadata": {"type": "api_key", "provider": "openai", "key": new("key 2"), "metadata": {"accountSecret": new("metadata")}},
        "openai:pasted": {
            "type": "api_key",
            "provider": "openai",
            "key": f"openclaw onboard --non-interactive --auth-choice openai-api-key --openai-api-key {new('pasted command')}",
        },
        "openai:list": {"type": "api_key", "provider": "openai", "key": [new("key as list")]},
        "openai:object": {"type": "api_key", "provider": "openai", "key": {"value": new("key as object")}},
        "anthropic:token": {"type": "token", "provider": "anthropic", "token": new("token"), "expires": ms(3600)},
        "anthropic:old": {"type": "token", "provider": "anthropic", "token": new("token, expired"), "expires": ms(-3600)},
        "anthropic:odd": {"type": "token", "provider": "anthropic", "token": new("token, odd date"), "expires": new("expires")},
        "anthropic:oauth": {
            "type": "oauth",
            "provider": "anthropic",
            "access": new("access"),
            "refresh": new("refresh"),
            "idToken": new("idToken"),
            "expires": ms(-60),
            "email": "somebody@example.com",
        },
        "openai-codex:forbidden": {
            "type": "oauth",
            "provider": "openai-codex",
            "access": {"source": "env", "provider": "default", "id": "PLANTED_REF"},
            "refresh": new("refresh beside ref"),
            "expires": ms(60),
        },
        "openai:unknown": {"type": "certificate", "provider": "openai", "key": new("key of unknown type")},
        "openai:setup": {"type": "api_key", "provider": "openai", "key": new("key of setup"), "setup": {"replaces": "openai:key"}},
        "noprovider": {"type": "api_key", "key": new("key without provider")},
    }
    return {"version": 1, "profiles": stored}


def _usage() -> dict[str, object]:
    usage = {"lastUsed": ms(-60), "errorCount": 1, "cooldownUntil": ms(600), "cooldownReason": "rate_limit"}
    return {"version": 1, "order": {"openai": ["openai:key"]}, "lastGood": {"openai": "openai:key"}, "usageStats": {"openai:key": usage}}


def _json_gateway(state: Path, canaries: Canaries) -> None:
    agent = state / "agents" / "main" / "agent"
    write_json(agent / "auth-profiles.json", profiles("auth-profiles.json", canaries))
    write_json(agent / "auth-state.json", _usage())
    _legacy_agent(state / "agents" / "older" / "agent", canaries)
    oauth = {"access": canaries.new("oauth.json: access"), "refresh": canaries.new("oauth.json: refresh"), "expires": ms(600)}
    write_json(state / "credentials" / "oauth.json", {"google-gemini-cli": oauth})
    write_json(
        agent / "models.json",
        {
            "providers": {
                "custom": {
                    "baseUrl": f"https://user:{canaries.new('models.json: userinfo', plain=True)}@models.invalid/v1",
                    "apiKey": canaries.new("models.json: apiKey"),
                    "headers": {"X-Key": canaries.new("models.json: header")},
                    "models": [{"id": "m"}],
                }
            }
        },
    )
    write_json(state / "openclaw.json", {"agents": {"defaults": {"model": {"primary": "openai/gpt-5.2"}}}})


def _legacy_agent(agent: Path, canaries: Canaries) -> None:
    """Plant in the oldest file, which counts only where no newer one stands beside it."""
    key, token = canaries.new("auth.json: key"), canaries.new("auth.json: token")
    write_json(agent / "auth.json", {"groq": {"type": "api_key", "key": key}, "xai": {"type": "token", "token": token}})


def _agent_db_gateway(state: Path, canaries: Canaries) -> None:
    path = state / "agents" / "main" / "agent" / "openclaw-agent.sqlite"
    _database(path, _TABLES, [("auth_profile_store", profiles("agent database", canaries)), ("auth_profile_state", _usage())])
    write_json(state / "openclaw.json", {"agents": {"defaults": {"model": {"primary": "anthropic/claude-sonnet-4-5"}}}})


def _shared_db_gateway(state: Path, canaries: Canaries) -> None:
    rows: list[tuple[str, object]] = [
        ("auth.sharedStore", {"location": "state-db"}),
        ("authProfiles.store", profiles("state database", canaries)),
        ("authProfiles.state", _usage()),
        ("model-account:1", {"credential": {"type": "api_key", "provider": "openai", "key": canaries.new("model-account")}}),
    ]
    path = state / "state" / "openclaw.sqlite"
    path.parent.mkdir(parents=True, mode=0o700)
    database = sqlite3.connect(path)
    database.executescript(_STATE_TABLES)
    database.executemany("INSERT INTO config_machine_state VALUES (?, ?, ?)", [(key, json.dumps(value), ms(-5)) for key, value in rows])
    database.execute("INSERT INTO secret_store_entries VALUES ('team', '', 'STORED_REF', ?)", (canaries.new("secret store"),))
    database.commit()
    database.close()
    local = state / "agents" / "main" / "agent" / "openclaw-agent.sqlite"
    _database(local, _TABLES, [("auth_profile_store", profiles("overlay database", canaries)), ("auth_profile_state", _usage())])
    (state / ".env").write_text(
        f"GROQ_API_KEY={canaries.new('.env')}\nOPENAI_API_KEYS='{canaries.new('.env list 1')},{canaries.new('.env list 2')}'\n"
        f'a line without sense {canaries.new(".env bad line")}\nMISTRAL_API_KEY="{canaries.new(".env unclosed")}\n',
        encoding="utf-8",
    )
    _config(state / "openclaw.json", canaries)


def _config(path: Path, canaries: Canaries) -> None:
    def new(name: str) -> str:
        return canaries.new(f"configuration: {name}")

    write_json(path.parent / "secrets.json", {"deep": {"key": new("secret file")}})
    write_json(
        path,
        {
            "agents": {"defaults": {"model": {"primary": "openai/gpt-5.2", "fallbacks": ["custom/model-1"]}}},
            "env": {"vars": {"XAI_API_KEY": new("env.vars")}, "DEEPSEEK_API_KEY": new("env key"), "shellEnv": {"enabled": False}},
            "models": {
                "providers": {
                    "custom": {
                        "baseUrl": f"https://models.invalid/v1?key={canaries.new('configuration: base URL', plain=True)}",
                        "apiKey": new("models.providers.apiKey"),
                        "headers": {"Authorization": f"Bearer {new('header')}"},
                        "models": [{"id": "model-1"}],
                    },
                    "filed": {"baseUrl": "https://models.invalid/v2", "apiKey": {"source": "file", "provider": "filed", "id": "/deep/key"}},
                }
            },
            "secrets": {
                "providers": {
                    "filed": {"source": "file", "path": str(path.parent / "secrets.json")},
                    "run": {"source": "exec", "command": "/bin/false", "args": [new("exec args")], "env": {"VAULT": new("exec env")}},
                }
            },
            "gateway": {"port": 18789, "auth": {"token": new("gateway token"), "password": new("gateway password")}},
        },
    )


def _old_gateway(state: Path, canaries: Canaries) -> None:
    document = profiles("old auth-profiles.json", canaries)
    write_json(state / "agents" / "main" / "agent" / "auth-profiles.json", {**document, **_usage(), "version": 1})
    (state / "clawdbot.json").write_text(
        "{ // hand-written\n agents: {defaults: {model: 'openai/gpt-5.2'}},\n"
        f" env: {{OPENAI_API_KEY: '{canaries.new('JSON5 env')}',}},\n}}\n",
        encoding="utf-8",
    )


def _remoteclaw(state: Path, canaries: Canaries) -> None:
    write_json(state / "auth-profiles.json", profiles("RemoteClaw", canaries))
    write_json(state / "remoteclaw.json", {"agents": {"defaults": {"auth": ["openai:key"]}}})


def _broken_gateway(state: Path, canaries: Canaries) -> None:
    """Plant beside the mistakes: an error message must not quote what it could not read."""
    broken = {
        "torn": '{"version": 1, "profiles": {"openai:a": {"type": "api_key", "provider": "openai", "key": "%s',
        "unquoted": '{"version": 1, "profiles": {"openai:a": {"type": "api_key", "provider": "openai", "key": %s}}}',
        "text": "%s\n",
        "list": '["%s"]',
        "twice": '{"profiles": {"openai:a": {"type": "api_key", "provider": "openai", "key": "%s", "key": "x"}}}',
    }
    for name, text in broken.items():
        path = state / "agents" / name / "agent" / "auth-profiles.json"
        path.parent.mkdir(parents=True)
        path.write_text(text % canaries.new(f"broken store: {name}"), encoding="utf-8")
    database = state / "agents" / "page" / "agent" / "openclaw-agent.sqlite"
    database.parent.mkdir(parents=True)
    database.write_bytes(b"SQLite format 3\0" + canaries.new("broken database").encode() * 200)
    (state / "openclaw.json").write_text(f"{{ agents: {{ list: [ {canaries.new('broken configuration')} ", encoding="utf-8")


def _cli_logins(home: Path, canaries: Canaries) -> None:
    def new(name: str) -> str:
        return canaries.new(f"CLI login: {name}")

    claude = {"accessToken": new("claude access"), "refreshToken": new("claude refresh"), "expiresAt": ms(60)}
    write_json(home / ".claude" / ".credentials.json", {"claudeAiOauth": claude})
    claims = base64.urlsafe_b64encode(json.dumps({"exp": ms(3600) // 1000}).encode()).decode().rstrip("=")
    codex = {
        "access_token": f"eyJhbGciOiJub25lIn0.{claims}.{canaries.new('CLI login: codex signature', plain=True)}",
        "refresh_token": new("codex refresh"),
        "id_token": new("codex id token"),
        "account_id": "account",
    }
    write_json(home / ".codex" / "auth.json", {"OPENAI_API_KEY": new("codex key"), "tokens": codex})
    for name in ("gemini", "qwen", "minimax"):
        login = {"access_token": new(f"{name} access"), "refresh_token": new(f"{name} refresh"), "expiry_date": ms(60)}
        write_json(home / f".{name}" / "oauth_creds.json", login)


def _units(home: Path, canaries: Canaries) -> None:
    folder = home / ".config" / "systemd" / "user"
    folder.mkdir(parents=True)
    environment = home / ".config" / "openclaw" / "gateway.env"
    environment.parent.mkdir(parents=True)
    environment.write_text(f"CEREBRAS_API_KEY={canaries.new('gateway.env')}\n", encoding="utf-8")
    named = home / "service.env"
    named.write_text(f'TOGETHER_API_KEY="{canaries.new("unit environment file")}"\n', encoding="utf-8")
    (folder / "openclaw-gateway.service").write_text(
        "[Service]\nExecStart=/usr/bin/true gateway\n"
        f'Environment="FIREWORKS_API_KEY={canaries.new("unit Environment")}" COHERE_API_KEY={canaries.new("unit Environment 2")}\n'
        f"EnvironmentFile=-{named}\n",
        encoding="utf-8",
    )
    drop_in = folder / "openclaw-gateway.service.d" / "10-keys.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(f"[Service]\nEnvironment=NVIDIA_API_KEY={canaries.new('drop-in')}\n", encoding="utf-8")


def _database(path: Path, tables: str, rows: Iterable[tuple[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = sqlite3.connect(path)
    database.executescript(tables)
    for table, document in rows:
        database.execute(f"INSERT INTO {table} VALUES ('primary', ?, ?)", (json.dumps(document), ms(-5)))
    database.commit()
    database.close()


def settings(folder: Path, canaries: Canaries) -> tuple[Path, dict[str, str]]:
    """Write a settings file with a canary in each of its secrets; return it and the environment with ours."""

    def new(name: str) -> str:
        return canaries.new(f"settings: {name}", plain=True)

    key_file = folder / "static.key"
    key_file.write_text(new("static key file") + "\n", encoding="utf-8")
    bearer_file = folder / "bearer"
    file = folder / "settings.yaml"
    channel = f"ntfys://user:{new('channel url')}@ntfy.invalid/topic"
    file.write_text(
        "log: {level: debug}\n"
        f"probes: {{enabled: false, proxy: 'http://user:{new('proxy')}@127.0.0.1:9'}}\n"
        "static_profiles:\n"
        "  - {id: 'openai:ci', provider: openai, key: {env: OUR_STATIC_KEY}}\n"
        f"  - {{id: 'groq:ci', provider: groq, key: {{file: '{key_file}'}}}}\n"
        "channels:\n"
        f"  - {{name: phone, url: '{channel}'}}\n"
        f"  - {{name: beat, heartbeat: 'https://beat.invalid/{new('heartbeat')}'}}\n",
        encoding="utf-8",
    )
    file.chmod(0o600)
    key_file.chmod(0o600)
    bearer_file.write_text(new("bearer file"), encoding="utf-8")
    own = {"OUR_STATIC_KEY": canaries.new("our environment: static"), "PLANTED_REF": canaries.new("our environment: reference")}
    for name in ("ANTHROPIC_API_KEY", "OPENCLAW_LIVE_GROQ_KEY", "GEMINI_API_KEY_2", "ANTHROPIC_OAUTH_TOKEN"):
        own[name] = canaries.new(f"our environment: {name}")
    own["OPENROUTER_API_KEYS"] = f"{canaries.new('our environment: list 1')}, {canaries.new('our environment: list 2')}"
    return file, own
