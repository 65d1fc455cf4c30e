"""Every condition both ways, and the words of its notice."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.alerting.notice import Notice, NoticeKind
from exporter.finding import Severity
from exporter.findings.catalogue import BY_NAME, CATALOGUE
from tests.troubles import MINUTE, TROUBLES, Trouble
from tests.virtual import PAGER, POLICY, World

GOLDEN = Path(__file__).parents[1] / "golden" / "notices"
REQUIRED = frozenset(
    {
        "ProviderDown",
        "RedundancyLost",
        "Expired",
        "Expiring",
        "RenewalUnproven",
        "RefreshOverdue",
        "RefreshOrphaned",
        "RefreshFailed",
        "Rejected",
        "BillingDisabled",
        "CreditLow",
        "QuotaNearLimit",
        "QuotaExhausted",
        "CooldownLong",
        "CooldownContradicted",
        "ReasonMismatch",
        "ExpiryUnknownOld",
        "InvalidExpiry",
        "MissingCredential",
        "SecretRefUnresolved",
        "StoreUnreadable",
        "StoreSplit",
        "ProfileVanished",
        "OrderNamesGhost",
        "AgentDrift",
        "EnvDrift",
        "CliSyncStale",
        "LockStuck",
        "InsecurePermissions",
        "ClockSkew",
        "ProbesStale",
        "DeliveryFailing",
        "JobFailing",
    }
)


EVERYTHING = replace(POLICY, routes=(replace(PAGER, severities=frozenset(Severity)),))


def _brought_up_to(trouble: Trouble) -> World:
    world = World(policy=EVERYTHING, thresholds=trouble.thresholds)
    if trouble.before:
        trouble.before.show(world, 2 * MINUTE)
        world.wait(trouble.later)
    assert world.told == []
    return world


def test_every_named_condition_has_one_entry() -> None:
    assert len(BY_NAME) == len(CATALOGUE)
    assert set(BY_NAME) >= REQUIRED


def test_every_entry_has_a_trouble() -> None:
    assert {trouble.name for trouble in TROUBLES} == set(BY_NAME)


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_it_is_told_once_and_its_end_once(trouble: Trouble) -> None:
    world = _brought_up_to(trouble)
    trouble.sick.show(world, 11 * MINUTE)
    assert [(notice.kind, notice.names()) for notice in world.told] == [(NoticeKind.FIRING, frozenset({trouble.name}) | trouble.with_it)]
    assert world.told[0].severity is BY_NAME[trouble.name].severity
    trouble.well.show(world, 10 * MINUTE)
    ended = world.told[1:]
    assert [notice.kind for notice in ended] == [NoticeKind.RESOLVED]
    assert trouble.name in ended[0].names()
    assert dict(world.book.alerts) == {}


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_the_repaired_world_is_silent(trouble: Trouble) -> None:
    world = World(thresholds=trouble.thresholds)
    trouble.well.show(world, 11 * MINUTE)
    assert world.told == []


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_every_finding_can_be_acted_on(trouble: Trouble) -> None:
    world = _brought_up_to(trouble)
    trouble.sick.show(world, 5 * MINUTE)
    found = next(finding for finding in world.found.findings if finding.name == trouble.name)
    assert found.why
    assert found.fix.advice.endswith(".")
    assert found.fix.phone.startswith("ssh -t myhost ")
    assert "/home/" not in str(found)
    assert found.labels()["name"] == trouble.name


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_the_words_are_the_reviewed_ones(trouble: Trouble) -> None:
    world = _brought_up_to(trouble)
    trouble.sick.show(world, 11 * MINUTE)
    trouble.well.show(world, 10 * MINUTE)
    text = "\n".join(_page(notice) for notice in world.told)
    golden = GOLDEN / f"{trouble.name}.txt"
    if os.environ.get("PYTEST_UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_what_nobody_wants_is_not_found(trouble: Trouble) -> None:
    world = _brought_up_to(trouble)
    world.disabled = frozenset({trouble.name})
    trouble.sick.show(world, 2 * MINUTE)
    assert trouble.name not in {finding.name for finding in world.found.findings}


def _page(notice: Notice) -> str:
    return f"{notice.title}\n\n{notice.plain}\n\n-------- markdown\n\n{notice.markdown}\n\n================\n"


def test_severities_are_what_wakes_people() -> None:
    critical = {condition.name for condition in CATALOGUE if condition.severity is Severity.CRITICAL}
    assert critical == {"ProviderDown", "StoreUnreadable", "DeliveryFailing"}
    assert POLICY.repeat(Severity.INFO) is None
