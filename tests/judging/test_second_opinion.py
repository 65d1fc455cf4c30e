"""What the gateway stored beside what our probe found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.judging.second_opinion import opinion
from exporter.outcome import Outcome, ProbeStatus
from exporter.verdict import Cooldown, CooldownKind, CooldownScope
from tests.builders import HOUR, NOW, agent, document, gateway, judged, profile

PLAIN = judged(gateway(agent(local=document(profile())))).all_profiles()[0]
WINDOW = Cooldown(CooldownKind.COOLDOWN, CooldownScope.PROFILE, NOW + 2 * HOUR, "rate_limit")
ACCEPTED = Outcome(ProbeStatus.OK, at=NOW, fingerprint=PLAIN.fingerprint)
REFUSED = Outcome(ProbeStatus.AUTH, "invalid", NOW, "invalid x-api-key", 401, confirmed=True, fingerprint=PLAIN.fingerprint)


@pytest.mark.parametrize(
    ("probe", "window", "words"),
    [
        (ACCEPTED, WINDOW, "accepted our probe, yet the gateway parks it (cooldown: rate_limit) for another 2h"),
        (ACCEPTED, replace(WINDOW, scope=CooldownScope.MODEL, model="m"), ""),
        (ACCEPTED, replace(WINDOW, reason="billing"), ""),
        (REFUSED, WINDOW, "stored rate_limit and waits another 2h; our probe found auth"),
        (replace(REFUSED, confirmed=False), WINDOW, ""),
        (REFUSED, replace(WINDOW, reason="auth"), ""),
        (replace(REFUSED, fingerprint="of another"), WINDOW, ""),
        (replace(ACCEPTED, outcome=ProbeStatus.TIMEOUT), WINDOW, ""),
    ],
    ids=["accepted", "one-model", "money", "dead-key", "seen-once", "agreed", "another-key", "no-word"],
)
def test_a_contradiction_is_named_only_where_the_probe_proves_it(probe: Outcome, window: Cooldown, words: str) -> None:
    said = opinion(replace(PLAIN, probe=probe, cooldowns=(window,)), NOW)
    assert words in said.against
    assert bool(words) is bool(said.against)
    assert said.stored == (window.reason,)


def test_the_reason_the_gateway_would_store_stands_beside_the_stored_one() -> None:
    said = opinion(replace(PLAIN, probe=REFUSED, cooldowns=(WINDOW,)), NOW)
    assert (said.stored, said.would_store) == (("rate_limit",), "auth")
    assert opinion(PLAIN, NOW).would_store is None
