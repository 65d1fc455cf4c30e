"""Which profiles become targets, which do not and why, and which share one account."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.model import AuthDocument, Credential, CredentialKind, Fence, Profile, ProviderConfig, Reading, Secret, Source, Usage
from exporter.outcome import Outcome, ProbeStatus
from exporter.planning.targets import Aim, Wishes, aims, spread
from tests.builders import HOUR, NOW, agent, at, config, document, environment, gateway, judged, key, oauth, profile, token

SALT = b"salt"


def aimed(local: AuthDocument, wishes: Wishes = Wishes(), **changes: object) -> dict[str, Aim]:
    home = gateway(agent(local=local), **changes)
    return {aim.subject.profile: aim for aim in aims(Reading(NOW, (home,)), judged(home), SALT, NOW, wishes)}


def reason(aim: Aim) -> str:
    assert aim.target is None
    return aim.outcome.detail if aim.outcome else ""


def test_a_good_key_is_a_target_at_its_vendors_host() -> None:
    aim = aimed(document(profile("openai:a", key())))["openai:a"]
    assert aim.request is not None
    assert aim.target is not None
    assert (aim.request.url, aim.target.host) == ("https://api.openai.com/v1/models", "api.openai.com")
    assert "sk-fake" not in aim.target.key


def test_a_configured_base_url_wins_and_so_do_its_headers() -> None:
    entry = ProviderConfig("openai", "http://127.0.0.1:9/v1", headers={"X-Team": Secret("blue")})
    aim = aimed(document(profile("openai:a", key())), config=config(providers={"openai": entry}))["openai:a"]
    assert aim.request is not None
    assert aim.request.url == "http://127.0.0.1:9/v1/models"
    assert aim.request.headers["x-team"].reveal() == "blue"
    assert aim.target is not None
    assert aim.target.at_least <= timedelta(seconds=10)


@pytest.mark.parametrize(
    ("credential", "why"),
    [
        (key(None), "missing_credential"),
        (token(at(-HOUR)), "expired"),
        (oauth(at(-HOUR)), "expired"),
        (Credential(CredentialKind.OAUTH, None, Secret("refresh"), fence=Fence(False)), "refreshing"),
        (Credential(CredentialKind.OAUTH, None, Secret("refresh"), fence=Fence(True)), "refresh_stuck"),
    ],
    ids=["missing", "lapsed-token", "lapsed-login", "fence", "failed-fence"],
)
def test_local_facts_come_first(credential: Credential, why: str) -> None:
    assert reason(aimed(document(profile("anthropic:a", credential)))["anthropic:a"]) == why


def test_a_profile_left_out_by_its_order_is_not_sent() -> None:
    found = aimed(
        document(profile("openai:a", key()), profile("openai:b", key("sk-other-0123456789"))),
        config=config(order={"openai": ("openai:a",)}),
    )
    assert found["openai:a"].target is not None
    assert reason(found["openai:b"]) == "excluded_by_auth_order"


def test_what_is_off_or_never_probed_says_so() -> None:
    stored = document(
        profile("openai:a", key()),
        profile("qwen:a", key("sk-sp-plan-key-0123")),
        profile("google-gemini-cli:a", oauth(at(HOUR)), "google-gemini-cli"),
    )
    found = aimed(stored, Wishes(off={"openai"}))
    assert reason(found["openai:a"]) == "switched_off"
    assert reason(found["qwen:a"]) == "never"
    assert reason(found["google-gemini-cli:a"]) == "not_named"
    assert aimed(stored, Wishes(named={"google-gemini-cli"}))["google-gemini-cli:a"].target is not None


def test_nothing_to_ask_is_no_model() -> None:
    aim = aimed(document(profile("unheard-of:a", key())))["unheard-of:a"]
    assert aim.outcome is not None
    assert aim.outcome.outcome is ProbeStatus.NO_MODEL


def test_a_parked_profile_is_still_a_target() -> None:
    stored = document(profile("openai:a", key()), usage={"openai:a": Usage(cooldown_until=NOW + HOUR, cooldown_reason="rate_limit")})
    target = aimed(stored)["openai:a"].target
    assert target is not None
    assert target.parked_until == NOW + HOUR


def test_agents_that_share_a_credential_share_an_account() -> None:
    home = gateway(agent(local=document(profile("openai:a", key()))), agent("work", document(profile("openai:b", key()))))
    found = aims(Reading(NOW, (home,)), judged(home), SALT, NOW, Wishes())
    keys = {aim.target.key for aim in found if aim.target}
    assert len(keys) == 1
    outcome = Outcome(ProbeStatus.AUTH, "revoked", confirmed=True, fingerprint="x")
    told = spread(found, {keys.pop(): outcome})
    assert len(told) == len([aim for aim in found if aim.target])
    marks = {aim.subject: aim.mark for aim in found}
    assert all(entry.fingerprint == marks[subject] for subject, entry in told.items())


def test_every_key_of_a_rotation_list_is_a_target_of_its_own() -> None:
    found = aimed(
        AuthDocument(), environment=environment({"OPENAI_API_KEYS": "sk-one-0123456789,sk-two-0123456789"}), config=config("openai/gpt-5")
    )
    keys = {aim.target.key for name, aim in found.items() if name.startswith("env:") and aim.target}
    assert len(keys) == 2


def test_a_key_of_our_own_settings_goes_to_its_own_address() -> None:
    own = Profile("mine", "somebody", replace(key(), attributes={"baseUrl": "http://127.0.0.1:7/v1"}), Source.STATIC)
    found = aimed(AuthDocument(), static_profiles=(own,))
    request = found["mine"].request
    assert request is not None
    assert request.url == "http://127.0.0.1:7/v1/models"
