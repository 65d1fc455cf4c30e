"""The auth document against the newest release's own functions, and the stores that eleven releases left behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from exporter.model import CredentialKind, ExpiryKind, ProblemReason, Profile, StoreKind, StoreRef
from exporter.stores import auth_document

FIXTURES = Path(__file__).parent.parent / "fixtures"
VECTORS = json.loads((FIXTURES / "vectors" / "vectors-2026.9.6.json").read_text())
REF = StoreRef("openclaw", "main", StoreKind.AUTH_PROFILES, "@")
STORES = sorted(FIXTURES.rglob("auth-profiles.json"))
MATRIX = FIXTURES / "openclaw-2026.3.13" / "matrix" / "home" / ".openclaw" / "agents" / "main" / "agent" / "auth-profiles.json"
POLICY_OF_STORES = [vector for vector in VECTORS["oauthSecretRefPolicy"] if "cfg" not in vector["input"]]
UNDEFINED = {"undefined": None, "NaN": float("nan"), "Infinity": float("inf")}


def facts(profile: Profile) -> dict[str, object]:
    """Say a profile in the field names of the newest release."""
    credential = profile.credential
    name = {CredentialKind.API_KEY: "key", CredentialKind.TOKEN: "token", CredentialKind.OAUTH: "access"}[credential.kind]
    found: dict[str, object] = {"type": credential.kind.value, "provider": profile.provider.strip().lower()}
    if credential.secret is not None:
        found[name] = credential.secret.reveal()
    if credential.refresh is not None:
        found["refresh"] = credential.refresh.reveal()
    if credential.secret_ref is not None:
        ref = credential.secret_ref
        found[f"{name}Ref"] = {"source": ref.source.value, "provider": ref.provider, "id": ref.id}
    if profile.email is not None:
        found["email"] = profile.email
    if credential.expiry.kind is not ExpiryKind.ABSENT:
        found["expires"] = credential.expiry.ms or 0
    return found | dict(credential.attributes)


def recorded(stored: Mapping[str, object]) -> dict[str, object]:
    """Say a recorded profile as we keep it: a template is a reference from the start, and a date beyond the last is no date."""
    found = dict(stored)
    if found.get("key") == "${FIXTURE_OPENAI_KEY}":
        del found["key"]
        found["keyRef"] = {"source": "env", "provider": "default", "id": "FIXTURE_OPENAI_KEY"}
    if found.get("expires") == auth_document.LAST_JS_DATE_MS + 1:
        found["expires"] = 0
    return found


def test_the_edge_case_store_reads_as_the_newest_release_reads_it() -> None:
    parsed = auth_document.parse(MATRIX.read_bytes(), REF)
    assert parsed.value is not None
    accepted = VECTORS["coercedStore"]["profiles"]
    assert {id: facts(profile) for id, profile in parsed.value.profiles.items()} == {id: recorded(p) for id, p in accepted.items()}
    dropped = [problem.place for problem in parsed.problems if problem.reason is ProblemReason.BAD_ENTRY]
    assert dropped == [f"@: /profiles/bad:{name}" for name in ("notype", "badtype", "noprovider", "notobject")]


def test_state_reads_as_the_newest_release_reads_it() -> None:
    parsed = auth_document.parse(MATRIX.read_bytes(), REF)
    assert parsed.value is not None
    state, expected = parsed.value.state, VECTORS["coercedStore"]
    assert {provider: list(ids) for provider, ids in state.order.items()} == expected["order"]
    assert dict(state.last_good) == expected["lastGood"]
    for id, stats in expected["usageStats"].items():
        usage = state.usage[id]
        for name, at in {
            "lastUsed": usage.last_used_at,
            "lastFailureAt": usage.last_failure_at,
            "cooldownUntil": usage.cooldown_until,
            "disabledUntil": usage.disabled_until,
            "blockedUntil": usage.blocked_until,
        }.items():
            assert (None if at is None else round(at.timestamp() * 1000)) == stats.get(name), f"{id} {name}"
        assert usage.error_count == stats.get("errorCount")
        assert dict(usage.failure_counts) == stats.get("failureCounts", {})
        assert (usage.cooldown_reason, usage.cooldown_model) == (stats.get("cooldownReason"), stats.get("cooldownModel"))
        assert (usage.disabled_reason, usage.blocked_source) == (stats.get("disabledReason"), stats.get("blockedSource"))


@pytest.mark.parametrize("vector", VECTORS["expiryState"], ids=lambda vector: f"{vector['expires']}")
def test_a_usable_date_is_what_the_newest_release_calls_one(vector: Mapping[str, object]) -> None:
    value = vector["expires"]
    expiry = auth_document.parse_expires(UNDEFINED.get(value, value) if isinstance(value, str) else value, value != "undefined")
    kinds = {"missing": ExpiryKind.ABSENT, "invalid_expires": ExpiryKind.INVALID}
    assert expiry.kind is kinds.get(str(vector["plain"]), ExpiryKind.DATED)


@pytest.mark.parametrize("vector", POLICY_OF_STORES, ids=lambda vector: str(vector["out"])[-60:])
def test_references_in_oauth_are_found_where_the_newest_release_finds_them(vector: Mapping[str, dict[str, object]]) -> None:
    parsed = auth_document.parse(json.dumps(vector["input"]["store"]).encode(), REF)
    assert parsed.value is not None
    forbidden = [f"{p.id}.{name}" for p in parsed.value.profiles.values() for name in p.credential.forbidden_refs]
    told = [p.place for p in parsed.problems if p.reason is ProblemReason.OAUTH_SECRET_REF]
    assert bool(forbidden) == bool(told) == isinstance(vector["out"], dict)
    assert all(f"profiles.{name}:" in str(vector["out"]) for name in forbidden)


@pytest.mark.parametrize("store", STORES, ids=lambda store: "/".join(store.relative_to(FIXTURES).parts[:2]))
def test_every_release_s_store_is_read_with_all_its_profiles(store: Path) -> None:
    parsed = auth_document.parse(store.read_bytes(), REF)
    assert parsed.value is not None
    written = json.loads(store.read_bytes())["profiles"]
    assert set(parsed.value.profiles) >= {id for id in written if not id.startswith("bad:")}
    assert not any(problem.fatal for problem in parsed.problems)


def test_one_damaged_entry_is_told_by_its_place_and_the_others_stay() -> None:
    raw = b'{"profiles": {"a/b~c": 5, "ok": {"type": "token", "provider": "p", "token": "t"}}}'
    parsed = auth_document.parse(raw, REF)
    assert parsed.value is not None
    assert list(parsed.value.profiles) == ["ok"]
    assert [(p.reason, p.place, p.fatal) for p in parsed.problems] == [(ProblemReason.BAD_ENTRY, "@: /profiles/a~1b~0c", False)]
