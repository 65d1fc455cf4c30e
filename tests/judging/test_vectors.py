"""Our rules against input and output of the newest release's own functions."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.judging import cooldown, expiry, selection
from exporter.model import AuthDocument, GatewayConfig, StoreKind, StoreRef
from exporter.stores import auth_document
from exporter.stores import config as config_store

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "fixtures/vectors/vectors-2026.9.6.json").read_text())
NOW = datetime.fromtimestamp(VECTORS["nowMs"] / 1000, UTC)
NUMBERS = {"NaN": float("nan"), "Infinity": float("inf")}
STATES = {"valid": "valid", "expiring": "expiring", "expired": "expired", "missing": "missing", "invalid_expires": "invalid"}


def _document(store: object) -> AuthDocument:
    value = auth_document.parse(json.dumps(store).encode(), StoreRef("g", "main", StoreKind.AUTH_PROFILES, "auth-profiles.json")).value
    assert value is not None
    return value


def _config(tree: object) -> GatewayConfig:
    value = config_store.parse(tree, StoreRef("g", "", StoreKind.CONFIG, "openclaw.json"), {}).value
    assert value is not None
    return value


@pytest.mark.parametrize("name", VECTORS["order"])
def test_order(name: str) -> None:
    given = VECTORS["order"][name]["input"]
    document = _document(given["store"])
    config = _config(given.get("cfg", {}))
    provider = given.get("provider", "p")
    models = (given["forModel"],) if "forModel" in given else ()

    def parked(profile_id: str) -> datetime | None:
        usage = document.state.usage.get(profile_id)
        windows = cooldown.open_windows(usage, provider, NOW) if usage else ()
        return cooldown.parked_until(windows, models) if models else cooldown.parked_for_any(windows)

    own = {key: profile for key, profile in document.profiles.items() if selection.canonical(profile.provider) == provider}
    listing = selection.order(provider, own, document.profiles, config, document.state, NOW)
    ids = selection.parked_last(listing, parked)
    preferred = given.get("preferredProfile")
    if preferred in ids:  # a session pin moves its profile to the front; sessions are not ours to judge
        ids = (preferred, *(key for key in ids if key != preferred))
    assert list(ids) == VECTORS["order"][name]["order"]


@pytest.mark.parametrize("row", VECTORS["expiryState"], ids=lambda row: str(row["expires"]))
def test_expiry_state(row: dict[str, Any]) -> None:
    value = NUMBERS.get(row["expires"], row["expires"]) if isinstance(row["expires"], str) else row["expires"]
    parsed = auth_document.parse_expires(value, row["expires"] != "undefined")
    assert expiry.state(parsed, NOW, timedelta()) == STATES[row["plain"]]
    assert expiry.state(parsed, NOW, timedelta(minutes=5)) == STATES[row["within5m"]]


def test_eligibility_of_every_profile_of_the_matrix() -> None:
    document = _document(VECTORS["coercedStore"])
    ours = {key: selection.credential_eligibility(profile.credential, NOW)[0] for key, profile in document.profiles.items()}
    assert ours == {key: row["reasonCode"] for key, row in VECTORS["eligibility"].items()}


@pytest.mark.parametrize("profile_id", VECTORS["inCooldown"])
def test_windows_of_the_matrix(profile_id: str) -> None:
    document = _document(VECTORS["coercedStore"])
    profile = document.profiles.get(profile_id)
    windows = cooldown.open_windows(document.state.usage[profile_id], profile.provider if profile else "ghost", NOW)
    theirs = VECTORS["inCooldown"][profile_id]
    assert (cooldown.parked_for_any(windows) is not None) == theirs["anyModel"]
    assert (cooldown.parked_until(windows, ("gpt-5.4",)) is not None) == theirs["forModel_gpt54"]
    assert (cooldown.parked_until(windows, ("another",)) is not None) == theirs["forModel_other"]


@pytest.mark.parametrize("profile_id", VECTORS["afterClearExpired"])
def test_counters_after_lapsed_windows(profile_id: str) -> None:
    usage = _document(VECTORS["coercedStore"]).state.usage[profile_id]
    theirs = VECTORS["afterClearExpired"][profile_id]
    errors, failures = cooldown.counters(usage, NOW)
    assert (errors, dict(failures)) == (theirs.get("errorCount"), theirs.get("failureCounts", {}))


@pytest.mark.parametrize("name", VECTORS["usageSequences"])
def test_counters_along_a_sequence_of_failures(name: str) -> None:
    """What a failing gateway writes reads back as its own counters while the window is open."""
    for step in VECTORS["usageSequences"][name]:
        store = {"version": 1, "profiles": {}, "usageStats": {"p:a": step["result"]}}
        usage = _document(store).state.usage["p:a"]
        errors, failures = cooldown.counters(usage, NOW + timedelta(milliseconds=step["atOffsetMs"]))
        assert (errors, dict(failures)) == (step["result"]["errorCount"], step["result"]["failureCounts"])


@pytest.mark.parametrize("row", VECTORS["oauthSecretRefPolicy"], ids=lambda row: json.dumps(row["input"])[:80])
def test_oauth_beside_a_reference_is_refused(row: dict[str, Any]) -> None:
    document = _document(row["input"]["store"])
    config = _config(row["input"].get("cfg", {}))
    refused = {key: selection.eligibility(profile, config.profiles.get(key), NOW)[0] for key, profile in document.profiles.items()}
    expected = "ok" if row["out"] == "accepted" else "oauth_secret_ref_rejected"
    assert set(refused.values()) == {expected}
