"""Configuration, environment and references of a gateway, and what one pass leaves to the next."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporter.host.reader_here import reader_here
from exporter.model import (
    GatewayConfig,
    GatewayReading,
    ProblemReason,
    RefSource,
    RefState,
    Resolution,
    Secret,
    SecretRef,
    Source,
    StoreKind,
)
from exporter.reading.reader import Reader
from exporter.reading.shelf import Desk
from exporter.settings import Key, Read, Secrets, Settings, StaticProfile
from tests.reading.quiet_host import QuietHost

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


class Resolver:
    """Says what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[SecretRef, ...], bool]] = []
        self.variables: Mapping[str, Secret] = {}

    def __call__(
        self,
        refs: Iterable[SecretRef],
        config: GatewayConfig,
        variables: Mapping[str, Secret],
        /,
        *,
        seen: bool,
        store_secrets: Mapping[str, Secret],
        allow_exec: bool,
        base_dir: Path,
        home: Path | None = None,
    ) -> Mapping[SecretRef, Resolution]:
        wanted = tuple(refs)
        self.asked.append((wanted, allow_exec))
        self.variables = variables
        return dict.fromkeys(wanted, Resolution(RefState.RESOLVED, secret=Secret(f"secret {len(self.asked)}")))


def reader(home: Path, settings: Settings | None = None, **options: object) -> Reader:
    options.setdefault("host", QuietHost())
    options.setdefault("resolve", Resolver())
    environ = options.pop("environ", {})
    desk = Desk(options.pop("clock", time.time))  # type: ignore[arg-type]
    return Reader(settings or Settings(), environ, home, desk=desk, **options)  # type: ignore[arg-type]


def only(one: Reader, now: datetime = NOW) -> GatewayReading:
    (gateway,) = one.read(now).gateways
    return gateway


def with_refs(home: Path, *sources: RefSource) -> list[SecretRef]:
    refs = [SecretRef(source, "p", "NAME") for source in sources]
    entries = {
        f"openai:{ref.source}": {"type": "api_key", "provider": "openai", "keyRef": {"source": ref.source, "provider": "p", "id": "NAME"}}
        for ref in refs
    }
    write(home / ".openclaw/agents/main/agent/auth-profiles.json", {"profiles": entries})
    return refs


class TestConfiguration:
    def test_its_variables_come_from_the_gateways_environment(self, tmp_path: Path) -> None:
        write(tmp_path / ".openclaw/openclaw.json", {"models": {"providers": {"p": {"baseUrl": "https://${HOST}"}}}})
        host = QuietHost({"HOST": "one.test"})
        one = reader(tmp_path, host=host)
        first = only(one)
        assert first.config is not None
        assert first.config.providers["p"].base_url == "https://one.test"
        assert only(one).config is first.config
        host.variables = {"HOST": Secret("two.test")}
        second = only(one)
        assert second.config is not None
        assert second.config.providers["p"].base_url == "https://two.test"

    def test_a_host_is_asked_once_a_pass(self, tmp_path: Path) -> None:
        write(tmp_path / ".openclaw/openclaw.json", {"models": {"providers": {"p": {"baseUrl": "https://${HOST}"}}}})
        host = QuietHost({"HOST": "one.test"})
        one = reader(tmp_path, host=host)
        only(one)
        before = host.asked
        only(one)
        assert host.asked == before + 1

    def test_a_gateway_without_configuration_has_an_empty_one(self, tmp_path: Path) -> None:
        with_refs(tmp_path)
        one = reader(tmp_path)
        assert only(one).config == GatewayConfig()
        assert only(one) is only(one)


class TestAgentDirectory:
    @pytest.mark.parametrize("name", ["OPENCLAW_AGENT_DIR", "PI_CODING_AGENT_DIR"])
    def test_our_variables_move_the_default_agent(self, tmp_path: Path, name: str) -> None:
        write(tmp_path / ".openclaw/openclaw.json", {})
        write(tmp_path / "moved/auth-profiles.json", {"profiles": {"openai:a": {"type": "api_key", "provider": "openai", "key": "k"}}})
        gateway = only(reader(tmp_path, environ={name: "~/moved"}))
        assert [agent.agent_dir for agent in gateway.agents] == [str(tmp_path / "moved")]
        assert gateway.agents[0].local is not None
        assert set(gateway.agents[0].local.profiles) == {"openai:a"}


class TestReferences:
    def test_they_are_collected_everywhere(self, tmp_path: Path) -> None:
        with_refs(tmp_path, RefSource.ENV)
        provider = {"apiKey": {"source": "env", "provider": "default", "id": "FROM_CONFIG"}}
        write(tmp_path / ".openclaw/openclaw.json", {"models": {"providers": {"p": provider}}})
        catalogue = {"providers": {"q": {"apiKey": {"source": "env", "provider": "default", "id": "FROM_CATALOGUE"}}}}
        write(tmp_path / ".openclaw/agents/main/agent/models.json", catalogue)
        assert {ref.id for ref in only(reader(tmp_path)).resolutions} == {"NAME", "FROM_CONFIG", "FROM_CATALOGUE"}

    def test_only_variables_that_count_resolve_them(self, tmp_path: Path) -> None:
        with_refs(tmp_path, RefSource.ENV)
        resolver = Resolver()
        only(reader(tmp_path, host=QuietHost({"A": "1"}), resolve=resolver))
        assert set(resolver.variables) == {"A"}
        only(reader(tmp_path, host=QuietHost({"A": "1"}, seen=False), resolve=resolver))
        assert set(resolver.variables) == set()

    def test_programs_do_not_run_unless_allowed(self, tmp_path: Path) -> None:
        with_refs(tmp_path, RefSource.EXEC, RefSource.FILE)
        write(tmp_path / ".openclaw/openclaw.json", {})
        resolver = Resolver()
        only(reader(tmp_path, resolve=resolver))
        assert [allowed for _, allowed in resolver.asked] == [False, False]

    def test_programs_run_at_most_every_quarter_of_an_hour(self, tmp_path: Path) -> None:
        (program,) = with_refs(tmp_path, RefSource.EXEC)
        write(tmp_path / ".openclaw/openclaw.json", {})
        resolver, clock = Resolver(), [1_000_000.0]
        one = reader(tmp_path, Settings(secrets=Secrets(exec=True)), resolve=resolver, clock=lambda: clock[0])
        first = only(one)
        assert first.resolutions[program].secret == Secret("secret 1")
        clock[0] += 899
        assert only(one).resolutions is first.resolutions
        clock[0] += 2
        assert only(one).resolutions[program].secret == Secret("secret 2")
        assert [allowed for _, allowed in resolver.asked] == [True, True]

    def test_files_are_looked_at_every_time(self, tmp_path: Path) -> None:
        (file,) = with_refs(tmp_path, RefSource.FILE)
        write(tmp_path / ".openclaw/openclaw.json", {})
        one = reader(tmp_path)
        assert only(one).resolutions[file].secret == Secret("secret 1")
        assert only(one).resolutions[file].secret == Secret("secret 2")

    def test_without_the_configuration_aliases_mean_nothing(self, tmp_path: Path) -> None:
        file, program, variable = with_refs(tmp_path, RefSource.FILE, RefSource.EXEC, RefSource.ENV)
        write(tmp_path / ".openclaw/openclaw.json", "{")
        resolver = Resolver()
        found = only(reader(tmp_path, resolve=resolver)).resolutions
        assert found[file].state is found[program].state is RefState.UNCHECKED
        assert found[variable].state is RefState.RESOLVED


LOGIN = {"claudeAiOauth": {"accessToken": "a", "refreshToken": "r", "expiresAt": 1796083206684}}


class TestLogins:
    def test_each_gateway_of_a_home_gets_them(self, tmp_path: Path) -> None:
        write(tmp_path / ".claude/.credentials.json", LOGIN)
        for name in (".openclaw", ".openclaw-work"):
            write(tmp_path / name / "openclaw.json", {})
        reading = reader(tmp_path).read(NOW)
        assert [[login.id for login in gateway.cli_logins] for gateway in reading.gateways] == [["cli:claude-code"]] * 2

    def test_they_can_be_switched_off(self, tmp_path: Path) -> None:
        write(tmp_path / ".claude/.credentials.json", LOGIN)
        write(tmp_path / ".openclaw/openclaw.json", {})
        assert only(reader(tmp_path, Settings(read=Read(cli_logins=False)))).cli_logins == ()

    def test_every_program_has_its_place(self, tmp_path: Path) -> None:
        plain = {"access_token": "a", "refresh_token": "r", "expiry_date": 1796083206684}
        write(tmp_path / ".claude/.credentials.json", LOGIN)
        write(tmp_path / ".codex/auth.json", {"tokens": {"access_token": "a", "refresh_token": "r"}})
        for name in ("gemini", "qwen", "minimax"):
            write(tmp_path / f".{name}/oauth_creds.json", plain)
        write(tmp_path / ".openclaw/openclaw.json", {})
        gateway = only(reader(tmp_path))
        assert [login.id for login in gateway.cli_logins] == ["cli:claude-code", "cli:codex", "cli:gemini-cli", "cli:qwen", "cli:minimax"]
        assert [source.ref.store for source in gateway.sources].count(StoreKind.CLI_LOGIN) == 1

    def test_one_broken_login_shows_in_the_one_source_of_all(self, tmp_path: Path) -> None:
        write(tmp_path / ".claude/.credentials.json", LOGIN)
        write(tmp_path / ".qwen/oauth_creds.json", "{")
        write(tmp_path / ".openclaw/openclaw.json", {})
        gateway = only(reader(tmp_path))
        (source,) = [source for source in gateway.sources if source.ref.store is StoreKind.CLI_LOGIN]
        assert not source.up
        assert ".qwen" in source.ref.path
        assert [login.id for login in gateway.cli_logins] == ["cli:claude-code"]

    def test_codex_may_have_moved(self, tmp_path: Path) -> None:
        write(tmp_path / "codex/auth.json", {"OPENAI_API_KEY": "sk-fake"})
        write(tmp_path / ".openclaw/openclaw.json", {})
        gateway = only(reader(tmp_path, environ={"CODEX_HOME": "~/codex"}))
        assert [login.id for login in gateway.cli_logins] == ["cli:codex"]

    def test_without_any_gateway_they_stand_alone(self, tmp_path: Path) -> None:
        write(tmp_path / ".claude/.credentials.json", LOGIN)
        one = reader(tmp_path)
        gateway = only(one)
        assert (gateway.gateway, [agent.agent for agent in gateway.agents]) == ("static", ["main"])
        assert [login.id for login in gateway.cli_logins] == ["cli:claude-code"]
        assert only(one) is gateway

    def test_without_anything_there_is_nothing(self, tmp_path: Path) -> None:
        reading = reader(tmp_path).read(NOW)
        assert reading.gateways == ()
        assert str(tmp_path / ".openclaw") in reading.searched


class TestStaticProfiles:
    @staticmethod
    def read(home: Path, *profiles: StaticProfile, exec: bool = False, environ: Mapping[str, str] | None = None) -> GatewayReading:
        settings = Settings(static_profiles=profiles, secrets=Secrets(exec=exec))
        return only(reader(home, settings, environ=environ or {}))

    def test_a_key_from_a_variable(self, tmp_path: Path) -> None:
        gateway = self.read(
            tmp_path, StaticProfile("openai:ci", "openai", Key(env="CI_KEY"), "https://x.test"), environ={"CI_KEY": " k \n"}
        )
        (profile,) = gateway.static_profiles
        assert (profile.id, profile.provider, profile.source) == ("openai:ci", "openai", Source.STATIC)
        assert profile.credential.secret == Secret("k")
        assert profile.credential.attributes["baseUrl"] == "https://x.test"
        assert gateway.environment.seen

    def test_a_key_from_a_file(self, tmp_path: Path) -> None:
        file = write(tmp_path / "key", "k\n")
        gateway = self.read(tmp_path, StaticProfile("a", "openai", Key(file=file)))
        assert gateway.static_profiles[0].credential.secret == Secret("k")

    def test_a_key_from_the_credentials_of_the_service(self, tmp_path: Path) -> None:
        write(tmp_path / "credentials/openai", "k")
        environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
        gateway = self.read(tmp_path, StaticProfile("a", "openai", Key(file=Path("openai"))), environ=environ)
        assert gateway.static_profiles[0].credential.secret == Secret("k")

    @pytest.mark.parametrize("key", [Key(env="GONE"), Key(file=Path("/nowhere/key"))], ids=["variable", "file"])
    def test_a_key_that_is_not_there_does_not_resolve(self, tmp_path: Path, key: Key) -> None:
        gateway = self.read(tmp_path, StaticProfile("a", "openai", key))
        ref = gateway.static_profiles[0].credential.secret_ref
        assert ref is not None
        assert gateway.resolutions[ref].state is RefState.UNRESOLVED

    def test_a_date_makes_it_a_token(self, tmp_path: Path) -> None:
        gateway = self.read(tmp_path, StaticProfile("a", "openai", Key(env="K"), expires_at=NOW + timedelta(days=1)), environ={"K": "k"})
        credential = gateway.static_profiles[0].credential
        assert credential.expiry.at == NOW + timedelta(days=1)
        assert credential.kind.value == "token"

    def test_a_program_runs_only_when_allowed(self, tmp_path: Path) -> None:
        wanted = StaticProfile("a", "openai", Key(exec=("/bin/sh", "-c", f"echo k; touch {tmp_path}/ran")))
        gateway = self.read(tmp_path, wanted)
        ref = gateway.static_profiles[0].credential.secret_ref
        assert ref is not None
        assert gateway.resolutions[ref].state is RefState.UNCHECKED
        assert not (tmp_path / "ran").exists()
        assert self.read(tmp_path, wanted, exec=True).static_profiles[0].credential.secret == Secret("k")

    @pytest.mark.parametrize("command", [("/bin/false",), ("/nowhere",), ("/bin/true",)])
    def test_a_program_that_gives_nothing_does_not_resolve(self, tmp_path: Path, command: tuple[str, ...]) -> None:
        gateway = self.read(tmp_path, StaticProfile("a", "openai", Key(exec=command)), exec=True)
        assert [resolution.state for resolution in gateway.resolutions.values()] == [RefState.UNRESOLVED]

    def test_what_a_program_leaves_behind_does_not_hold_us_up(self, tmp_path: Path) -> None:
        wanted = StaticProfile("a", "openai", Key(exec=("/bin/sh", "-c", "echo k; sleep 600 & ")))
        one = reader(tmp_path, Settings(static_profiles=(wanted,), secrets=Secrets(exec=True)))
        assert only(one).static_profiles

    def test_they_stand_beside_real_gateways(self, tmp_path: Path) -> None:
        write(tmp_path / ".openclaw/openclaw.json", {})
        write(tmp_path / ".claude/.credentials.json", LOGIN)
        settings = Settings(static_profiles=(StaticProfile("a", "openai", Key(env="K")),))
        openclaw, static = reader(tmp_path, settings).read(NOW).gateways
        assert openclaw.cli_logins
        assert not static.cli_logins


def test_the_real_host_and_resolver_fit(tmp_path: Path) -> None:
    with_refs(tmp_path, RefSource.ENV)
    write(tmp_path / ".openclaw/.env", "OPENAI_API_KEY=sk-fake\n")
    one = reader_here(Settings(), {}, tmp_path)
    gateway = only(one)
    assert gateway.resolutions
    assert any("OPENAI_API_KEY" in layer.variables for layer in gateway.environment.layers)
    assert StoreKind.DOTENV in {source.ref.store for source in gateway.sources}
    assert not one.changed()
    write(tmp_path / ".openclaw/.env", "OPENAI_API_KEY=sk-other\n")
    assert one.changed()
    assert [problem.reason for problem in gateway.problems if problem.reason is not ProblemReason.BAD_VALUE] == []
