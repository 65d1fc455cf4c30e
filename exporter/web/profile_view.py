"""Pure. The page of one profile as one value: every fact, the rules that decided, its history, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from exporter.chronicle import subject_of
from exporter.model import CredentialKind
from exporter.remedies import remedy
from exporter.verdict import AgentVerdict, GatewayVerdict, ProfileVerdict, ProviderVerdict, RefreshState, Snapshot
from exporter.web.board import BoardView
from exporter.web.look import Look
from exporter.web.page_view import Trouble, trouble
from exporter.web.rows import ProfileRow, profile_row
from exporter.web.said import Moment, Speech
from exporter.words import listing

_REFRESH = {
    RefreshState.NONE: "none: it does not renew itself",
    RefreshState.IDLE: "idle: a refresh grant is stored, the gateway renews on the next use",
    RefreshState.IN_PROGRESS: "in progress: the gateway has put a marker in place of the tokens",
    RefreshState.OVERDUE: "overdue: authentication failed after the access token ended, and nothing renewed it since",
    RefreshState.ORPHANED: "orphaned: the gateway began a renewal and never ended it",
    RefreshState.FAILED: "failed: the gateway gave up, only a new login helps",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: words, an instant, or both; `rule` names the rule that decided it."""

    name: str
    words: str = ""
    moment: Moment | None = None
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """One change of the past."""

    moment: Moment | None
    what: str
    before: str
    after: str
    why: str


@dataclass(frozen=True, slots=True)
class ProfilePage:
    """Everything about one profile in one agent's view."""

    row: ProfileRow
    gateway: str
    agent: str
    verdicts: tuple[Fact, ...]
    facts: tuple[Fact, ...]
    provider: tuple[Fact, ...]
    probe: tuple[Fact, ...]
    advice: str
    commands: tuple[str, ...]
    masked: bool
    troubles: tuple[Trouble, ...]
    stories: tuple[Story, ...]
    watched_since: Moment | None


def profile_pages(seen: Look, board: BoardView, gateway: str, agent: str, profile: str, speech: Speech) -> tuple[ProfilePage, ...]:
    """Make a page part for each profile of this name: an environment variable may serve several providers."""
    return tuple(
        _page(seen, board, owner, view, found, speech)
        for owner, view, found in _find(seen.snapshot)
        if (speech.text(owner.gateway), speech.text(view.agent), speech.text(found.profile)) == (gateway, agent, profile)
    )


def _find(snapshot: Snapshot) -> Iterator[tuple[GatewayVerdict, AgentVerdict, ProfileVerdict]]:
    for gateway in snapshot.gateways:
        for agent in gateway.agents:
            for profile in agent.profiles:
                yield gateway, agent, profile


def _page(
    seen: Look, board: BoardView, gateway: GatewayVerdict, agent: AgentVerdict, profile: ProfileVerdict, speech: Speech
) -> ProfilePage:
    provider = next((found for found in agent.providers if found.provider == profile.provider), None)
    todo = remedy(profile, gateway, provider)
    alerts = {alert.identity: alert for alert in board.open_alerts()}
    return ProfilePage(
        row=profile_row(profile, provider, speech),
        gateway=speech.text(gateway.gateway),
        agent=speech.text(agent.agent),
        verdicts=tuple(_safe(_verdicts(profile, provider), speech)),
        facts=tuple(_safe(_facts(profile, gateway, speech), speech)),
        provider=tuple(_safe(_provider(provider, speech), speech)),
        probe=tuple(_safe(_probe(profile, speech), speech)),
        advice=speech.text(todo.advice),
        commands=tuple(speech.text(command) for command in todo.commands),
        masked=any(speech.masked(command) for command in todo.commands),
        troubles=tuple(
            trouble(finding, alerts.get(finding.identity), speech)
            for finding in board.findings
            if finding.gateway == profile.gateway
            and profile.agent in finding.agents
            and (finding.profile == profile.profile or (not finding.profile and finding.provider == profile.provider))
        ),
        stories=tuple(
            Story(speech.moment(change.at), change.what, change.before, change.after, speech.text(change.why))
            for change in reversed(seen.chronicle.changes(subject_of(profile)))
        ),
        watched_since=speech.moment(seen.chronicle.since),
    )


def _safe(facts: Iterator[Fact], speech: Speech) -> Iterator[Fact]:
    for fact in facts:
        yield Fact(fact.name, speech.text(fact.words), fact.moment, fact.rule)


def _verdicts(profile: ProfileVerdict, provider: ProviderVerdict | None) -> Iterator[Fact]:
    usable = "yes" if profile.usable else "no"
    for name, word, ruling in (
        ("Health", profile.health.value, profile.health_rule),
        ("Eligibility", profile.reason.value, profile.reason_rule),
        ("Usable", usable, profile.usable_rule),
    ):
        yield Fact(name, f"{word}: {ruling.why}" if ruling.why else word, rule=ruling.rule)
    yield Fact("The gateway's own word", f"{profile.gateway_health.value} (release 2026.9)")
    yield Fact("Refresh", _REFRESH[profile.refresh_state])
    yield Fact("Order", _position(profile, provider))


def _facts(profile: ProfileVerdict, gateway: GatewayVerdict, speech: Speech) -> Iterator[Fact]:
    kind = profile.credential.value.replace("_", " ") if profile.credential else "no credential"
    yield Fact("Credential", f"{kind} of {profile.provider}")
    origin = f", inherited from {profile.inherited_from}" if profile.inherited_from else ""
    yield Fact("Source", profile.source.value.replace("_", " ") + (f", {profile.store}" if profile.store else "") + origin)
    yield Fact("Gateway", f"{gateway.family}, {gateway.era}" + (f", release {gateway.version}" if gateway.version else ""))
    yield Fact("State directory", gateway.state_dir)
    if profile.expires_at is None:
        yield Fact("Expires", "what is stored cannot be a date" if profile.suspect_expiry else "no date is stored")
    if profile.credential is CredentialKind.OAUTH:
        yield Fact("Refresh grant", "stored" if profile.refreshable else "none")
    if profile.ref:
        yield Fact("Secret reference", f"{profile.ref}, {profile.ref_state or 'unchecked'}")
    for name, at in (
        ("Expires", profile.expires_at),
        ("First seen", profile.first_seen_at),
        ("Replaced", profile.changed_at),
        ("Last used", profile.last_used_at),
        ("Last failure", profile.last_failure_at),
        ("Failing since", profile.auth_failing_since),
        ("Parked until", profile.parked_until),
        ("Values of", profile.stale_since),
    ):
        if at is not None:
            yield Fact(name, moment=speech.moment(at))
    if profile.errors:
        counts = ", ".join(f"{reason} {count}" for reason, count in sorted(profile.failures.items()))
        yield Fact("Errors in a row", f"{profile.errors}{f' ({counts})' if counts else ''}")
    if profile.masked_failure:
        yield Fact("Suspected", "the last failure was followed by a success within a second: older releases hide real failures so")


def _provider(provider: ProviderVerdict | None, speech: Speech) -> Iterator[Fact]:
    if provider is None:
        return
    yield Fact("In use", (f"for {listing(provider.models)}" if provider.models else "yes") if provider.in_use else "no")
    why = provider.health_rule.why
    yield Fact("Roll-up", f"{provider.health.value}{f': {why}' if why else ''}", rule=provider.health_rule.rule)
    usable = "unknown how many" if provider.usable is None else str(provider.usable)
    yield Fact("Usable", f"{usable} of {provider.configured}; next: {provider.next or 'none'}")
    if provider.candidates:
        yield Fact("Tried in order", ", ".join(provider.candidates))
    if provider.dark_at is not None:
        yield Fact("Dark", moment=speech.moment(provider.dark_at))
    if provider.recovers_at is not None:
        yield Fact("Recovers", moment=speech.moment(provider.recovers_at))


def _probe(profile: ProfileVerdict, speech: Speech) -> Iterator[Fact]:
    outcome = profile.probe
    if outcome is None:
        return
    yield Fact(
        "Answer", outcome.outcome.value.replace("_", " ") + (f" ({outcome.detail})" if outcome.detail else ""), speech.moment(outcome.at)
    )
    if outcome.words:
        yield Fact("In the provider's words", outcome.words)
    if outcome.status is not None:
        yield Fact("HTTP status", str(outcome.status))
    if outcome.phases:
        yield Fact("Duration", ", ".join(f"{phase} {seconds * 1000:.0f} ms" for phase, seconds in outcome.phases.items()))
    for name, at in (("Last success", outcome.last_success_at), ("Asked again", outcome.retry_at)):
        if at is not None:
            yield Fact(name, moment=speech.moment(at))
    if outcome.clock_offset_seconds is not None:
        yield Fact("Our clock minus theirs", f"{outcome.clock_offset_seconds:+.1f} s")


def _position(profile: ProfileVerdict, provider: ProviderVerdict | None) -> str:
    if profile.position is None:
        return f"not tried: {profile.why or 'not a candidate'}"
    place = f"{profile.position} of {max(len(provider.candidates) if provider else 0, profile.position)}"
    if provider is not None and provider.next == profile.profile:
        return f"{place}; next to be used"
    return f"{place}; {provider.next} is used first" if provider is not None and provider.next else place
