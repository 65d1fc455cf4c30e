"""When a key from outside the store stands in: the cases and exit codes are those of `models status --check` of release 2026.9.6."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from exporter.checking import check
from exporter.model import ConfiguredProfile, GatewayReading, Profile, ProviderConfig, Secret, Usage
from tests.builders import (
    HOUR,
    NOW,
    agent,
    at,
    config,
    document,
    environment,
    gateway,
    judged,
    oauth,
    profile,
    profiles_of,
    providers_of,
    token,
)

PARKED = {"anthropic:a": Usage(cooldown_until=NOW + HOUR, cooldown_reason="rate_limit", last_failure_at=NOW - HOUR)}
ENDED, BLANK, KEY = profile(credential=token(at(-HOUR))), profile(credential=token(at(HOUR), None)), profile()
LAPSED = profile(credential=oauth(at(-HOUR), refresh=None))
GHOST = {"anthropic:ghost": ConfiguredProfile("anthropic", "api_key")}
ONLY_A = {"anthropic": ("anthropic:a",)}


def home(*profiles: Profile, env: bool = True, entry: bool = False, **how: object) -> GatewayReading:
    """Build a gateway whose provider in use has these stored profiles, and a key in the environment or in the configuration."""
    settings = replace(config(), order=how.get("order") or {}, profiles=how.get("profiles") or {})  # type: ignore[arg-type]
    if entry:
        settings = replace(settings, providers={"anthropic": ProviderConfig("anthropic", api_key=Secret("sk-config"))})
    stored = document(*profiles, order=how.get("order_stored"), usage=how.get("usage"))  # type: ignore[arg-type]
    reading = gateway(agent(local=stored), config=settings)
    return replace(reading, environment=environment({"ANTHROPIC_API_KEY": "sk-env"} if env else {}))


CASES = [
    # id, reading, exit code, what is tried
    ("nothing stored", home(), 0, ("env:ANTHROPIC_API_KEY",)),
    ("a token that has ended has left the list", home(ENDED), 0, ("env:ANTHROPIC_API_KEY",)),
    ("a token that is none was never in it", home(BLANK), 0, ("env:ANTHROPIC_API_KEY",)),
    ("a key that is parked is waited for", home(KEY, usage=PARKED), 1, ("anthropic:a",)),
    ("a login that has lapsed stays in the list", home(LAPSED), 1, ("anthropic:a",)),
    ("a stored order of ended tokens", home(ENDED, order_stored=ONLY_A), 1, ()),
    ("an order of ended tokens", home(ENDED, order=ONLY_A), 1, ()),
    ("an order of nobody", home(order={"anthropic": ()}), 1, ()),
    ("an order of ghosts", home(order={"anthropic": ("anthropic:ghost",)}), 1, ()),
    (
        "a list of profiles is no order",
        home(ENDED, profiles={"anthropic:a": ConfiguredProfile("anthropic", "api_key")}),
        0,
        ("env:ANTHROPIC_API_KEY",),
    ),
    ("configured key alone", home(env=False, entry=True), 0, ("config:anthropic",)),
    ("configured key, and a lapsed login", home(LAPSED, env=False, entry=True), 0, ("anthropic:a", "config:anthropic")),
    ("configured key, and a parked one", home(KEY, env=False, entry=True, usage=PARKED), 1, ("anthropic:a",)),
    ("configured key, and an order", home(BLANK, env=False, entry=True, order=ONLY_A), 1, ()),
    ("configured key, and a token that is none", home(BLANK, env=False, entry=True), 0, ("config:anthropic",)),
]


@pytest.mark.parametrize(("reading", "code", "tried"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_what_is_tried_and_how_the_check_ends(reading: GatewayReading, code: int, tried: tuple[str, ...]) -> None:
    snapshot = judged(reading)
    assert (check(snapshot).exit, providers_of(snapshot)["anthropic"].candidates) == (code, tried)


WAITS = profile("anthropic:a", token(at(3 * HOUR)))
DARK = [
    # id, reading, dark from, light again
    ("the environment takes over when the last token ends", home(WAITS), None, None),
    ("it does not take over from a login", home(profile(credential=oauth(at(3 * HOUR), refresh=None))), NOW + 3 * HOUR, None),
    ("nor where an order is set", home(WAITS, order=ONLY_A), NOW + 3 * HOUR, None),
    ("a window ends before the token does", home(WAITS, usage=PARKED), NOW - HOUR, NOW + HOUR),
    ("the token ends before its window does", home(profile(credential=token(at(HOUR / 2))), usage=PARKED), NOW - HOUR, NOW + HOUR / 2),
]


@pytest.mark.parametrize(("reading", "dark_at", "recovers_at"), [row[1:] for row in DARK], ids=[row[0] for row in DARK])
def test_when_the_provider_goes_dark(reading: GatewayReading, dark_at: datetime | None, recovers_at: datetime | None) -> None:
    provider = providers_of(judged(reading))["anthropic"]
    assert (provider.dark_at, provider.recovers_at) == (dark_at, recovers_at)


def test_an_order_makes_even_an_unseen_environment_irrelevant() -> None:
    reading = replace(home(ENDED, env=False, order=ONLY_A), environment=environment(seen=False))
    assert providers_of(judged(reading))["anthropic"].usable == 0


@pytest.mark.parametrize(
    ("reading", "word"),
    [(home(KEY), "stored profile"), (home(KEY, usage=PARKED), "wait"), (home(ENDED, order=ONLY_A), "order is set")],
    ids=["store first", "parked", "ordered"],
)
def test_a_key_that_is_not_tried_says_why(reading: GatewayReading, word: str) -> None:
    verdict = profiles_of(judged(reading))["env:ANTHROPIC_API_KEY"]
    assert verdict.position is None
    assert verdict.usable
    assert word in verdict.why
