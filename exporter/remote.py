"""Pure. A snapshot read back from the document of a running exporter (`check --from`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NoReturn, TypeVar

from exporter.document import SCHEMA
from exporter.model import CredentialKind, Family, Problem, ProblemReason, Source, StoreKind
from exporter.outcome import Balance, Outcome, ProbeStatus, Quota, RateLimit
from exporter.verdict import (
    AgentVerdict,
    Cooldown,
    CooldownKind,
    CooldownScope,
    Eligibility,
    GatewayVerdict,
    Health,
    ProfileVerdict,
    ProviderVerdict,
    RefreshState,
    Ruling,
    Snapshot,
)
from exporter.words import parse_instant

E = TypeVar("E", bound=StrEnum)
_EARLIER = "earlier"  # stands for the fingerprint of a credential that is stored no more; fingerprints themselves are not told


class NotADocument(ValueError):
    """The JSON read is not a document of this schema; the text names the place, never the content."""


def snapshot_of(tree: object) -> Snapshot:
    """Read a snapshot back from a document, whichever release of this program wrote it; raises NotADocument.

    Keys this release does not know are ignored, keys the writer did not know take their defaults. The state of sources is not
    read back.
    """
    root = _Node(tree, "document")
    if root.value.get("schema") != SCHEMA:
        raise NotADocument(f"document: schema is not {SCHEMA}")
    problems = tuple(_read_problem(node) for node in root.nodes("problems"))
    gateways = tuple(_read_gateway(node, problems) for node in root.nodes("gateways"))
    named = {gateway.gateway for gateway in gateways}
    return Snapshot(
        at=root.moment("at"),
        gateways=gateways,
        searched=root.texts("searched"),
        problems=tuple(problem for problem in problems if problem.gateway not in named),
        clock_held=root.text("clock_held"),
    )


class _Node:
    """One JSON object and its place; every getter checks the type of what it returns."""

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise NotADocument(f"{place}: not an object")
        self.value: Mapping[str, object] = value
        self.place = place

    def nodes(self, key: str) -> tuple[_Node, ...]:
        return tuple(_Node(item, f"{self.place}.{key}[{index}]") for index, item in enumerate(self._list(key)))

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(item for item in self._list(key) if isinstance(item, str))

    def text(self, key: str) -> str:
        value = self.value.get(key)
        if value is None or isinstance(value, str):
            return value or ""
        raise NotADocument(f"{self.place}.{key}: not a text")

    def needed(self, key: str) -> str:
        return self.text(key) or self._missing(key)

    def flag(self, key: str, default: bool = False) -> bool:
        value = self.value.get(key, default)
        return value if isinstance(value, bool) else default

    def number(self, key: str) -> int | None:
        value = self.value.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def figure(self, key: str) -> float | None:
        value = self.value.get(key)
        known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
        return float(value) if known and isinstance(value, int | float) else None

    def inner(self, key: str) -> _Node | None:
        value = self.value.get(key)
        return None if value is None else _Node(value, f"{self.place}.{key}")

    def instant(self, key: str) -> datetime | None:
        text = self.text(key)
        try:
            return parse_instant(text) if text else None
        except ValueError:
            raise NotADocument(f"{self.place}.{key}: not an instant") from None

    def moment(self, key: str) -> datetime:
        return self.instant(key) or self._missing(key)

    def word(self, key: str, words: type[E], default: E | None = None) -> E:
        text = self.text(key)
        try:
            return default if default is not None and not text else words(text)
        except ValueError:
            raise NotADocument(f"{self.place}.{key}: a word this release does not know") from None

    def ruling(self, name: str) -> Ruling:
        rules = self.value.get("rules")
        node = _Node(rules.get(name, {}) if isinstance(rules, dict) else {}, f"{self.place}.rules.{name}")
        return Ruling(node.text("rule"), node.text("why"))

    def counts(self, key: str) -> Mapping[str, int]:
        value = self.value.get(key)
        return {name: count for name, count in value.items() if isinstance(count, int)} if isinstance(value, dict) else {}

    def _missing(self, key: str) -> NoReturn:
        raise NotADocument(f"{self.place}.{key}: missing")

    def _list(self, key: str) -> Sequence[object]:
        value = self.value.get(key, [])
        if not isinstance(value, list):
            raise NotADocument(f"{self.place}.{key}: not a list")
        return value


def _read_problem(node: _Node) -> Problem:
    store = node.text("store")
    return Problem(
        gateway=node.text("gateway"),
        agent=node.text("agent"),
        store=node.word("store", StoreKind) if store else None,
        reason=node.word("reason", ProblemReason),
        place=node.text("place"),
        fatal=node.flag("fatal"),
    )


def _read_gateway(node: _Node, problems: Sequence[Problem]) -> GatewayVerdict:
    name = node.needed("gateway")
    return GatewayVerdict(
        gateway=name,
        family=node.word("family", Family),
        state_dir=node.text("state_dir"),
        era=node.text("era"),
        environment_seen=node.text("environment") == "seen",
        environment_why=node.text("environment_why"),
        config_known=node.flag("config_known", True),
        agents=tuple(_read_agent(agent, name) for agent in node.nodes("agents")),
        problems=tuple(problem for problem in problems if problem.gateway == name),
        version=node.text("version") or None,
    )


def _read_agent(node: _Node, gateway: str) -> AgentVerdict:
    name = node.needed("agent")
    return AgentVerdict(
        gateway=gateway,
        agent=name,
        configured=node.flag("configured", True),
        known=node.flag("known", True),
        providers=tuple(_read_provider(provider, gateway, name) for provider in node.nodes("providers")),
        profiles=tuple(
            replace(_read_profile(profile, gateway, name), probe=_read_outcome(profile.inner("probe")))
            for profile in node.nodes("profiles")
        ),
        stale_since=node.instant("stale_since"),
    )


def _read_provider(node: _Node, gateway: str, agent: str) -> ProviderVerdict:
    return ProviderVerdict(
        gateway=gateway,
        agent=agent,
        provider=node.needed("provider"),
        in_use=node.flag("in_use"),
        health=node.word("health", Health),
        health_rule=node.ruling("health"),
        configured=node.number("configured") or 0,
        usable=node.number("usable"),
        next=node.text("next") or None,
        candidates=node.texts("candidates"),
        dark_at=node.instant("dark_at"),
        recovers_at=node.instant("recovers_at"),
        models=node.texts("models"),
    )


def _read_profile(node: _Node, gateway: str, agent: str) -> ProfileVerdict:
    return ProfileVerdict(
        gateway=gateway,
        agent=agent,
        provider=node.needed("provider"),
        profile=node.needed("profile"),
        credential=node.word("credential", CredentialKind) if node.text("credential") else None,
        source=node.word("source", Source),
        store=node.word("store", StoreKind) if node.text("store") else None,
        health=node.word("health", Health),
        health_rule=node.ruling("health"),
        reason=node.word("reason", Eligibility),
        reason_rule=node.ruling("reason"),
        gateway_health=node.word("gateway_health", Health),
        usable=node.flag("usable"),
        usable_rule=node.ruling("usable"),
        expires_at=node.instant("expires_at"),
        suspect_expiry=node.flag("suspect_expiry"),
        refreshable=node.flag("refreshable"),
        refresh_state=node.word("refresh_state", RefreshState, RefreshState.NONE),
        masked_failure=node.flag("masked_failure"),
        position=node.number("position"),
        why=node.text("why"),
        cooldowns=tuple(_read_cooldown(cooldown) for cooldown in node.nodes("cooldowns")),
        parked_until=node.instant("parked_until"),
        last_used_at=node.instant("last_used_at"),
        last_failure_at=node.instant("last_failure_at"),
        auth_failing_since=node.instant("auth_failing_since"),
        fenced=node.flag("fenced"),
        errors=node.number("errors"),
        failures=node.counts("failures"),
        first_seen_at=node.instant("first_seen_at"),
        changed_at=node.instant("changed_at"),
        inherited_from=node.text("inherited_from") or None,
        stale_since=node.instant("stale_since"),
        counts=node.flag("counts", True),
        renews=node.flag("renews"),
        ref=node.text("ref"),
        ref_state=node.text("ref_state"),
    )


def _read_outcome(node: _Node | None) -> Outcome | None:
    if node is None:
        return None
    phases = node.inner("phases")
    return Outcome(
        node.word("outcome", ProbeStatus),
        node.text("detail"),
        at=node.instant("at"),
        words=node.text("words"),
        status=node.number("status"),
        retry_at=node.instant("retry_at"),
        confirmed=node.flag("confirmed"),
        fingerprint="" if node.flag("current", True) else _EARLIER,
        phases=_spans(phases) if phases else MappingProxyType({}),
        last_success_at=node.instant("last_success_at"),
        expires_at=node.instant("expires_at"),
        clock_offset_seconds=node.figure("clock_offset_seconds"),
        rate_limits=tuple(
            RateLimit(one.text("resource"), one.text("window"), one.figure("limit"), one.figure("remaining"), one.instant("reset_at"))
            for one in node.nodes("rate_limits")
        ),
        quotas=tuple(Quota(one.text("window"), one.figure("used_ratio"), one.instant("reset_at")) for one in node.nodes("quotas")),
        balances=tuple(Balance(one.text("currency"), one.figure("amount") or 0.0) for one in node.nodes("balances")),
    )


def _spans(node: _Node) -> Mapping[str, float]:
    found = {name: node.figure(name) for name in node.value}
    return MappingProxyType({name: seconds for name, seconds in found.items() if seconds is not None})


def _read_cooldown(node: _Node) -> Cooldown:
    return Cooldown(
        kind=node.word("kind", CooldownKind),
        scope=node.word("scope", CooldownScope),
        until=node.moment("until"),
        reason=node.text("reason"),
        model=node.text("model"),
        classification=node.text("classification"),
    )
