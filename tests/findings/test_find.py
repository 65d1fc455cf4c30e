"""What a pass looks at, what it leaves alone, and what it knows that it does not know."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.checking import Scope
from exporter.finding import Evidence, Finding, Found, Severity
from exporter.findings.catalogue import find, thresholds
from exporter.findings.context import Context, Thresholds
from exporter.model import AgentConfig, Problem, ProblemReason, Source, StoreKind
from exporter.outcome import ProbeStatus
from exporter.settings import Settings
from exporter.verdict import Snapshot
from tests.builders import HOUR, NOW, agent, at, config, document, gateway, judged, key, oauth, profile, token
from tests.troubles import KEY, NEW, OLD, SPARE, store
from tests.virtual import POLICY, World, outcome, subject

TWO = gateway(
    agent("main", document(profile("anthropic:a", OLD), SPARE)),
    agent("work", document(profile("openai:b", token(at(-HOUR), "tok-b-0123456789")), profile("openai:c", key()))),
    config=config("anthropic/claude-sonnet-4-5", "openai/gpt-5", agents=(AgentConfig("main"), AgentConfig("work"))),
)


def _names(found: Found, name: str = "Expired") -> dict[str, tuple[str, ...]]:
    return {finding.profile: finding.agents for finding in found.findings if finding.name == name}


def _named(found: Found) -> set[str]:
    return {finding.name for finding in found.findings}


SCOPES = (
    (Scope(), {"anthropic:a", "openai:b"}),
    (Scope(gateways=frozenset({"other"})), set[str]()),
    (Scope(agents=frozenset({"main"})), {"anthropic:a"}),
    (Scope(providers=frozenset({"anthropic"})), {"anthropic:a"}),
)


@pytest.mark.parametrize(("scope", "profiles"), SCOPES, ids=["all", "gateway", "agent", "provider"])
def test_filters_limit_what_is_found(scope: Scope, profiles: set[str]) -> None:
    found = find(judged(TWO), Context(), scope)
    assert set(_names(found)) == profiles
    assert (found.scope_gateways, found.scope_agents, found.scope_providers) == (scope.gateways, scope.agents, scope.providers)


def test_agents_that_nobody_configured_say_nothing() -> None:
    orphan = gateway(agent("main", document(SPARE)), agent("old", document(profile("anthropic:a", OLD)), configured=False))
    assert "anthropic:a" not in {finding.profile for finding in find(judged(orphan), Context()).findings}


def test_an_agent_known_only_from_before_says_nothing_and_is_named_as_blind() -> None:
    stale = replace(agent("main", document(profile("anthropic:a", OLD), SPARE)), stale_since=NOW - HOUR)
    found = find(judged(gateway(stale)), Context())
    assert found.findings == ()
    assert found.blind_agents == {("openclaw", "main")}


def test_an_unreadable_configuration_leaves_credentials_as_warnings_and_no_pages() -> None:
    problem = Problem("openclaw", "", StoreKind.CONFIG, ProblemReason.INVALID_SYNTAX, "x", fatal=True)
    blind = gateway(agent("main", document(profile("openai:b", OLD))), config=None, problems=(problem,))
    found = find(judged(blind), Context())
    assert [(finding.name, finding.severity) for finding in found.findings] == [("Expired", Severity.WARNING)]
    assert found.blind_gateways == {"openclaw"}


def test_a_login_of_a_program_that_ends_is_told_though_the_gateway_has_its_own_copy() -> None:
    login = replace(
        profile("cli:claude-code", oauth(at(-HOUR), refresh=None), "anthropic"), source=Source.CLI_LOGIN, store=StoreKind.CLI_LOGIN
    )
    found = find(judged(gateway(agent("main", document(SPARE)), cli_logins=(login,))), Context())
    assert [(finding.name, finding.severity, finding.fix.command) for finding in found.findings] == [
        ("Expired", Severity.WARNING, "claude /login")
    ]


def test_a_pass_says_what_it_did_not_look_at() -> None:
    assert find(Snapshot(NOW), Context(ourselves=None, drift_known=False)).unexamined == {Evidence.OURSELVES, Evidence.DRIFT}
    assert find(Snapshot(NOW), Context()).unexamined == frozenset()


def test_a_clock_that_cannot_be_right_is_all_that_is_found() -> None:
    found = find(replace(judged(TWO), clock_held="this machine's clock shows 1999"), Context())
    assert (_named(found), found.nothing_known) == ({"ClockSkew"}, True)


def test_the_clock_is_measured_by_the_middle_of_the_providers() -> None:
    keys = {f"p{n}:a": key(f"sk-{n}-0123456789") for n in range(3)}
    offsets = dict(zip(keys, (-90.0, 400.0, 2.0), strict=True))
    outcomes = {subject(name): outcome(secret, ProbeStatus.OK, clock_offset_seconds=offsets[name]) for name, secret in keys.items()}
    world = World()
    world.look(
        gateway(agent("main", document(*(profile(name, secret) for name, secret in keys.items()))), config=config(None)), outcomes=outcomes
    )
    assert "ClockSkew" not in _named(world.found)
    world.thresholds = Thresholds(clock_skew=HOUR / 3600)
    world.look(
        gateway(agent("main", document(*(profile(name, secret) for name, secret in keys.items()))), config=config(None)), outcomes=outcomes
    )
    assert "ClockSkew" in _named(world.found)


def test_an_old_probe_of_another_credential_says_nothing() -> None:
    world = World()
    world.look(store(profile("anthropic:a", NEW)), outcomes={subject("anthropic:a"): outcome(KEY, ProbeStatus.AUTH, "revoked")})
    assert world.found.findings == ()
    assert any(entry[2] == "anthropic:a" for entry in world.found.unprobed)


def test_identities_hold_no_time_and_no_secret() -> None:
    def identities(found: Found) -> set[str]:
        return {finding.identity for finding in found.findings}

    assert identities(find(judged(TWO), Context())) == identities(find(judged(TWO, now=NOW + HOUR), Context()))
    assert not any("tok-" in repr(finding) for finding in find(judged(TWO), Context()).findings)


def test_findings_stay_equal_while_nothing_changes() -> None:
    def expired(found: Found) -> list[Finding]:
        return [finding for finding in found.findings if finding.name == "Expired"]

    assert expired(find(judged(TWO), Context())) == expired(find(judged(TWO, now=NOW + HOUR), Context()))


def test_addresses_are_masked_in_every_word_and_the_reader_is_told() -> None:
    world = World()
    world.settle(store(profile("anthropic:me@example.com", OLD)))
    shown = world.told[0]
    assert "me@example.com" not in repr(shown)
    assert "masked here" in shown.plain
    world = World(policy=replace(POLICY, mask_emails=False))
    world.settle(store(profile("anthropic:me@example.com", OLD)))
    assert "--profile-id anthropic:me@example.com" in world.told[0].plain


def test_what_a_provider_says_is_no_markup() -> None:
    words = "<b>[click](https://evil.example)</b> `x`"
    world = World()
    world.settle(
        store(profile("anthropic:a", NEW)), outcomes={subject("anthropic:a"): outcome(NEW, ProbeStatus.AUTH, "revoked", words=words)}
    )
    assert "\\<b\\>\\[click\\]" in world.told[0].markdown


def test_links_are_shown_where_they_are_known() -> None:
    world = World(policy=replace(POLICY, external_url="https://monitor.example", runbook_base_url="https://runbooks.example"))
    world.settle(store(profile("anthropic:a", OLD), profile("anthropic:c", KEY)))
    assert world.told[0].plain.endswith("Page: https://monitor.example/\nRunbook: https://runbooks.example/ModelAuthExpired.md")


def test_the_figures_come_from_the_settings() -> None:
    assert thresholds(Settings()) == Thresholds()
