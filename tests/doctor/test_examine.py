"""Every check of the doctor, both ways: what it says of trouble, and that it is silent without."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.checking import check
from exporter.cli import diagnosis
from exporter.doctor.examine import CHECKS, NOTHING_THERE, examine
from exporter.doctor.report import ChannelState, Group, Installation, Level, OwnPlace, OwnUnit, Report
from exporter.model import (
    Credential,
    CredentialKind,
    Environment,
    EnvLayer,
    EnvPlace,
    Era,
    Family,
    GatewayReading,
    Problem,
    ProblemReason,
    Profile,
    RefSource,
    RefState,
    Resolution,
    Secret,
    SecretRef,
    StoreKind,
    Usage,
)
from exporter.traces import GatewayRun, Guarded, HostFacts, Lock, LockKind, OpenPlace, SessionPins, Traces
from exporter.verdict import DriftFact, Snapshot
from tests.builders import HOUR, NOW, agent, at, config, document, environment, gateway, judged, key, oauth, profile, token

HEALTHY = Installation(
    settings="/etc/x.yaml",
    places=(OwnPlace("our state directory", "/s", 0o700, True),),
    channels=(ChannelState("ops", True),),
    units=(OwnUnit("model-auth-exporter.timer", "/u", True, NOW - HOUR),),
    serving=True,
    time_synchronised=True,
)
RUN = HostFacts(GatewayRun(41, NOW - HOUR, "2026.9.6"), "openclaw-gateway.service", True, 18789, True)


def found(report: Report, check_id: str) -> list[tuple[Level, str]]:
    return [(result.level, result.trouble.what) for result in report.results if result.check.id == check_id]


def of_gateway(**changes: object) -> Report:
    defaults: dict[str, object] = {"host": RUN, "config": config(version="2026.9.6"), "era": Era.SHARED_DB, "shared": document()}
    return examine(judged(gateway(**(defaults | changes))), HEALTHY)


def holding(*profiles: Profile, usage: Mapping[str, Usage] | None = None, **changes: object) -> Report:
    local = document(*profiles, usage=usage)
    return examine(judged(gateway(agent(local=local), host=RUN, **changes)), HEALTHY)


def with_problem(reason: ProblemReason, *, fatal: bool = True) -> Report:
    return of_gateway(problems=(Problem("openclaw", "main", StoreKind.AUTH_PROFILES, reason, "/x", fatal),))


def with_open(what: Guarded, mode: int = 0o644, *, directory: bool = False) -> Report:
    return of_gateway(traces=Traces(open_places=(OpenPlace(what, "/x/y", mode, directory=directory),)))


def with_drift(name: str, kind: str = "x") -> Report:
    snapshot = judged(gateway())
    return examine(replace(snapshot, drift=(DriftFact("openclaw", kind, "they differ", "main", "anthropic", name=name),)), HEALTHY)


def installed(**changes: object) -> Report:
    return examine(judged(gateway()), replace(HEALTHY, **changes))  # type: ignore[arg-type]


COPILOT = Environment(True, "seen", (EnvLayer(EnvPlace.PROCESS, {"GITHUB_TOKEN": Secret("ghp_0123456789")}),))
REF = SecretRef(RefSource.ENV, "default", "GONE")
REFERRING = Credential(CredentialKind.API_KEY, secret_ref=REF)
UNRESOLVED = {REF: Resolution(RefState.UNRESOLVED, "SECRET_REF_NOT_FOUND")}
CRITICAL, WARNING, INFO, UNKNOWN = Level.CRITICAL, Level.WARNING, Level.INFO, Level.UNKNOWN

TIMER = "model-auth-exporter-check.timer"
TROUBLES = [
    ("installation.settings", installed(settings=""), INFO, "the defaults are in effect"),
    ("installation.places", installed(places=(OwnPlace("our journal", "/s/j", 0o644),)), WARNING, "open to other users (644, should be 600)"),
    ("installation.places", installed(places=(OwnPlace("our journal", "/s/j", None, fault="disk full"),)), WARNING, "disk full"),
    ("installation.channels", installed(channels=()), INFO, "nobody is told"),
    ("installation.channels", installed(channels=(ChannelState("ops", False, "refused"),)), CRITICAL, "ops cannot be reached: refused"),
    ("installation.channels", installed(channels=(ChannelState("ops"),)), INFO, "not asked without --network"),
    ("schedule.running", installed(serving=False, units=()), INFO, "neither a service nor a timer"),
    (
        "schedule.running",
        installed(serving=False, units=(OwnUnit("model-auth-exporter.service", "/u", True),)),
        CRITICAL,
        "nothing answers on our own address",
    ),
    ("schedule.running", installed(serving=False, units=(), others=("/etc/cron.d/x",)), INFO, "by another schedule"),
    ("schedule.timers", installed(serving=False, units=(OwnUnit(TIMER, "/u", False),)), WARNING, "not enabled"),
    ("schedule.timers", installed(units=(OwnUnit(TIMER, "/u", True, NOW - 60 * HOUR),)), WARNING, "last fired 2d 12h ago"),
    (
        "schedule.timers",
        installed(units=(OwnUnit(TIMER, "/u", True, NOW - 2 * HOUR, every=HOUR / 2),)),
        WARNING,
        "last fired 2h ago; it should every 30m",
    ),
    ("clock.offset", examine(replace(judged(gateway()), clock_held="it shows 1970"), HEALTHY), CRITICAL, "it shows 1970"),
    ("clock.synchronised", installed(time_synchronised=False), WARNING, "has not synchronised"),
    ("clock.synchronised", installed(time_synchronised=None), UNKNOWN, "cannot be seen"),
    ("gateways.found", examine(Snapshot(NOW), HEALTHY), WARNING, "no gateway was found"),
    ("gateways.found", with_problem(ProblemReason.NO_GATEWAY), CRITICAL, "is not there"),
    ("gateways.running", of_gateway(host=replace(RUN, run=None)), WARNING, "starts by itself, but no process"),
    ("gateways.running", of_gateway(host=replace(RUN, run=None, enabled=False)), INFO, "does not run"),
    ("gateways.running", of_gateway(host=HostFacts()), INFO, "no service and no process"),
    ("gateways.running", of_gateway(host=HostFacts(), environment=environment(seen=False)), UNKNOWN, "cannot be read"),
    ("gateways.port", of_gateway(host=replace(RUN, answers=False)), WARNING, "nothing answers on its port 18789"),
    ("gateways.release", of_gateway(), INFO, "release 2026.9.6, stores of generation shared-db"),
    ("gateways.release", of_gateway(config=config(version="2026.10.1")), WARNING, "written by release 2026.10.1"),
    ("gateways.stale", with_drift("GatewayStale"), WARNING, "they differ"),
    ("gateways.migration", holding(profile(), config=config(version="2026.9.6")), WARNING, "still in JSON files"),
    ("gateways.migration", of_gateway(era=Era.AGENT_DB), INFO, "still in the main agent's"),
    ("agents.copies", with_drift("AgentDrift"), WARNING, "they differ"),
    ("agents.folders", with_drift("AgentDirMismatch"), INFO, "they differ"),
    ("agents.order", with_drift("OrderNamesGhost"), WARNING, "they differ"),
    ("agents.sessions", of_gateway(traces=Traces(sessions=(SessionPins("main", (("anthropic:x", 2),)),))), WARNING, "2 sessions of agent main"),
    ("credentials.usable", of_gateway(), CRITICAL, "anthropic: nothing usable (no credential)"),
    ("credentials.usable", holding(profile("anthropic:a", token(at(-HOUR)))), CRITICAL, "nothing usable (anthropic:a: "),
    ("credentials.check", of_gateway(), CRITICAL, "`check` ends with 1"),
    ("credentials.spare", holding(profile(), profile("anthropic:b", token(at(-HOUR)))), INFO, "one usable profile is left"),
    ("credentials.expiry", holding(profile("anthropic:a", token(at(-HOUR)))), WARNING, "anthropic:a: its date has passed"),
    ("credentials.expiry", holding(profile("anthropic:a", token(at(HOUR)))), WARNING, "anthropic:a: ends at"),
    (
        "credentials.renewal",
        holding(
            profile("anthropic:a", oauth(at(-2 * HOUR))),
            usage={"anthropic:a": Usage(last_failure_at=NOW - HOUR, cooldown_reason="auth", failure_counts={"auth": 1})},
        ),
        WARNING,
        "its renewal is overdue",
    ),
    (
        "credentials.cooldowns",
        holding(profile(), usage={"anthropic:a": Usage(disabled_until=NOW + HOUR, disabled_reason="billing")}),
        WARNING,
        "anthropic:a: disabled:billing until",
    ),
    ("credentials.entries", holding(profile("anthropic:a", key(None))), WARNING, "missing_credential"),
    ("credentials.references", holding(profile("anthropic:a", REFERRING), resolutions=UNRESOLVED), WARNING, "env reference cannot be resolved"),
    ("credentials.oauth_secret_ref", with_problem(ProblemReason.OAUTH_SECRET_REF), CRITICAL, "refuses to start"),
    ("credentials.deprecated_cli", holding(profile("anthropic:claude-cli", oauth(at(HOUR)))), WARNING, "older releases made"),
    ("credentials.default_login", holding(profile("anthropic:default", oauth(at(HOUR)))), INFO, "renamed to anthropic:<email>"),
    (
        "credentials.legacy_codex",
        of_gateway(shared=document(profile("openai-codex:default", oauth(at(HOUR))))),
        WARNING,
        "became openai",
    ),
    ("environment.seen", of_gateway(environment=environment(seen=False)), WARNING, "cannot be read"),
    ("environment.drift", with_drift("EnvDrift"), WARNING, "they differ"),
    ("environment.keys", of_gateway(environment=environment({"GROQ_API_KEY": "gsk_0123456789"})), INFO, "GROQ_API_KEY: this shell (in force)"),
    ("environment.copilot", of_gateway(environment=COPILOT, config=config("github-copilot/gpt-5")), WARNING, "COPILOT_GITHUB_TOKEN only"),
    ("stores.readable", with_problem(ProblemReason.INVALID_SYNTAX), CRITICAL, "auth-profiles: invalid syntax"),
    ("stores.readable", with_problem(ProblemReason.BAD_ENTRY, fatal=False), INFO, "bad entry"),
    ("stores.migration", with_problem(ProblemReason.MIGRATION_REQUIRED), CRITICAL, "the JSON store beside it is not"),
    ("stores.split", with_drift("StoreSplit"), WARNING, "they differ"),
    ("stores.vanished", with_drift("ProfileVanished"), WARNING, "they differ"),
    ("stores.cli_sync", with_drift("CliSyncStale"), WARNING, "they differ"),
    ("stores.keychain", with_drift("SourceLocked"), WARNING, "they differ"),
    (
        "stores.locks",
        of_gateway(traces=Traces(locks=(Lock(LockKind.STORE, "/x.lock", "main", NOW - HOUR, pid=9, alive=False),))),
        WARNING,
        "process 9, which is gone",
    ),
    ("permissions.auth_profiles", with_open(Guarded.AUTH_STORE), WARNING, "open to other users (644, should be 600)"),
    ("permissions.auth_profiles", with_open(Guarded.AUTH_STORE, 0o666), CRITICAL, "666"),
    ("permissions.agent_dirs", with_open(Guarded.AGENT_DIR, 0o755, directory=True), WARNING, "should be 700"),
    ("permissions.credentials_dir", with_open(Guarded.CREDENTIALS_DIR, 0o755, directory=True), WARNING, "should be 700"),
    ("permissions.state_dir", with_open(Guarded.STATE_DIR, 0o777, directory=True), CRITICAL, "should be 700"),
    ("permissions.config", with_open(Guarded.CONFIG), WARNING, "the configuration"),
    ("permissions.environment", with_open(Guarded.ENVIRONMENT), WARNING, "an environment file"),
    ("permissions.backups", with_open(Guarded.BACKUP), WARNING, "a backup"),
    ("stores.remoteclaw", holding(profile("anthropic:a", token(at(HOUR))), family=Family.REMOTECLAW), INFO, "never looks at a date"),
]  # fmt: skip


@pytest.mark.parametrize(("check_id", "report", "level", "words"), TROUBLES, ids=[f"{row[0]}: {row[3][:24]}" for row in TROUBLES])
def test_a_trouble_is_told(check_id: str, report: Report, level: Level, words: str) -> None:
    assert any(said is level and words in what for said, what in found(report, check_id)), found(report, check_id)


def healthy() -> GatewayReading:
    shared = document(profile("anthropic:a", token(at(900 * HOUR))), profile("anthropic:b", token(at(900 * HOUR), "tok-other-0123")))
    return gateway(agent(), era=Era.SHARED_DB, shared=shared, host=RUN, config=config(version="2026.9.6"))


def test_a_healthy_host_has_nothing_to_put_right() -> None:
    report = examine(judged(healthy()), HEALTHY)
    assert {(result.check.id, result.trouble.what) for result in report.results if result.level in (CRITICAL, WARNING)} == set()
    assert report.exit == 0
    assert {result.level for result in report.results} == {INFO, Level.OK}


def test_every_check_is_tried_here() -> None:
    assert {row[0] for row in TROUBLES} == {check.id for check in CHECKS}


def test_check_ids_are_unique_and_well_formed() -> None:
    ids = [check.id for check in CHECKS]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", check_id) for check_id in ids)


def test_every_check_gives_a_result_every_time() -> None:
    for report in (examine(Snapshot(NOW), Installation()), examine(judged(healthy()), HEALTHY), of_gateway()):
        assert {result.check.id for result in report.results} == {check.id for check in CHECKS}


def test_without_a_gateway_nothing_is_called_fine() -> None:
    report = examine(Snapshot(NOW), HEALTHY)
    assert found(report, "stores.readable") == [(UNKNOWN, NOTHING_THERE)]


def test_the_most_serious_comes_first() -> None:
    levels = [result.level for result in of_gateway(environment=environment(seen=False)).results]
    assert levels == sorted(levels, key=list(Level).index)


def test_groups_follow_their_order_within_a_level() -> None:
    fine = [result.check.group for result in examine(judged(healthy()), HEALTHY).results if result.level is Level.OK]
    assert fine == sorted(fine, key=list(Group).index)


EXITS = [("nothing usable", agent(), 1), ("ends soon", agent(local=document(profile("anthropic:a", token(at(HOUR))))), 2)]


@pytest.mark.parametrize(("one", "code"), [row[1:] for row in EXITS], ids=[row[0] for row in EXITS])
def test_the_report_is_never_kinder_than_check(one: object, code: int) -> None:
    snapshot = judged(gateway(one, host=RUN))  # type: ignore[arg-type]
    assert check(snapshot).exit == code == examine(snapshot, HEALTHY).exit


def test_only_what_is_ours_may_be_repaired() -> None:
    report = examine(
        judged(gateway(traces=Traces(open_places=(OpenPlace(Guarded.AUTH_STORE, "/x", 0o666),)))),
        replace(HEALTHY, places=(OwnPlace("our journal", "/s/j", 0o644),)),
    )
    assert [place.path for place in report.repairs()] == ["/s/j"]


def test_a_credential_several_agents_inherit_is_told_once() -> None:
    shared = document(profile("anthropic:a", token(at(-HOUR))))
    report = examine(judged(gateway(agent("main"), agent("work"), era=Era.SHARED_DB, shared=shared, host=RUN)), HEALTHY)
    assert len(found(report, "credentials.expiry")) == 1


def test_timers_that_never_left_a_stamp_are_not_blamed() -> None:
    assert found(installed(units=(OwnUnit("model-auth-exporter.timer", "/u", True),)), "schedule.timers")[0][0] is Level.OK
    assert timedelta(hours=26) > timedelta(days=1)


def test_a_timer_that_the_daemon_makes_needless_is_no_trouble() -> None:
    waiting = (OwnUnit(TIMER, "/u", False),)
    for changes in (
        {"serving": True},
        {"others": ("/etc/cron.d/x",)},
        {"units": (*waiting, OwnUnit("model-auth-exporter.timer", "/v", True))},
    ):
        report = installed(**{"units": waiting, "serving": False, **changes})
        assert [result.level for result in report.results if result.check.id == "schedule.timers"] == [Level.OK]


def test_units_of_the_system_are_not_restarted_as_a_users() -> None:
    unit = OwnUnit("model-auth-exporter.service", "/etc/systemd/system/x", True, system=True)
    (found,) = [r for r in installed(serving=False, units=(unit,)).results if r.check.id == "schedule.running"]
    assert found.trouble.commands[0] == "sudo systemctl restart model-auth-exporter.service"


def test_a_report_fits_a_narrow_terminal_but_for_what_is_copied() -> None:
    report = holding(profile("anthropic:a", token(at(-HOUR))), traces=Traces(open_places=(OpenPlace(Guarded.CONFIG, "/x/y", 0o644),)))
    narrow, wide = (diagnosis.lines(report, unicode=True, columns=columns) for columns in (40, None))
    assert [line for line in narrow if len(line) > 40] == [
        line for line in wide if len(line) > 40 and line.startswith(("    run", "    at"))
    ]
    assert " ".join(" ".join(narrow).split()) == " ".join(" ".join(wide).split())
