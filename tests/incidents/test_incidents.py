"""The incident classes users reported, each as a world in virtual time: exactly the named notices, then the repair, then the end."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from exporter.alerting.notice import NoticeKind
from exporter.findings.context import Ourselves
from exporter.model import GatewayReading, Usage
from exporter.outcome import Outcome, ProbeStatus
from tests.builders import HOUR, NOW, agent, config, document, gateway, key, oauth, profile, token
from tests.troubles import DAY, KEY, LOGIN, MINUTE, NEW, OLD, SPARE, TROUBLES, Scene, ago, probed, store
from tests.virtual import World, names, outcome, subject

FIRING, RESOLVED = NoticeKind.FIRING, NoticeKind.RESOLVED
LIFE = 8 * HOUR


def trouble(name: str) -> tuple[Scene, Scene]:
    found = next(entry for entry in TROUBLES if entry.name == name)
    return found.sick, found.well


def _play(world: World, sick: Scene, well: Scene) -> list[tuple[str, str, set[str]]]:
    sick.show(world, 15 * MINUTE)
    well.show(world, 10 * MINUTE)
    return names(world.told)


def usage(**changes: object) -> Usage:
    return replace(Usage(last_failure_at=ago(MINUTE)), **changes)  # type: ignore[arg-type]


def parked(credential: object = KEY, **changes: object) -> Scene:
    return Scene((store(profile("anthropic:a", credential), usage={"anthropic:a": usage(**changes)}),))  # type: ignore[arg-type]


def _lost() -> tuple[Scene, Scene]:
    used = {"anthropic:a": Usage(last_used_at=ago(HOUR))}
    return Scene((store(usage=used),)), Scene((store(profile("anthropic:a", KEY), usage=used),))


RECOVERED = parked(last_used_at=NOW + 16 * MINUTE)
BOTH = {"RedundancyLost"}
CASES = (
    ("I01 expired but called fine", *trouble("Expired"), "warning", {"Expired"}),
    ("I04 revoked though its date is ahead", *trouble("Rejected"), "warning", {"Rejected"} | BOTH),
    (
        "I05 cooldown of three hours, provider answers 200",
        Scene(parked(cooldown_until=NOW + 3 * HOUR).gateways, {subject("anthropic:a"): outcome(KEY, ProbeStatus.OK)}),
        Scene(RECOVERED.gateways, {subject("anthropic:a"): outcome(KEY, ProbeStatus.OK)}),
        "warning",
        {"CooldownContradicted", "CooldownLong"} | BOTH,
    ),
    (
        "I06 throttle stored as billing",
        Scene(
            parked(disabled_until=NOW + HOUR, disabled_reason="billing").gateways,
            {subject("anthropic:a"): outcome(KEY, ProbeStatus.RATE_LIMIT)},
        ),
        Scene(RECOVERED.gateways, {subject("anthropic:a"): outcome(KEY, ProbeStatus.OK)}),
        "warning",
        {"BillingDisabled", "ReasonMismatch"},
    ),
    ("I07 out for billing", *trouble("BillingDisabled"), "warning", {"BillingDisabled"} | BOTH),
    (
        "I08 one model limited, the profile serves others",
        *trouble("CooldownLong"),
        "warning",
        {"CooldownLong"},
    ),
    ("I09 CLI login newer than the gateway's copy", *trouble("CliSyncStale"), "warning", {"CliSyncStale"}),
    ("I10 service and shell see different keys", *trouble("EnvDrift"), "warning", {"EnvDrift"}),
    ("I11 keychain locked", *trouble("SourceLocked"), "warning", {"SourceLocked"}),
    ("I12 agents' copies differ", *trouble("AgentDrift"), "warning", {"AgentDrift"}),
    ("I13 another folder consulted", *trouble("AgentDirMismatch"), "warning", {"AgentDirMismatch"}),
    ("I14 store corrupted", *trouble("StoreUnreadable"), "critical", {"StoreUnreadable"}),
    ("I14 a profile that was in use is gone", *_lost(), "warning", {"ProfileVanished"}),
    ("I14 order names a ghost", *trouble("OrderNamesGhost"), "warning", {"OrderNamesGhost"}),
    ("I15 migration half done", *trouble("StoreSplit"), "warning", {"StoreSplit"}),
    ("I16 lock held for ever", *trouble("LockStuck"), "warning", {"LockStuck"}),
    ("I17 gateway keeps the old login", *trouble("GatewayStale"), "warning", {"GatewayStale"}),
    ("I18 secret reference unresolved", *trouble("SecretRefUnresolved"), "warning", {"SecretRefUnresolved"} | BOTH),
    ("I19 subscription used up", *trouble("QuotaExhausted"), "warning", {"QuotaExhausted"} | BOTH),
    ("I20 running on the last of two", *trouble("RedundancyLost"), "warning", {"Expired"} | BOTH),
    ("I21 clock off", *trouble("ClockSkew"), "warning", {"ClockSkew"}),
    ("I25 refresh fence orphaned", *trouble("RefreshOrphaned"), "warning", {"RefreshOrphaned"} | BOTH),
    ("I26 nothing of the default provider usable", *trouble("ProviderDown"), "critical", {"ProviderDown", "Expired"}),
    ("I27 a channel cannot be reached", *trouble("DeliveryFailing"), "critical", {"DeliveryFailing"}),
)


@pytest.mark.parametrize(("sick", "well", "severity", "named"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_incident_is_told_once_and_its_end_once(sick: Scene, well: Scene, severity: str, named: set[str]) -> None:
    told = _play(World(), sick, well)
    fired = [notice for notice in told if notice[0] == "firing"]
    assert set().union(*(notice[2] for notice in fired)) == named
    assert {notice[1] for notice in fired} == {severity}
    assert len(fired) <= 2  # what needs a longer hold may come a little later
    assert [notice[0] for notice in told if notice[0] != "firing"] == ["resolved"] or sum(n[0] == "resolved" for n in told) <= 2
    assert told[-1][0] == "resolved"


def test_every_class_of_incident_has_a_scenario() -> None:
    """Most are here; what needs a real process, disk or channel is told by name in its own file."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in Path(__file__).parents[1].rglob("test_*.py"))
    assert [number for number in range(1, 29) if not re.search(rf"\bI{number:02}\b|test_i{number:02}_", text)] == []


def test_i01_the_words_say_that_the_gateway_still_calls_it_fine() -> None:
    world = World()
    expired = replace(oauth(), expiry=OLD.expiry, refresh=None)
    Scene((store(profile("anthropic:a", expired)),)).show(world)
    assert "anthropic:a ran out 1h" in world.told[0].title


def test_i08_the_words_name_the_model() -> None:
    world = World()
    trouble("CooldownLong")[0].show(world)
    assert "claude-haiku-4-5" in world.told[0].title
    assert "still serves its other models" in world.told[0].plain


class Login:
    """An 8 h login that the gateway renews on its next use, in a world of working days and idle nights."""

    def __init__(self, *, renews_until: datetime, used_until: datetime) -> None:
        self.renews_until, self.used_until = renews_until, used_until
        self.ends, self.number, self.usage = NOW + LIFE, 0, Usage()

    def pass_time(self, now: datetime) -> GatewayReading:
        busy = now < self.used_until and 8 <= now.hour < 20 and now.minute % 10 == 0
        if busy and now >= self.ends and now < self.renews_until:
            self.ends, self.number = now + LIFE, self.number + 1
        if busy and now < self.ends:
            self.usage = Usage(last_used_at=now)
        elif busy:
            self.usage = Usage(
                self.usage.last_used_at,
                now,
                error_count=1,
                failure_counts={"auth": 1},
                cooldown_until=now + timedelta(seconds=30),
                cooldown_reason="auth",
            )
        credential = oauth(replace(OLD.expiry, ms=self.ends.timestamp() * 1000), f"access-{self.number}", f"refresh-{self.number}")
        return gateway(agent(local=document(profile("anthropic:login", credential), usage={"anthropic:login": self.usage})))


def _days(world: World, login: Login, days: int, every: timedelta = 2 * MINUTE) -> None:
    end = world.now + days * DAY
    while world.now < end:
        world.look(login.pass_time(world.now))
        world.wait(every)


def test_i02_thirty_days_of_a_renewing_login_are_silent_idle_nights_included() -> None:
    world = World()
    _days(world, Login(renews_until=NOW + 99 * DAY, used_until=NOW + 99 * DAY), 30, 10 * MINUTE)
    assert world.told == []


def test_i03_renewal_stops_while_use_goes_on_one_warning_then_one_page_then_the_end() -> None:
    world = World()
    login = Login(renews_until=NOW + DAY, used_until=NOW + 99 * DAY)
    _days(world, login, 2)
    fired = [notice for notice in world.told if notice.kind is FIRING]
    assert names(fired) == [("firing", "warning", {"RefreshOverdue"}), ("firing", "critical", {"ProviderDown", "RefreshOverdue"})]
    assert not [notice for notice in world.told if notice.kind is RESOLVED]
    login.renews_until, before = NOW + 99 * DAY, len(world.told)
    _days(world, login, 1)
    assert names([notice for notice in world.told[before:] if notice.kind is RESOLVED]) == [
        ("resolved", "critical", {"ProviderDown", "RefreshOverdue"})
    ]


def test_i03_both_stop_only_renewal_unproven_after_seven_days() -> None:
    world = World()
    _days(world, Login(renews_until=NOW + DAY, used_until=NOW + DAY), 9, 10 * MINUTE)
    assert [(notice.kind, set(notice.names())) for notice in world.told[:1]] == [(FIRING, {"RenewalUnproven"})]
    assert {name for notice in world.told for name in notice.names()} == {"RenewalUnproven"}
    assert world.told[0].at - NOW > 7 * DAY


def test_i07_windows_that_lapse_and_open_again_are_one_notice_and_one_end() -> None:
    world = World()

    def seen() -> GatewayReading:
        began = NOW + (world.now - NOW) // (20 * MINUTE) * (20 * MINUTE)
        broke = Usage(disabled_until=began + 10 * MINUTE, disabled_reason="billing", last_failure_at=began)
        return store(profile("anthropic:a", KEY), usage={"anthropic:a": broke})

    for _ in range(180):
        world.look(seen())
        world.wait(MINUTE)
    assert names(world.told) == [("firing", "warning", {"BillingDisabled"})]
    world.settle(store(profile("anthropic:a", KEY), usage={"anthropic:a": Usage(world.now, world.now - 5 * MINUTE)}))
    assert names(world.told[1:]) == [("resolved", "warning", {"BillingDisabled"})]


@pytest.mark.parametrize("answer", [ProbeStatus.NETWORK, ProbeStatus.TIMEOUT], ids=str)
def test_i23_a_probe_without_an_answer_neither_pages_nor_ends_what_an_answer_began(answer: ProbeStatus) -> None:
    """No page on a timeout alone; and a refusal is not over because the next probe heard nothing."""
    world, only = World(), gateway(agent(local=document(profile("anthropic:a", NEW))))
    world.settle(only, outcomes={subject("anthropic:a"): outcome(NEW, answer)})
    assert world.told == []
    world.settle(only, outcomes={subject("anthropic:a"): outcome(NEW, ProbeStatus.AUTH, "revoked")})
    assert names(world.told) == [("firing", "critical", {"ProviderDown", "Rejected"})]
    world.settle(only, outcomes={subject("anthropic:a"): outcome(NEW, answer)})
    assert len(world.told) == 1
    world.settle(only, outcomes={subject("anthropic:a"): outcome(NEW, ProbeStatus.OK)})
    assert names(world.told[1:]) == [("resolved", "critical", {"ProviderDown"})]


@pytest.mark.parametrize("span", [timedelta(hours=1), timedelta(hours=-1), 365 * DAY, -365 * DAY, 8 * HOUR], ids=str)
def test_i21_a_clock_that_jumps_and_comes_back_says_nothing_but_itself(span: timedelta) -> None:
    world, healthy = World(), gateway(agent(local=document(profile("anthropic:a", oauth(NEW.expiry)), SPARE)))
    world.settle(healthy)
    world.wait(span)
    world.clock_held = "this machine's clock cannot be right" if abs(span) > DAY else ""
    world.settle(healthy)
    world.wait(-span)
    world.clock_held = ""
    world.settle(healthy)
    assert {name for notice in world.told for name in notice.names()} <= {"ClockSkew"}


def test_i21_nothing_resolves_while_the_clock_is_held() -> None:
    world = World()
    sick, well = trouble("Expired")
    sick.show(world)
    Scene(well.gateways, clock_held="this machine's clock shows 1999").show(world)
    assert [notice.kind for notice in world.told if "Expired" in notice.names()] == [FIRING]
    well.show(world)
    assert {"Expired"} in [notice.names() for notice in world.told if notice.kind is RESOLVED] or {"Expired", "ClockSkew"} in [
        notice.names() for notice in world.told if notice.kind is RESOLVED
    ]


@pytest.mark.parametrize("status", [ProbeStatus.TIMEOUT, ProbeStatus.NETWORK, ProbeStatus.OVERLOADED, ProbeStatus.UNKNOWN])
def test_i23_a_probe_that_got_no_word_pages_nobody(status: ProbeStatus) -> None:
    world = World()
    probed(KEY, outcome(KEY, status)).show(world, HOUR)
    assert world.told == []


@pytest.mark.parametrize("untelling", [None, ProbeStatus.TIMEOUT, ProbeStatus.SKIPPED, ProbeStatus.NO_MODEL], ids=str)
def test_a_refusal_stands_until_a_probe_says_otherwise(untelling: ProbeStatus | None) -> None:
    world = World()
    refused = outcome(NEW, ProbeStatus.AUTH, "revoked")
    gateways = probed(NEW, refused).gateways
    Scene(gateways, {subject("anthropic:a"): refused}).show(world)
    later: dict[object, Outcome] = {} if untelling is None else {subject("anthropic:a"): outcome(NEW, untelling)}
    Scene(gateways, later).show(world)  # type: ignore[arg-type]
    assert not [notice for notice in world.told if notice.kind is RESOLVED and "Rejected" in notice.names()]
    Scene(gateways, {subject("anthropic:a"): outcome(NEW, ProbeStatus.OK)}).show(world)
    assert [notice for notice in world.told if notice.kind is RESOLVED and "Rejected" in notice.names()]


def test_i24_a_token_without_a_date_is_mentioned_when_it_is_old() -> None:
    world = World()
    undated = store(profile("anthropic:setup", token(secret="tok-setup-0123456789")))
    for _ in range(340):
        world.look(undated)
        world.wait(DAY)
    fired = [notice for notice in world.told if notice.kind is FIRING]
    assert [notice.names() for notice in fired] == [{"ExpiryUnknownOld"}]
    assert "an assumption" in fired[0].plain


def test_i12_one_login_of_three_agents_is_one_finding() -> None:
    shared = profile("anthropic:login", OLD)
    world = World()
    world.settle(gateway(*(agent(name, document(shared)) for name in ("main", "work", "ops"))))
    assert len(world.told) == 1
    expired = next(finding for finding in world.found.findings if finding.name == "Expired")
    assert expired.agents == ("main", "work", "ops")
    assert "agents main, work and ops" in world.told[0].title


def test_twenty_profiles_refused_at_once_are_one_message() -> None:
    keys = {f"openai:{n}": key(f"sk-{n:04}-0123456789") for n in range(20)}
    world = World()
    gateways = (gateway(agent(local=document(*(profile(name, secret) for name, secret in keys.items()))), config=config("openai/gpt-5")),)
    refused = {subject(name): outcome(secret, ProbeStatus.AUTH, "invalid") for name, secret in keys.items()}
    Scene(gateways, refused).show(world)
    assert [(len(notice.entries), len(notice.covered)) for notice in world.told] == [(1, 20)]
    assert len(world.told[0].plain.splitlines()) < 40
    partly = dict(list(refused.items())[:15])
    world = World()
    Scene(gateways, partly).show(world)
    assert [len(notice.entries) for notice in world.told] == [15]


def test_a_coming_end_is_announced_by_stages_then_told_then_over() -> None:
    world, ends = World(), NOW + 60 * DAY
    last = gateway(agent(local=document(profile("anthropic:a", token(replace(OLD.expiry, ms=ends.timestamp() * 1000))))))
    while world.now < ends + HOUR:
        world.look(last)
        world.wait(30 * MINUTE)
    fired = [(notice.severity.value, ends - notice.at, set(notice.names())) for notice in world.told if notice.kind is FIRING]
    soon = timedelta(minutes=30)
    expected = [28 * DAY, 14 * DAY, 7 * DAY, 2 * DAY, DAY, 2 * HOUR, timedelta()]
    assert [severity for severity, _, _ in fired] == ["warning"] * 6 + ["critical"]
    assert all(planned - soon <= left <= planned for planned, (_, left, _) in zip(expected, fired, strict=True))
    assert [named for _, _, named in fired[3:]] == [
        {"Expiring"},
        {"Expiring", "ProviderDown"},
        {"Expiring", "ProviderDown"},
        {"Expired", "ProviderDown"},
    ]
    world.settle(
        gateway(
            agent(
                local=document(
                    profile("anthropic:a", token(replace(OLD.expiry, ms=(ends + 400 * DAY).timestamp() * 1000), "tok-next-0123456789"))
                )
            )
        )
    )
    assert [(notice.kind, set(notice.names())) for notice in world.told[-1:]] == [(RESOLVED, {"ProviderDown", "Expired"})]


@pytest.mark.parametrize(("recovery", "paged_after"), [(4 * MINUTE, None), (20 * MINUTE, timedelta())], ids=["soon", "later"])
def test_a_provider_that_comes_back_within_five_minutes_is_waited_for(recovery: timedelta, paged_after: timedelta | None) -> None:
    world = World()
    window = Usage(cooldown_until=NOW + recovery, cooldown_reason="rate_limit", last_failure_at=NOW)
    lone = gateway(agent(local=document(profile("anthropic:a", KEY), usage={"anthropic:a": window})))
    world.settle(lone, span=recovery)
    assert [notice.severity.value for notice in world.told] == ([] if paged_after is None else ["critical"])


def test_a_page_says_what_still_answers() -> None:
    world = World()
    both = document(profile("anthropic:a", OLD), profile("openai:a", key("sk-openai-0123456789")))
    world.settle(gateway(agent(local=both), config=config("anthropic/claude-sonnet-4-5", "openai/gpt-5")))
    assert "Models of openai still answer." in world.told[0].plain


def test_what_nobody_uses_wakes_nobody() -> None:
    world = World()
    world.settle(gateway(agent(local=document(profile("anthropic:a", KEY), profile("openai:old", OLD)))))
    assert world.told == []
    assert [(finding.name, finding.severity.value) for finding in world.found.findings] == [("Expired", "info")]


def test_a_restart_in_the_middle_neither_repeats_nor_loses() -> None:
    world = World()
    sick, well = trouble("Expired")
    sick.show(world)
    world.restart()
    sick.show(world, 2 * HOUR)
    assert len(world.told) == 1
    world.restart()
    well.show(world)
    assert [notice.kind for notice in world.told] == [FIRING, RESOLVED]


def test_one_shot_runs_without_facts_of_ourselves_resolve_none_of_them() -> None:
    world = World()
    sick, well = trouble("JobFailing")
    sick.show(world)
    world.ourselves = None
    world.settle(*well.gateways)
    assert [notice.kind for notice in world.told] == [FIRING]
    world.ourselves = Ourselves()
    world.settle(*well.gateways)
    assert [notice.kind for notice in world.told] == [FIRING, RESOLVED]


def test_an_unreadable_store_freezes_what_it_holds() -> None:
    world = World()
    trouble("Expired")[0].show(world)
    trouble("StoreUnreadable")[0].show(world, HOUR)
    assert [(notice.kind, set(notice.names())) for notice in world.told] == [(FIRING, {"Expired"}), (FIRING, {"StoreUnreadable"})]
    trouble("Expired")[1].show(world)
    assert sorted(name for notice in world.told if notice.kind is RESOLVED for name in notice.names()) == ["Expired", "StoreUnreadable"]


def test_a_login_in_use_is_not_called_refused_for_an_idle_access_token() -> None:
    world = World()
    probed(LOGIN, outcome(LOGIN, ProbeStatus.AUTH, "expired")).show(world)
    assert "Rejected" not in {finding.name for finding in world.found.findings}
