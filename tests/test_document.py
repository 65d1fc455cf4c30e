"""Pure. The documented document, and the snapshot read back from it."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.checking import check
from exporter.document import document
from exporter.judging.health import Rules
from exporter.judging.history import Subject
from exporter.model import Problem, ProblemReason, Reading, StoreKind
from exporter.outcome import Balance, Outcome, ProbeStatus, Quota, RateLimit
from exporter.remote import NotADocument, snapshot_of
from exporter.snapshot import NO_OUTCOMES, judge
from exporter.verdict import Cooldown, CooldownKind, CooldownScope, Snapshot
from tests import builders
from tests.builders import HOUR, NOW

TOP = ["schema", "at", "exit", "problems", "gateways"]
GATEWAY = ["gateway", "family", "state_dir", "environment", "agents"]
PROVIDER = ["provider", "in_use", "health", "configured", "usable", "next", "dark_at", "recovers_at"]
PROFILE = [
    "profile",
    "provider",
    "credential",
    "source",
    "health",
    "reason",
    "gateway_health",
    "expires_at",
    "refresh_state",
    "usable",
    "position",
    "why",
    "probe",
    "inherited_from",
    "stale_since",
    "cooldowns",
]


def _snapshot(outcomes: Mapping[Subject, Outcome] = NO_OUTCOMES) -> Snapshot:
    store = builders.document(
        builders.profile("anthropic:work", builders.oauth(builders.at(-HOUR))),
        builders.profile("anthropic:manual", builders.token(builders.at(3 * HOUR))),
        builders.profile("openai:default"),
        order={"anthropic": ("anthropic:work", "anthropic:gone")},
    )
    problem = Problem("openclaw", "main", StoreKind.AUTH_STATE, ProblemReason.BAD_ENTRY, "/x/auth-state.json: order", False)
    reading = Reading(NOW, (builders.gateway(builders.agent(local=store), problems=(problem,)),))
    return judge(reading, NOW, Rules(), outcomes=outcomes)


def _probed(outcomes: Mapping[str, Outcome]) -> Snapshot:
    return _snapshot({Subject("openclaw", "main", name.partition(":")[0], name): outcome for name, outcome in outcomes.items()})


def _written() -> dict[str, Any]:
    result: dict[str, Any] = json.loads(json.dumps(document(_snapshot(), 2, ["one line"])))
    return result


def test_the_documented_keys_are_there_and_documented_ones_come_first() -> None:
    written = _written()
    assert [key for key in written if key in TOP] == TOP
    gateway = written["gateways"][0]
    assert list(gateway)[: len(GATEWAY)] == GATEWAY
    agent = gateway["agents"][0]
    assert list(agent)[:3] == ["agent", "providers", "profiles"]
    assert all(list(provider)[: len(PROVIDER)] == PROVIDER for provider in agent["providers"])
    assert all(list(profile)[: len(PROFILE)] == PROFILE for profile in agent["profiles"])
    assert list(written["problems"][0])[:5] == ["gateway", "agent", "store", "reason", "place"]


def test_times_are_utc_and_absent_is_null() -> None:
    written = _written()
    profiles = {profile["profile"]: profile for profile in written["gateways"][0]["agents"][0]["profiles"]}
    assert written["schema"] == 1
    assert written["at"] == "2026-11-01T00:00:00Z"
    assert profiles["anthropic:work"]["expires_at"] == "2026-10-31T23:00:00Z"
    assert profiles["anthropic:work"]["health"] == "renewing"
    assert profiles["anthropic:work"]["gateway_health"] == "expired"
    assert profiles["openai:default"]["expires_at"] is None
    assert profiles["anthropic:manual"]["position"] is None
    assert profiles["anthropic:manual"]["why"]
    assert profiles["anthropic:gone"]["credential"] is None


def test_a_cooldown_names_its_model_only_when_it_has_one() -> None:
    from exporter.document import _cooldown

    window = Cooldown(CooldownKind.COOLDOWN, CooldownScope.MODEL, NOW, "rate_limit", "gpt-5.4")
    assert _cooldown(window) | {"classification": None} == {
        "kind": "cooldown",
        "scope": "model",
        "model": "gpt-5.4",
        "reason": "rate_limit",
        "until": "2026-11-01T00:00:00Z",
        "classification": None,
    }


@pytest.mark.parametrize(
    "options",
    [{}, {"all_profiles": True}, {"strict": True}, {"within": 4 * HOUR}],
    ids=["in-use", "all", "strict", "within"],
)
def test_a_snapshot_read_back_is_judged_the_same(options: dict[str, Any]) -> None:
    before = _snapshot()
    after = snapshot_of(json.loads(json.dumps(document(before, 0))))
    assert check(after, **options) == check(before, **options)
    assert document(after, 0) == document(before, 0)


PROBED = Outcome(
    ProbeStatus.RATE_LIMIT, "window", NOW - HOUR, "slow down", 429, NOW + HOUR, phases={"connect": 0.01, "total": 0.25},
    last_success_at=NOW - 2 * HOUR, expires_at=NOW + 9 * HOUR, clock_offset_seconds=-2.5,
    rate_limits=(RateLimit("requests", "minute", 60.0, 0.0, NOW),), quotas=(Quota("5h", 0.5, NOW + HOUR), Quota("7d")),
    balances=(Balance("USD", 9.25),),
)  # fmt: skip


def test_probes_are_read_back_with_every_fact() -> None:
    mark = _snapshot().all_profiles()[0].fingerprint
    before = _probed({"anthropic:work": replace(PROBED, fingerprint=mark)})
    written = json.loads(json.dumps(document(before, 0)))
    after = snapshot_of(written)
    assert document(after, 0) == written
    assert after.all_profiles()[0].probe == replace(PROBED, fingerprint="")


@pytest.mark.parametrize("current", [True, False], ids=["this-key", "an-earlier-key"])
def test_a_refusal_counts_for_the_credential_it_was_of(current: bool) -> None:
    mark = _snapshot().all_profiles()[-1].fingerprint if current else "0123"
    before = _probed({"openai:default": Outcome(ProbeStatus.AUTH, "revoked", NOW, confirmed=True, fingerprint=mark)})
    after = snapshot_of(json.loads(json.dumps(document(before, 0))))
    found = {one.profile: one for one in after.all_profiles()}["openai:default"]
    assert (found.refused, found.usable) == (current, not current)


def test_keys_of_another_release_do_no_harm() -> None:
    written = _written()
    written["future"] = {"deep": [1]}
    profile = written["gateways"][0]["agents"][0]["profiles"][0]
    profile["future"] = None
    for key in ("rules", "counts", "renews", "store"):
        del profile[key]
    assert snapshot_of(written).gateways[0].agents[0].profiles[0].counts


@pytest.mark.parametrize("tree", [None, [], "x", {}, {"schema": 2}, {"schema": 1}, {"schema": 1, "at": "soon"}], ids=repr)
def test_what_is_no_document_is_refused(tree: object) -> None:
    with pytest.raises(NotADocument):
        snapshot_of(tree)


def test_an_unknown_word_is_refused_with_its_place_only() -> None:
    written = _written()
    written["gateways"][0]["agents"][0]["profiles"][0]["health"] = "sk-secret"
    with pytest.raises(NotADocument, match=r"gateways\[0\]\.agents\[0\]\.profiles\[0\]\.health") as caught:
        snapshot_of(written)
    assert "sk-secret" not in str(caught.value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(junk=_JSON, data=st.data())
def test_a_damaged_document_is_refused_or_read_but_never_a_crash(junk: object, data: st.DataObject) -> None:
    written = copy.deepcopy(_WRITTEN)
    node: Any = written
    while isinstance(node, dict | list) and node:
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        if data.draw(st.booleans()) or not isinstance(node[key], dict | list):
            node[key] = junk
            break
        node = node[key]
    try:
        snapshot_of(written)
    except NotADocument:
        pass


_WRITTEN = _written()
