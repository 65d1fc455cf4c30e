"""Pure. What to do about a profile, in the words of the gateway that owns it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from exporter.model import CredentialKind, Family, Source
from exporter.outcome import Outcome, ProbeStatus
from exporter.remedies import binary, remedy
from exporter.verdict import (
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
)
from tests.builders import NOW

_RULE = Ruling("rule", "why")


def gateway(**changes: object) -> GatewayVerdict:
    made = GatewayVerdict("openclaw", Family.OPENCLAW, "/home/a/.openclaw", "shared-db", True, "", True, (), version="2026.9.6")
    return replace(made, **changes)  # type: ignore[arg-type]


def profile(**changes: object) -> ProfileVerdict:
    made = ProfileVerdict(
        gateway="openclaw",
        agent="main",
        provider="anthropic",
        profile="anthropic:work",
        credential=CredentialKind.TOKEN,
        source=Source.STORE,
        store=None,
        health=Health.OK,
        health_rule=_RULE,
        reason=Eligibility.OK,
        reason_rule=_RULE,
        gateway_health=Health.OK,
        usable=True,
        usable_rule=_RULE,
        position=1,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


EXPIRED = {"health": Health.EXPIRED, "reason": Eligibility.EXPIRED, "usable": False}


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        (EXPIRED, "openclaw models auth paste-token --provider anthropic --profile-id anthropic:work"),
        ({"health": Health.EXPIRING}, "openclaw models auth paste-token --provider anthropic --profile-id anthropic:work"),
        (EXPIRED | {"agent": "w k"}, "openclaw models auth paste-token --provider anthropic --profile-id anthropic:work --agent 'w k'"),
        (
            EXPIRED | {"agent": "work", "inherited_from": "shared"},
            "openclaw models auth paste-token --provider anthropic --profile-id anthropic:work",
        ),
        (
            EXPIRED | {"credential": CredentialKind.OAUTH, "refresh_state": RefreshState.FAILED, "reason": Eligibility.OK},
            "openclaw models auth login --provider anthropic --profile-id anthropic:work",
        ),
        (EXPIRED | {"credential": CredentialKind.OAUTH, "provider": "github-copilot"}, "openclaw models auth login-github-copilot"),
        (
            EXPIRED | {"credential": CredentialKind.OAUTH, "provider": "openai-codex", "profile": "openai-codex:default"},
            "openclaw models auth login --provider openai --profile-id openai-codex:default",
        ),
        (
            {"health": Health.MISSING, "reason": Eligibility.MISSING_CREDENTIAL, "credential": CredentialKind.API_KEY},
            "openclaw models auth paste-api-key --provider anthropic --profile-id anthropic:work",
        ),
        (
            {"health": Health.MISSING, "reason": Eligibility.PROFILE_MISSING, "credential": None},
            "openclaw models auth paste-token --provider anthropic --profile-id anthropic:work",
        ),
        ({"health": Health.MISSING, "reason": Eligibility.SETUP_INACTIVE}, "openclaw models auth activate anthropic:work"),
        (EXPIRED | {"source": Source.CLI_LOGIN, "profile": "cli:codex"}, "codex login"),
    ],
    ids=[
        "token",
        "expiring",
        "agent",
        "inherited",
        "login",
        "copilot",
        "codex",
        "key",
        "named-only",
        "setup",
        "cli-login",
    ],
)
def test_a_broken_profile_comes_with_the_exact_command(changes: dict[str, object], command: str) -> None:
    assert remedy(profile(**changes), gateway()).commands == (command,)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": Source.ENV, "profile": "env:OPENAI_API_KEYS#2"}, "OPENAI_API_KEYS"),
        ({"source": Source.CONFIG}, "models.providers.anthropic.apiKey"),
        ({"source": Source.STATIC}, "static_profiles"),
        ({"reason": Eligibility.UNRESOLVED_REF, "ref": "env:MY_KEY"}, "MY_KEY"),
        ({"reason": Eligibility.UNRESOLVED_REF, "ref": "file:/a"}, "secrets.providers"),
        ({"reason": Eligibility.MODE_MISMATCH}, "auth.profiles['anthropic:work']"),
    ],
    ids=["env", "config", "static", "env-ref", "file-ref", "mismatch"],
)
def test_what_no_command_repairs_names_its_place(changes: dict[str, object], words: str) -> None:
    found = remedy(profile(**{"health": Health.MISSING, "reason": Eligibility.MISSING_CREDENTIAL, **changes}), gateway())
    assert words in found.advice
    assert found.commands == ()


@pytest.mark.parametrize(
    ("source", "outcome", "words"),
    [
        (Source.STORE, ProbeStatus.AUTH, "refuses this credential"),
        (Source.ENV, ProbeStatus.AUTH, "Put a working key into GROQ_API_KEY"),
        (Source.CONFIG, ProbeStatus.AUTH, "models.providers.groq.apiKey"),
        (Source.STATIC, ProbeStatus.AUTH, "static_profiles"),
        (Source.STORE, ProbeStatus.BILLING, "Top up"),
        (Source.ENV, ProbeStatus.BILLING, "Top up"),
    ],
)
def test_what_the_provider_refuses_is_replaced_where_it_is_or_paid(source: Source, outcome: ProbeStatus, words: str) -> None:
    answer = Outcome(outcome, "invalid" if outcome is ProbeStatus.AUTH else "", NOW, confirmed=True, fingerprint="f")
    refused = profile(provider="groq", profile="env:GROQ_API_KEY", source=source, fingerprint="f", probe=answer, health=Health.STATIC)
    assert refused.refused
    assert words in remedy(refused, gateway()).advice


def test_a_parked_key_of_the_environment_is_replaced_there() -> None:
    until = NOW + timedelta(hours=1)
    window = Cooldown(CooldownKind.DISABLED, CooldownScope.PROFILE, until, "auth_permanent")
    found = remedy(profile(source=Source.ENV, profile="env:GROQ_API_KEY", usable=False, parked_until=until, cooldowns=(window,)), gateway())
    assert "GROQ_API_KEY" in found.advice
    assert found.commands == ()


def test_a_healthy_profile_needs_nothing() -> None:
    assert remedy(profile(), gateway()).advice == "Nothing to do."
    renewing = remedy(profile(health=Health.RENEWING, credential=CredentialKind.OAUTH), gateway())
    assert renewing.advice.startswith("Nothing")
    assert not renewing.commands


def test_a_healthy_profile_outside_the_order_comes_with_the_order_that_has_it() -> None:
    provider = ProviderVerdict("openclaw", "main", "anthropic", True, Health.OK, _RULE, 2, 1, "a", candidates=("anthropic:a",))
    found = remedy(profile(position=None), gateway(), provider)
    assert found.commands == ("openclaw models auth order set --provider anthropic anthropic:a anthropic:work",)


@pytest.mark.parametrize(
    ("kind", "reason", "words"),
    [
        (CooldownKind.DISABLED, "billing", "Top up"),
        (CooldownKind.DISABLED, "auth_permanent", "refused"),
        (CooldownKind.BLOCKED, "subscription_limit", "subscription"),
        (CooldownKind.COOLDOWN, "rate_limit", "Wait"),
    ],
)
def test_a_parked_profile_says_what_ends_it(kind: CooldownKind, reason: str, words: str) -> None:
    until = NOW + timedelta(hours=1)
    parked = profile(usable=False, parked_until=until, cooldowns=(Cooldown(kind, CooldownScope.PROFILE, until, reason),))
    assert words in remedy(parked, gateway()).advice


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "openclaw"),
        ({"state_dir": "/home/a/.openclaw-work"}, "openclaw --profile work"),
        ({"state_dir": "/home/a/.openclaw-dev"}, "openclaw --dev"),
        ({"state_dir": "/srv/my gateway"}, "OPENCLAW_STATE_DIR='/srv/my gateway' openclaw"),
        ({"gateway": "openclaw@bob"}, "sudo -iu bob openclaw"),
        ({"gateway": "x@bob", "state_dir": "/srv/x"}, "sudo -iu bob env OPENCLAW_STATE_DIR=/srv/x openclaw"),
        ({"family": Family.CLAWDBOT, "state_dir": "/home/a/.clawdbot"}, "clawdbot"),
        ({"family": Family.MOLTBOT, "state_dir": "/home/a/.moltbot"}, "moltbot"),
    ],
    ids=["default", "profile", "dev", "elsewhere", "user", "user-elsewhere", "clawdbot", "moltbot"],
)
def test_a_command_reaches_exactly_this_state_directory(changes: dict[str, object], words: str) -> None:
    assert binary(gateway(**changes)) == words


@pytest.mark.parametrize(
    ("credential", "verb"),
    [(CredentialKind.API_KEY, "paste-api-key"), (CredentialKind.TOKEN, "paste-token"), (CredentialKind.OAUTH, "paste-api-key")],
)
def test_remoteclaw_has_no_command_of_its_own_and_gets_ours(credential: CredentialKind, verb: str) -> None:
    remoteclaw = gateway(gateway="my claw", family=Family.REMOTECLAW, state_dir="/home/a/.remoteclaw")
    found = remedy(profile(**EXPIRED, credential=credential), remoteclaw)
    where = "--gateway 'my claw' --provider anthropic --profile-id anthropic:work"
    assert found.commands == (f"model-auth-exporter auth {verb} {where}",)
    assert "auth-profiles.json" not in found.advice


@pytest.mark.parametrize(
    ("version", "era", "command"),
    [
        ("2026.3.13", "json", "add"),
        (None, "json-split", "add"),
        (None, "agent-db", "paste-api-key"),
        ("2026.9.6", "json", "paste-api-key"),
        ("not a version", "json", "add"),
        ("2026.1.24-3", "json", "add"),
    ],
)
def test_a_command_exists_in_the_release_that_runs(version: str | None, era: str, command: str) -> None:
    broken = profile(health=Health.MISSING, reason=Eligibility.MISSING_CREDENTIAL, credential=CredentialKind.API_KEY)
    assert f" {command}" in remedy(broken, gateway(version=version, era=era)).commands[0]


def test_an_id_with_shell_characters_is_quoted() -> None:
    found = remedy(profile(**EXPIRED, profile="a:$(rm -rf ~)"), gateway())
    assert found.commands[0].endswith("--profile-id 'a:$(rm -rf ~)'")
