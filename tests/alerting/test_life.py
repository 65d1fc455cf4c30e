"""The life of one alert, and what is told of many."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from exporter.alerting.alert import Alert, AlertState, Matcher, Op, QuietHours, Route, Silence, parse_matcher
from exporter.alerting.alert_json import alert_from_json, notice_from_json, silence_from_json, to_json
from exporter.alerting.life import acknowledge, canary, policy_of, quiet_hours
from exporter.alerting.notice import Notice, NoticeKind, repeated
from exporter.finding import Evidence, Finding, FindingScope, Fix, Found, Severity
from exporter.masking import mask_emails
from exporter.settings import Settings
from tests.alerting.builders import BLIND, DAY, HOUR, KNOWN, MINUTE, NO_WAIT, NOW, POLICY, Life, finding, outage

FIRING, REMINDER, ESCALATION, RESOLVED = NoticeKind.FIRING, NoticeKind.REMINDER, NoticeKind.ESCALATION, NoticeKind.RESOLVED


def kinds(notices: list[Notice]) -> list[NoticeKind]:
    return [notice.kind for notice in notices]


def test_a_hold_passes_before_it_fires() -> None:
    life, held = Life(NO_WAIT), finding(hold=5 * MINUTE)
    assert life.over(5 * MINUTE, [held]) == []
    assert kinds(life.see(held)) == [FIRING]


def test_a_hold_counts_from_the_evidence() -> None:
    assert kinds(Life(NO_WAIT).see(finding(hold=5 * MINUTE, since=NOW - 6 * MINUTE))) == [FIRING]


def test_a_pending_one_that_goes_is_never_told() -> None:
    life, held = Life(NO_WAIT), finding(hold=5 * MINUTE)
    life.over(4 * MINUTE, [held])
    assert life.over(DAY, every=HOUR) == []
    assert dict(life.book.alerts) == {}


def test_a_pending_one_may_flicker() -> None:
    life, held = Life(NO_WAIT), finding(hold=5 * MINUTE)
    life.over(2 * MINUTE, [held])
    life.over(MINUTE)
    life.over(2 * MINUTE, [held])
    assert kinds(life.see(held)) == [FIRING]


def test_it_resolves_after_its_hold_only() -> None:
    life, flappy = Life(NO_WAIT), finding(resolve_hold=3 * MINUTE)
    life.over(MINUTE, [flappy])
    assert life.over(2 * MINUTE) == []
    assert life.over(10 * MINUTE, [flappy]) == []
    assert life.over(3 * MINUTE) == []
    assert kinds(life.over(2 * MINUTE)) == [RESOLVED]


def test_what_merely_lapsed_waits_longer_than_what_works_again() -> None:
    parked = finding("BillingDisabled", lapse_hold=30 * MINUTE)
    unproven = replace(KNOWN, unproven=frozenset({("openclaw", "main", "anthropic:a")}))
    life = Life(NO_WAIT)
    life.see(parked)
    assert life.over(30 * MINUTE, but=unproven) == []
    assert kinds(life.see(but=unproven)) == [RESOLVED]
    life = Life(NO_WAIT)
    life.see(parked)
    assert kinds(life.see()) == [RESOLVED]


def test_the_group_waits_for_its_members() -> None:
    life, many = Life(), [finding(profile=f"openai:{n}") for n in range(20)]
    life.see(*many[:5])
    life.now += timedelta(seconds=29)
    assert life.see(*many) == []
    life.now += timedelta(seconds=1)
    told = life.see(*many)
    assert kinds(told) == [FIRING]
    assert len(told[0].entries) == 20
    assert told[0].title == "[WARNING] myhost · openai · 20 × Expired, the first 30s ago (2026-11-01 12:00 UTC)"


def test_a_group_is_told_of_news_no_sooner_than_its_interval_unless_they_are_worse() -> None:
    life = Life(replace(POLICY, group_wait=timedelta()))
    life.see(finding())
    life.now += MINUTE
    assert life.see(finding(), finding(profile="anthropic:b")) == []
    assert kinds(life.see(finding(), finding(profile="anthropic:b"), outage())) == [FIRING]
    life.now += 5 * MINUTE
    assert life.see(finding(), finding(profile="anthropic:b"), outage()) == []


@pytest.mark.parametrize(("severity", "repeat"), [(Severity.CRITICAL, HOUR), (Severity.WARNING, 12 * HOUR)], ids=str)
def test_reminders_keep_their_distance(severity: Severity, repeat: timedelta) -> None:
    life = Life()
    life.over(2 * DAY, [finding(severity=severity)])
    instants = [at for at, _ in life.told]
    assert [b - a for a, b in pairwise(instants)] == [repeat] * (2 * DAY // repeat - 1)
    assert kinds([notice for _, notice in life.told[1:]]) == [REMINDER] * (len(life.told) - 1)


def test_info_is_told_to_nobody_by_default_and_never_repeated() -> None:
    life, note = Life(), finding(severity=Severity.INFO)
    assert life.over(2 * DAY, [note], HOUR) == []
    life.policy = replace(POLICY, routes=(Route("all", frozenset(Severity)),))
    assert kinds(life.over(2 * DAY, [note], HOUR)) == [FIRING]


def test_a_further_stage_is_news_and_an_earlier_one_is_not() -> None:
    life = Life(NO_WAIT)
    life.see(finding(urgency=2))
    assert kinds(life.see(finding(urgency=3))) == [FIRING]
    assert life.see(finding(urgency=2)) == []
    assert kinds(life.see(finding(urgency=3))) == [FIRING]


def test_a_later_name_of_one_matter_continues_it() -> None:
    life = Life(NO_WAIT)
    life.see(finding("Expiring", identity="expiry/a", urgency=6))
    assert [set(notice.names()) for notice in life.see(finding("Expired", identity="expiry/a", urgency=100))] == [{"Expired"}]
    assert [(notice.kind, set(notice.names())) for notice in life.see()] == [(RESOLVED, {"Expired"})]


def test_an_outage_speaks_for_its_profiles() -> None:
    life = Life(NO_WAIT)
    told = life.see(finding(), finding("RedundancyLost", "anthropic:", scope=FindingScope.PROVIDER), outage())
    assert [[entry.name for entry in notice.entries] for notice in told] == [["ProviderDown"]]
    assert [entry.name for entry in told[0].covered] == ["Expired"]
    assert life.over(30 * MINUTE, [finding(), outage()]) == []
    assert [(notice.kind, set(notice.names())) for notice in life.see(finding())] == [(RESOLVED, {"ProviderDown"}), (FIRING, {"Expired"})]


def test_an_outage_of_one_agent_does_not_speak_for_another() -> None:
    told = Life(NO_WAIT).see(finding(agents=("main", "work")), outage(agents=("main",)))
    assert [entry.name for entry in told[0].entries] == ["ProviderDown", "Expired"]


def test_nobody_hears_of_probes_while_our_own_network_is_down() -> None:
    life, refused = Life(NO_WAIT), finding("Rejected", evidence=Evidence.PROBE)
    assert life.over(HOUR, [refused], but=replace(KNOWN, network_down=True)) == []
    assert kinds(life.see(refused)) == [FIRING]
    assert life.over(HOUR, but=replace(KNOWN, network_down=True)) == []
    assert kinds(life.see()) == [RESOLVED]


UNKNOWN = (
    ("agent's store", finding(), BLIND),
    ("configuration", finding(), replace(KNOWN, blind_gateways=frozenset({"openclaw"}))),
    ("clock", finding(), replace(KNOWN, nothing_known=True)),
    ("gateway gone", finding(), Found()),
    (
        "no probe",
        finding(evidence=Evidence.PROBE, rests_on=(("main", "anthropic:a", "f"),)),
        replace(KNOWN, unprobed=frozenset({("openclaw", "main", "anthropic:a", "f")})),
    ),
    ("drift", finding(evidence=Evidence.DRIFT), replace(KNOWN, unexamined=frozenset({Evidence.DRIFT}))),
    ("other gateways asked", finding(), replace(KNOWN, scope_gateways=frozenset({"other"}))),
    ("other agents asked", finding(), replace(KNOWN, scope_agents=frozenset({"work"}))),
    ("one of its agents asked", finding(agents=("main", "work")), replace(KNOWN, scope_agents=frozenset({"work"}))),
    ("other providers asked", finding(), replace(KNOWN, scope_providers=frozenset({"openai"}))),
)


@pytest.mark.parametrize(("told", "unknown"), [case[1:] for case in UNKNOWN], ids=[case[0] for case in UNKNOWN])
def test_absence_is_not_recovery(told: Finding, unknown: Found) -> None:
    life = Life(NO_WAIT)
    life.see(told)
    assert NoticeKind.RESOLVED not in kinds(life.over(11 * HOUR, every=15 * MINUTE, but=unknown))
    assert kinds(life.see()) == [RESOLVED]


def test_a_gateway_that_stays_away_for_a_day_is_forgotten_with_a_word() -> None:
    life = Life(NO_WAIT)
    life.see(finding())
    assert RESOLVED in kinds(life.over(25 * HOUR, every=HOUR, but=Found()))


def test_a_pending_one_neither_fires_nor_goes_while_unknown() -> None:
    life, held = Life(NO_WAIT), finding(hold=5 * MINUTE)
    life.over(2 * MINUTE, [held])
    assert life.over(HOUR, but=BLIND) == []
    assert kinds(life.see(held)) == [FIRING]


def test_a_silence_mutes_and_ends() -> None:
    silence = Silence("s1", (parse_matcher("provider=anthropic"),), "me", "known", NOW, NOW + HOUR)
    life = Life(NO_WAIT, silences=(silence,))
    assert life.over(HOUR, [finding(), finding(profile="openai:a")])[0].names() == {"Expired"}
    assert [notice.entries[0].labels["provider"] for _, notice in life.told] == ["openai"]
    assert life.book.alerts["Expired/openclaw/anthropic:a"].muted_by == "silence s1"
    assert [notice.entries[0].labels["provider"] for notice in life.see(finding(), finding(profile="openai:a"))] == ["anthropic"]


def test_what_ends_in_a_silence_is_told_after_it() -> None:
    life = Life(NO_WAIT)
    life.see(finding())
    life.silences = (Silence("s1", (parse_matcher("name=Expired"),), "me", "", life.now, life.now + HOUR),)
    assert life.over(HOUR) == []
    assert kinds(life.see()) == [RESOLVED]


def test_a_silence_without_matchers_mutes_nothing() -> None:
    assert kinds(Life(NO_WAIT, silences=(Silence("s", (), "me", "", NOW, NOW + HOUR),)).see(finding())) == [FIRING]


MATCHERS = (
    ("provider=anthropic", Matcher("provider", "anthropic"), True),
    ('provider="anthropic"', Matcher("provider", "anthropic"), True),
    ("provider!=anthropic", Matcher("provider", "anthropic", Op.NOT_EQUAL), False),
    ('profile=~"anthropic:.*"', Matcher("profile", "anthropic:.*", Op.MATCH), True),
    ("profile=~anthropic", Matcher("profile", "anthropic", Op.MATCH), False),
    ("name!~Expir.*", Matcher("name", "Expir.*", Op.NOT_MATCH), False),
    ("agent=work", Matcher("agent", "work"), True),
    ("agent!=work", Matcher("agent", "work", Op.NOT_EQUAL), False),
    ("detail=", Matcher("detail", ""), True),
)


@pytest.mark.parametrize(("text", "matcher", "matches"), MATCHERS, ids=[case[0] for case in MATCHERS])
def test_matchers(text: str, matcher: Matcher, matches: bool) -> None:
    assert parse_matcher(text) == matcher
    assert matcher.matches(finding(agents=("main", "work"))) is matches


@pytest.mark.parametrize("text", ["profile=openai:ann@example.com", 'profile=~"openai:a.*"'], ids=["as it is", "pattern"])
def test_a_masked_profile_is_named_as_it_is_or_as_people_saw_it(text: str) -> None:
    hidden = finding(profile="openai:ann@example.com")
    assert parse_matcher(text).matches(hidden)
    seen = mask_emails(hidden.profile)
    assert parse_matcher(f"profile={seen}").matches(hidden)
    assert not parse_matcher(f"profile!={seen}").matches(hidden)


@pytest.mark.parametrize("text", ["", "provider", "colour=red", 'name=~"("', "=x"])
def test_an_impossible_matcher_is_refused_without_its_text(text: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_matcher(text)
    assert "red" not in str(refused.value)


def test_an_acknowledged_alert_is_not_repeated_until_it_grows_worse() -> None:
    life = Life(NO_WAIT)
    life.see(finding(severity=Severity.CRITICAL))
    life.book = acknowledge(life.book, life.told[0][1].entries[0].id, "me", "on it", life.now)
    assert life.over(DAY, [finding(severity=Severity.CRITICAL)]) == []
    life.see(finding(severity=Severity.CRITICAL, urgency=5))
    alert = life.book.alerts["Expired/openclaw/anthropic:a"]
    assert (kinds([life.told[-1][1]]), alert.acked_at) == ([FIRING], None)


def test_an_unknown_acknowledgement_changes_nothing() -> None:
    life = Life(NO_WAIT)
    life.see(finding())
    assert acknowledge(life.book, "nonsense", "me", "", NOW) is life.book


def test_what_nobody_acknowledged_is_escalated_once_then_reminded() -> None:
    life = Life(replace(POLICY, routes=(Route("pager"), Route("boss", escalation=True))))
    life.over(3 * HOUR, [finding(severity=Severity.CRITICAL)])
    boss = [(at - NOW, notice.kind) for at, notice in life.told if notice.channel == "boss"]
    assert boss == [(31 * MINUTE, ESCALATION), (91 * MINUTE, REMINDER), (151 * MINUTE, REMINDER)]


@pytest.mark.parametrize("severity", [Severity.WARNING, Severity.CRITICAL], ids=str)
def test_what_is_acknowledged_or_mild_is_not_escalated(severity: Severity) -> None:
    life = Life(replace(NO_WAIT, routes=(Route("pager"), Route("boss", escalation=True))))
    life.see(finding(severity=severity))
    if severity is Severity.CRITICAL:
        life.book = acknowledge(life.book, "Expired/openclaw/anthropic:a", "me", "", NOW)
    assert [notice for notice in life.over(DAY, [finding(severity=severity)]) if notice.channel == "boss"] == []


def _berlin(hour: int) -> datetime:
    return datetime(2026, 11, 1, hour, tzinfo=ZoneInfo("Europe/Berlin"))


def test_warnings_wait_for_the_morning_and_critical_ones_do_not() -> None:
    night = QuietHours(time(22), time(7), ZoneInfo("Europe/Berlin"))
    life = Life(replace(NO_WAIT, quiet_hours=night), _berlin(23))
    told = life.over(8 * HOUR, [finding(), finding("Rejected", "openai:a", severity=Severity.CRITICAL)], HOUR)
    assert {name for notice in told for name in notice.names()} == {"Rejected"}
    assert {"Expired"} in [
        set(notice.names()) for notice in life.see(finding(), finding("Rejected", "openai:a", severity=Severity.CRITICAL))
    ]


@pytest.mark.parametrize(("hour", "quiet"), [(21, False), (22, True), (3, True), (7, False), (12, False)])
def test_quiet_hours_pass_midnight(hour: int, quiet: bool) -> None:
    assert quiet_hours("22:00-07:00", ZoneInfo("Europe/Berlin")).cover(_berlin(hour)) is quiet


def test_a_restart_neither_repeats_nor_forgets() -> None:
    life = Life(NO_WAIT)
    life.see(finding())
    alert = alert_from_json(json.loads(json.dumps(to_json(life.book.alerts["Expired/openclaw/anthropic:a"]))))
    assert alert is not None
    life.book = replace(life.book, alerts={alert.identity: alert})
    life.started_at = life.now = life.now + HOUR
    assert life.over(MINUTE, every=timedelta(seconds=15)) == []  # the first passes do not see it yet
    assert life.over(10 * HOUR, [finding()], MINUTE) == []
    assert kinds(life.see()) == [RESOLVED]


def test_nothing_is_sent_during_the_start_up_grace() -> None:
    life = Life(NO_WAIT, started_at=NOW)
    assert life.over(MINUTE, [finding()], timedelta(seconds=15)) == []
    assert kinds(life.see(finding())) == [FIRING]


def test_a_failing_channel_is_reported_to_the_others() -> None:
    life = Life(replace(NO_WAIT, routes=(Route("pager"), Route("phone"))))
    failing = finding("DeliveryFailing", detail="phone", scope=FindingScope.EXPORTER)
    assert [notice.channel for notice in life.see(failing)] == ["pager"]


def test_channels_get_what_they_ask_for() -> None:
    only_critical = Route("pager", frozenset({Severity.CRITICAL}))
    tagged = Route("openai team", tags=frozenset({"openai"}))
    life = Life(replace(NO_WAIT, routes=(only_critical, tagged)))
    told = life.see(finding(), finding(profile="openai:a"), finding("Rejected", "xai:a", severity=Severity.CRITICAL))
    assert {(notice.channel, notice.cause) for notice in told} == {("pager", "provider/xai"), ("openai team", "provider/openai")}


def test_a_channel_added_later_hears_of_what_is_open() -> None:
    life = Life(NO_WAIT)
    life.see(finding())
    life.policy = replace(NO_WAIT, routes=(Route("pager"), Route("new")))
    assert [(notice.channel, notice.kind) for notice in life.see(finding())] == [("new", FIRING)]


def test_an_unchanged_book_is_the_same_object() -> None:
    life = Life(NO_WAIT)
    life.over(10 * MINUTE, [finding()])
    before = life.book
    life.see(finding())
    assert life.book is before


def test_nouns_survive_the_disk() -> None:
    life = Life(NO_WAIT)
    life.see(finding(when=NOW, why=("since ", NOW), since=NOW - HOUR, hold=MINUTE, fix=Fix("a", "b", "c", "d")))
    alert = next(iter(life.book.alerts.values()))
    silence = Silence("s", (parse_matcher("name=~x"),), "me", "c", NOW, NOW + HOUR)
    notice = repeated(life.told[0][1])
    assert alert_from_json(json.loads(json.dumps(to_json(alert)))) == alert
    assert silence_from_json(json.loads(json.dumps(to_json(silence)))) == silence
    assert notice_from_json(json.loads(json.dumps(to_json(notice)))) == notice
    assert notice.title.startswith("(possible repeat) [")


@pytest.mark.parametrize(
    "document", [None, 3, [], {}, {"finding": 1}, {"state": "odd"}, {"finding": {}, "state": "firing", "since": {"ms": "x"}}]
)
def test_a_strange_document_is_nobody(document: object) -> None:
    assert alert_from_json(document) is None


def test_the_sign_of_life_says_that_nothing_is_wrong() -> None:
    notice = canary(NOW, POLICY, "pager")
    assert (notice.kind, notice.severity) == (NoticeKind.CANARY, Severity.INFO)
    assert "Nothing is wrong" in notice.plain


def test_the_policy_takes_its_figures_from_the_settings() -> None:
    policy = policy_of(Settings(), (Route("pager"),), "myhost", None)
    assert replace(policy, zone=POLICY.zone) == POLICY


def test_states_are_what_the_book_says() -> None:
    life = Life()
    life.see(finding(hold=HOUR))
    alert: Alert = next(iter(life.book.alerts.values()))
    assert (alert.state, alert.fired_at) == (AlertState.PENDING, None)
