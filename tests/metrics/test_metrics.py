"""Pure. The exposition: every family, both formats, and what happens to odd ids."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.masking import mask_emails
from exporter.metrics.collector import SnapshotCollector
from exporter.metrics.families import FAMILIES, RUN_TIMESTAMP, render
from exporter.metrics.view import Counters, Policy, view_of
from exporter.model import ProblemReason
from exporter.outcome import Outcome, ProbeStatus
from exporter.verdict import CooldownKind, Eligibility, Health, RefreshState, Snapshot
from tests.metrics.shown import COUNTERS, HOUR, NOW, everything, profile, snapshot
from tests.running import ROOT

GOLDEN = ROOT / "tests" / "golden" / "metrics.txt"
SUBJECT = ("gateway", "agent", "provider", "profile")

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def series(families: Iterable[Metric]) -> Series:
    found: Series = {}
    for family in families:
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"twice: {key}"
            found[key] = sample.value
    return found


def text(shown: Snapshot, counters: Counters = COUNTERS, **options: object) -> str:
    return render(shown, options.pop("now", NOW), counters, **options).decode()  # type: ignore[arg-type]


def of(shown: Snapshot, name: str, **options: object) -> dict[frozenset[tuple[str, str]], float]:
    written = text(shown, COUNTERS, **options)
    return {labels: value for (found, labels), value in series(parse_text(written)).items() if found == name}


def openmetrics(written: str) -> Series:
    return series(parse_openmetrics(written))  # type: ignore[no-untyped-call]  # the library left it bare


def without_empty_labels(found: Series) -> Series:
    return {(name, frozenset(pair for pair in labels if pair[1])): value for (name, labels), value in found.items()}


def test_the_exposition_equals_the_golden_file() -> None:
    written = text(everything())
    if os.environ.get("PYTEST_WRITE_GOLDEN"):
        GOLDEN.write_text(written, encoding="utf-8")
    assert written == GOLDEN.read_text(encoding="utf-8")


def test_the_golden_file_shows_every_family() -> None:
    shown = {line.split()[2] for line in GOLDEN.read_text(encoding="utf-8").splitlines() if line.startswith("# TYPE")}
    assert shown == {family.name for family in FAMILIES}


@pytest.mark.real
@pytest.mark.parametrize("for_file", [False, True], ids=["scrape", "file"])
def test_promtool_has_nothing_to_say(program: Callable[..., str], for_file: bool) -> None:
    done = subprocess.run(
        [program("promtool"), "check", "metrics"],
        input=render(everything(), NOW, COUNTERS, for_file=for_file),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_both_formats_say_the_same_as_the_client_library() -> None:
    registry = CollectorRegistry()
    registry.register(SnapshotCollector(replace(view_of(everything(), Policy()), counters=COUNTERS)))
    stock = series(parse_text(generate_latest(registry).decode()))
    assert series(parse_text(text(everything()))) == pytest.approx(stock)
    assert openmetrics(text(everything(), openmetrics=True)) == pytest.approx(stock)


def test_only_openmetrics_ends_with_its_mark_and_drops_the_counters_suffix() -> None:
    plain, modern = text(everything()), text(everything(), openmetrics=True)
    assert "# EOF" not in plain
    assert modern.endswith("\n# EOF\n")
    assert "# TYPE model_auth_source_errors_total counter\n" in plain
    assert "# TYPE model_auth_source_errors counter\nmodel_auth_source_errors_total{" in modern


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_names_and_labels_follow_the_conventions(family: object) -> None:
    row = next(one for one in FAMILIES if one is family)
    assert row.name.startswith("model_auth_")
    assert row.name.endswith("_total") == (row.kind == "counter")
    assert not {"type", "instance", "job", "le", "quantile"} & set(row.labels)
    assert len(set(row.labels)) == len(row.labels)
    assert row.help.endswith(".")


@pytest.mark.parametrize(
    ("name", "label", "states"),
    [
        ("model_auth_profile_health", "health", Health),
        ("model_auth_profile_eligibility", "reason", Eligibility),
        ("model_auth_profile_refresh_state", "state", RefreshState),
        ("model_auth_probe_outcome", "outcome", ProbeStatus),
    ],
)
def test_a_state_set_has_every_state_and_exactly_one_is_true(name: str, label: str, states: type[Health]) -> None:
    by_profile: dict[str, dict[str, float]] = defaultdict(dict)
    for labels, value in of(everything(), name).items():
        pairs = dict(labels)
        by_profile[pairs["profile"]][pairs[label]] = value
    assert by_profile
    for found in by_profile.values():
        assert set(found) == {state.value for state in states}
        assert sorted(found.values())[-2:] == [0, 1]


@pytest.mark.parametrize(
    "name",
    [
        "expiry_timestamp_seconds",
        "expires_in_seconds",
        "changed_timestamp_seconds",
        "last_used_timestamp_seconds",
        "last_failure_timestamp_seconds",
        "errors",
        "failures",
    ],
)
def test_what_is_unknown_has_no_sample(name: str) -> None:
    assert not of(snapshot(profile()), f"model_auth_profile_{name}")


def test_probe_families_wait_for_an_outcome() -> None:
    assert "model_auth_probe" not in text(snapshot(profile()), Counters())
    assert "model_auth_probe_outcome" in text(snapshot(profile(probe=Outcome(ProbeStatus.SKIPPED))))


def test_a_probe_that_was_not_sent_is_neither_success_nor_failure() -> None:
    assert not of(snapshot(profile(probe=Outcome(ProbeStatus.SKIPPED))), "model_auth_probe_success")
    assert [*of(snapshot(profile(probe=Outcome(ProbeStatus.TIMEOUT))), "model_auth_probe_success").values()] == [0]


def test_remaining_seconds_fall_while_nothing_is_read_anew() -> None:
    shown = everything()
    before, after = (of(shown, "model_auth_profile_expires_in_seconds", now=NOW + later) for later in (timedelta(), 3 * HOUR))
    assert sorted(before.values()) == [-3600, 7200]
    assert {labels: value - 10_800 for labels, value in before.items()} == after


def test_of_several_windows_of_a_kind_the_last_end_counts() -> None:
    ends = of(everything(), "model_auth_cooldown_until_timestamp_seconds")
    assert {dict(labels)["kind"]: value for labels, value in ends.items()} == {
        CooldownKind.COOLDOWN: (NOW + 2 * HOUR).timestamp(),
        CooldownKind.DISABLED: (NOW + 3 * HOUR).timestamp(),
    }


def test_all_three_kinds_of_window_are_told_also_when_none_is_active() -> None:
    active = of(snapshot(profile()), "model_auth_cooldown_active")
    assert {dict(labels)["kind"] for labels in active} == {kind.value for kind in CooldownKind}
    assert set(active.values()) == {0}


def test_several_places_of_one_kind_are_one_source() -> None:
    shown = everything()
    dotenv = frozenset({("gateway", "openclaw"), ("agent", "main"), ("store", "dotenv")})
    assert of(shown, "model_auth_source_up")[dotenv] == 0
    assert of(shown, "model_auth_source_insecure_permissions")[dotenv] == 1
    assert of(shown, "model_auth_source_last_success_timestamp_seconds")[dotenv] == (NOW - HOUR).timestamp()


def test_a_readable_source_succeeded_in_the_last_pass_although_nothing_had_to_be_opened() -> None:
    shown = everything()
    before = of(shown, "model_auth_source_last_success_timestamp_seconds")
    after = of(replace(shown, at=NOW + HOUR), "model_auth_source_last_success_timestamp_seconds")
    advanced = {dict(labels)["store"]: after[labels] - before[labels] for labels in before}
    assert advanced == {"auth-profiles": 3600, "dotenv": 0}


def test_errors_of_every_reason_are_there_before_they_happen() -> None:
    reasons = {dict(labels)["reason"] for labels in of(everything(), "model_auth_source_errors_total")}
    assert reasons >= {reason.value for reason in ProblemReason} - {"environment_unseen", "no_gateway"}


def test_our_own_keys_have_no_service_whose_environment_could_be_seen() -> None:
    assert {dict(labels)["gateway"] for labels in of(everything(), "model_auth_environment_seen")} == {"openclaw"}


def test_new_verdicts_are_rendered_and_old_ones_are_not_rendered_again() -> None:
    shown = snapshot(profile())
    first = text(shown)
    assert text(replace(shown, searched=("/x",))) == first
    assert 'profile="anthropic:new"' in text(snapshot(profile("anthropic:new")))
    assert text(shown) == first


class TestFile:
    def test_leaves_out_what_ages_and_adds_the_run(self) -> None:
        names = {line.split()[2] for line in text(everything(), for_file=True).splitlines() if line.startswith("# TYPE")}
        assert RUN_TIMESTAMP.name in names
        assert not [name for name in names if name.endswith(("_total", "_in_seconds", "_remaining_seconds"))]
        assert "model_auth_profile_expiry_timestamp_seconds" in names

    def test_keeps_to_the_names_asked_for(self) -> None:
        assert text(everything(), for_file=True, names=frozenset({RUN_TIMESTAMP.name})).count("# TYPE") == 1


def test_only_the_names_asked_for_are_rendered() -> None:
    wanted = frozenset({"model_auth_profile_usable", "model_auth_exporter_build_info", "nonsense"})
    shown = {line.split()[2] for line in text(everything(), names=wanted).splitlines() if line.startswith("# TYPE")}
    assert shown == wanted - {"nonsense"}


class TestIds:
    def test_addresses_are_masked_stably_and_uniquely(self) -> None:
        digits = hashlib.sha256(b"ann@example.com").hexdigest()[:6]
        assert mask_emails("anthropic:ann@example.com") == f"anthropic:a***{digits}"
        assert mask_emails("x:ann@example.com:2") == f"x:a***{digits}:2"
        assert mask_emails("a+b@x.org") != mask_emails("ab@x.org")
        assert mask_emails("anthropic:default") == "anthropic:default"
        assert mask_emails("of openclaw@ann: ann.b@example.com.").startswith("of openclaw@ann: a***")
        assert mask_emails("It is ann@example.com.") == f"It is a***{digits}."

    def test_addresses_are_shown_when_that_is_wanted(self) -> None:
        shown = snapshot(profile("anthropic:ann@example.com"))
        assert "ann@example.com" not in text(shown)
        assert "ann@example.com" in text(shown, policy=Policy(mask_emails=False))

    def test_an_id_that_looks_like_a_masked_one_stays_apart(self) -> None:
        shown = snapshot(profile("a:ann@example.com"), profile(mask_emails("a:ann@example.com")))
        assert len(of(shown, "model_auth_profile_usable")) == 2

    def test_a_very_long_id_is_cut_and_stays_apart(self) -> None:
        shown = snapshot(profile("x" * 5000), profile("x" * 5001))
        found = of(shown, "model_auth_profile_usable")
        assert len(found) == 2
        assert max(len(dict(labels)["profile"]) for labels in found) < 256

    @given(st.lists(st.text(st.characters(codec=None), max_size=12), max_size=6, unique=True))
    def test_any_id_makes_one_series_that_parses(self, names: list[str]) -> None:
        shown = snapshot(*(profile(name) for name in names))
        plain = without_empty_labels(series(parse_text(text(shown, Counters()))))
        modern = without_empty_labels(openmetrics(text(shown, Counters(), openmetrics=True)))
        assert len([key for key in plain if key[0] == "model_auth_profile_usable"]) == len(names)
        assert plain == modern

    @given(st.dictionaries(st.text(st.characters(codec=None), max_size=8), st.integers(0, 9), max_size=8))
    def test_any_reason_of_a_gateway_parses(self, failures: dict[str, int]) -> None:
        found = of(snapshot(profile(failures=failures)), "model_auth_profile_failures")
        assert len(found) == len(failures)


class TestLimit:
    def test_healthy_profiles_go_first_and_roll_ups_stay(self) -> None:
        shown = snapshot(profile("a"), profile("b", usable=False), profile("c"), profile("d", health=Health.EXPIRED))
        policy = Policy(max_profiles=2)
        kept = {dict(labels)["profile"] for labels in of(shown, "model_auth_profile_usable", policy=policy)}
        assert kept == {"b", "d"}
        assert [*of(shown, "model_auth_exporter_profiles_dropped", policy=policy).values()] == [2]
        assert of(shown, "model_auth_provider_usable_profiles", policy=policy)

    def test_a_profile_goes_whole(self) -> None:
        assert 'profile="a"' not in text(snapshot(profile("a"), profile("b", usable=False)), policy=Policy(max_profiles=1))


def test_the_same_id_of_two_agents_is_two_profiles() -> None:
    shown = snapshot(profile("a"), profile("a", agent="work"))
    assert {frozenset(pair for pair in labels if pair[0] in SUBJECT) for labels in of(shown, "model_auth_profile_usable")} == {
        frozenset({("gateway", "openclaw"), ("agent", agent), ("provider", "anthropic"), ("profile", "a")}) for agent in ("main", "work")
    }
