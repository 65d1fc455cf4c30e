"""Rounds of probes against real HTTP on the loopback interface: the ladder, confirmation, memory, silence, etiquette."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest

from exporter.journal.probes import ProbeBook
from exporter.judging.health import Rules
from exporter.judging.history import History
from exporter.model import AgentReading, AuthDocument, Credential, CredentialKind, GatewayReading, Profile, ProviderConfig, Reading, Secret
from exporter.outcome import Outcome, ProbeStatus
from exporter.probing.one_pass import Hooks
from exporter.probing.rounds import Manner, Prober, Seen
from exporter.providers.table import BY_ID, PROVIDERS, is_vendors
from exporter.settings import Probes, ProviderProbes
from exporter.snapshot import judge
from exporter.verdict import ProfileVerdict
from tests.builders import HOUR, NOW, agent, at, config, document, environment, gateway, key, oauth, profile, token
from tests.stub_provider import Play, Street, Stub, recorded
from tests.stub_provider import Seen as Request

SALT = b"salt"
GOOD = json.dumps({"object": "list", "data": [{"id": "gpt-5.4-nano"}, {"id": "whisper-1"}]}).encode()
BAD = json.dumps({"error": {"message": "Incorrect API key provided", "type": "invalid_request_error", "code": "invalid_api_key"}}).encode()
MINUTE = timedelta(minutes=1)
FAKE = re.compile(r"fake-([a-z0-9-]+)-(?:api_key|token|oauth)-0123456789")
HAND = Manner(by_hand=True)


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Desk:
    """One prober over one gateway, with a clock turned by hand."""

    home: GatewayReading
    directory: Path | None = None
    probes: Probes = field(default_factory=lambda: Probes(per_host_gap=timedelta(0), interval=MINUTE))
    clock: Clock = field(default_factory=Clock)
    history: History = field(default_factory=lambda: History(SALT))
    hooks: Hooks = field(default_factory=Hooks)

    def __post_init__(self) -> None:
        self.prober = Prober(self.probes, ProbeBook(self.directory, self.clock.now), self.clock, loopback_only=self.hooks.transport is None)

    def seen(self) -> Seen:
        reading = Reading(self.clock.now, (self.home,))
        return Seen(reading, judge(reading, self.clock.now, Rules(), history=self.history), SALT)

    def ask(self, manner: Manner = HAND, *, reread: Callable[[], Seen] | None = None) -> dict[str, Outcome]:
        """One round; what is then known, by profile."""
        found = self.prober.round(self.seen(), self.hooks, manner, reread=reread)
        return {subject.profile: outcome for subject, outcome in self.prober.outcomes(found.aimed).items()}

    def verdicts(self) -> dict[str, ProfileVerdict]:
        seen = self.seen()
        outcomes = self.prober.outcomes(self.prober.aims(seen))
        judged = judge(seen.reading, self.clock.now, Rules(), history=self.history, outcomes=outcomes)
        return {one.profile: one for one in judged.all_profiles()}


def home(url: str, *profiles: Profile, provider: str = "openai", **changes: object) -> GatewayReading:
    entry = ProviderConfig(provider, f"{url}/v1")
    stored = document(*(profiles or (profile("openai:a", key()),)))
    return gateway(agent(local=stored), config=config(f"{provider}/gpt-5", providers={provider: entry}), **changes)


def by_key(answers: dict[str, Play]) -> Callable[[Request], Play]:
    def play(seen: Request) -> Play:
        said = seen.headers.get("authorization", "").removeprefix("Bearer ")
        return answers.get(said, Play(401, BAD))

    return play


def test_an_accepted_key_is_ok_and_its_facts_reach_the_verdict(tmp_path: Path) -> None:
    with Stub(Play(200, GOOD, {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59"})) as stub:
        desk = Desk(home(stub.url), tmp_path)
        assert desk.ask()["openai:a"].outcome is ProbeStatus.OK
        verdict = desk.verdicts()["openai:a"]
    assert verdict.usable
    assert verdict.probe is not None
    assert {limit.resource for limit in verdict.probe.rate_limits} == {"requests"}
    assert len(stub.log) == 1


def test_one_refusal_does_not_count_and_a_second_half_a_minute_later_does(tmp_path: Path) -> None:
    with Stub(Play(401, BAD)) as stub:
        desk = Desk(home(stub.url), tmp_path)
        first = desk.ask()["openai:a"]
        assert (first.outcome, first.confirmed) == (ProbeStatus.AUTH, False)
        assert desk.verdicts()["openai:a"].usable
        desk.clock.now += timedelta(seconds=45)
        assert desk.ask()["openai:a"].refused
        verdict = desk.verdicts()["openai:a"]
    assert not verdict.usable
    assert verdict.usable_rule.rule == "usable.refused"


def test_a_refusal_is_confirmed_only_after_the_store_was_read_again(tmp_path: Path) -> None:
    with Stub(by_key({"sk-renewed-0123456789": Play(200, GOOD)})) as stub:
        desk = Desk(home(stub.url), tmp_path)
        desk.clock.now += HOUR
        desk.ask(Manner())

        def reread() -> Seen:
            desk.home = home(stub.url, profile("openai:a", key("sk-renewed-0123456789")))
            return desk.seen()

        desk.clock.now += MINUTE
        desk.ask(Manner(), reread=reread)
        assert len(stub.log) == 1, "the old key was sent again although the store holds another one"
        assert desk.ask(Manner())["openai:a"].outcome is ProbeStatus.OK


def test_what_is_remembered_survives_a_restart(tmp_path: Path) -> None:
    with Stub(Play(401, BAD)) as stub:
        desk = Desk(home(stub.url), tmp_path)
        desk.ask()
        desk.clock.now += timedelta(seconds=45)
        desk.ask()
        desk.prober.book.close()
        again = Desk(desk.home, tmp_path, clock=desk.clock)
        assert not again.verdicts()["openai:a"].usable
        assert again.prober.round(again.seen(), Hooks()).sent == {}
        assert [entry["outcome"] for entry in again.prober.recent()] == ["auth", "auth"]
    assert len(stub.log) == 2


def test_a_crash_between_claim_and_answer_counts_as_asked(tmp_path: Path) -> None:
    with Stub(Play(200, GOOD)) as stub:
        desk = Desk(home(stub.url), tmp_path)
        desk.clock.now += HOUR

        def crash(*_: object) -> None:
            raise RuntimeError("crashed")

        desk.hooks = Hooks(observe=crash)
        with pytest.raises(RuntimeError):
            desk.ask(Manner())
        desk.prober.book.close()
        again = Desk(desk.home, tmp_path, clock=desk.clock)
        assert again.prober.round(again.seen(), Hooks()).sent == {}
    assert len(stub.log) == 1


def test_a_stop_gives_back_what_was_not_sent(tmp_path: Path) -> None:
    stop = threading.Event()
    stored = [profile(f"openai:{n}", key(f"sk-key-{n}-0123456789")) for n in range(5)]

    def play(seen: Request) -> Play:
        stop.set()
        return Play(200, GOOD, after=0.2)

    with Stub(play) as stub:
        desk = Desk(home(stub.url, *stored), tmp_path, hooks=Hooks(stop=stop))
        desk.ask()
        assert len(stub.log) == 1
        assert sum(desk.prober.book.memory.spent.values()) == 1
        desk.hooks = Hooks()
        stop.clear()
        assert {one.outcome for one in desk.ask().values()} == {ProbeStatus.OK}


def test_silence_of_everybody_blames_nobody_and_a_refusal_stands(tmp_path: Path) -> None:
    with Stub(Play(401, BAD)) as stub:
        entries = {"openai": ProviderConfig("openai", f"{stub.url}/v1"), "groq": ProviderConfig("groq", "http://127.0.0.1:9/v1")}
        stored = document(profile("openai:a", key()), profile("groq:a", key("gsk-0123456789abcdef")))
        desk = Desk(gateway(agent(local=stored), config=config("openai/gpt-5", providers=entries)), tmp_path)
        desk.ask()
        desk.clock.now += timedelta(seconds=45)
        found = desk.ask()
        assert found["openai:a"].refused
        assert (found["groq:a"].outcome, found["groq:a"].detail) == (ProbeStatus.NETWORK, "refused")
        assert desk.prober.network_down_since is None
    desk.clock.now += MINUTE
    found = desk.ask()
    assert found["openai:a"].refused, "our own network says nothing about a key that was refused"
    assert (found["groq:a"].outcome, found["groq:a"].detail) == (ProbeStatus.NETWORK, "own_network")
    assert desk.prober.network_down_since == desk.clock.now
    assert not desk.verdicts()["openai:a"].usable
    assert desk.verdicts()["groq:a"].usable


def test_every_key_of_a_rotation_list_is_asked_on_its_own(tmp_path: Path) -> None:
    limited = Play(429, b'{"error":{"code":"rate_limit_exceeded"}}', {"retry-after": "600"})
    with Stub(by_key({"sk-one-0123456789": Play(200, GOOD), "sk-two-0123456789": limited})) as stub:
        lists = environment({"OPENAI_API_KEYS": "sk-one-0123456789,sk-two-0123456789,sk-bad-0123456789"})
        entry = ProviderConfig("openai", f"{stub.url}/v1")
        desk = Desk(
            gateway(agent(local=AuthDocument()), config=config("openai/gpt-5", providers={"openai": entry}), environment=lists), tmp_path
        )
        found = desk.ask()
    assert [found[f"env:OPENAI_API_KEYS#{n}"].outcome.value for n in (1, 2, 3)] == ["ok", "rate_limit", "auth"]


def test_retry_after_is_obeyed_by_hand_too(tmp_path: Path) -> None:
    with Stub(Play(429, b"{}", {"retry-after": "600"})) as stub:
        desk = Desk(home(stub.url), tmp_path)
        desk.ask()
        desk.clock.now += 9 * MINUTE
        assert desk.ask()["openai:a"].outcome is ProbeStatus.RATE_LIMIT
        assert len(stub.log) == 1
        desk.clock.now += 2 * MINUTE
        desk.ask()
        assert len(stub.log) == 2


COMPLETIONS = ("/chat/completions", "/messages", "/responses", ":generateContent", "/converse", "/api/chat", "/v2/chat")
REFRESHES = ("/token", "/refresh", "/login", "/consume", "/redeem", "/oauth")


def street_home(credentials: Iterable[tuple[str, Credential]]) -> GatewayReading:
    stored = [
        Profile(f"{provider}:{n}", provider, credential, profile().source, profile().store)
        for n, (provider, credential) in enumerate(credentials)
    ]
    return gateway(AgentReading("main", True, True, "/x", AuthDocument({one.id: one for one in stored})), config=config(None))


def everybody() -> list[tuple[str, Credential]]:
    found = []
    for row in PROVIDERS:
        for kind in sorted(row.kinds):
            secret = f"fake-{row.id}-{kind}-0123456789"
            made = {
                CredentialKind.API_KEY: key(secret),
                CredentialKind.TOKEN: token(at(400 * HOUR), secret),
                CredentialKind.OAUTH: oauth(at(400 * HOUR), secret),
            }
            found.append((row.ids[0], made[kind]) if row.ids else ("acme", made[kind]))
    return found


@pytest.mark.slow
def test_a_day_of_every_provider_sends_nothing_it_must_not(tmp_path: Path) -> None:
    """A simulated day: no completion, no refresh, no foreign host, no more than the intervals allow, whatever is answered."""

    def play(seen: Request) -> Play:
        return (Play(200, b'{"data":[]}'), Play(302, b"", {"location": "http://127.0.0.1:1/steal"}), Play(401, BAD), Play(500, b""))[
            seen.port % 4
        ]

    with Stub(play, hosts=60) as stub:
        street = Street(stub)
        desk = Desk(
            street_home(everybody()),
            tmp_path,
            Probes(per_host_gap=timedelta(0), interval=15 * MINUTE, concurrency=16, daily_budget=100_000),
            hooks=Hooks(transport=street),
        )
        end = desk.clock.now + timedelta(days=1)
        reading = desk.seen()
        targets = {one.target.host: one.target for one in desk.prober.aims(reading) if one.target is not None}
        while desk.clock.now < end:
            desk.clock.now = max(desk.prober.round(reading, desk.hooks, Manner()).next_at or end, desk.clock.now + 20 * MINUTE)
        street.close()
    assert len(stub.log) > 500
    for seen in stub.log:
        path = seen.path.split("?")[0]
        assert not path.endswith(COMPLETIONS), path
        assert not path.endswith(REFRESHES), path
        assert "steal" not in path
    per_account: dict[tuple[int, str], int] = {}
    for seen in stub.log:
        secret = next(
            (
                seen.headers[name]
                for name in ("authorization", "x-api-key", "api-key", "x-goog-api-key", "xi-api-key")
                if name in seen.headers
            ),
            seen.body.decode(),
        )
        per_account[seen.port, secret] = per_account.get((seen.port, secret), 0) + 1
    assert max(per_account.values()) <= 24 * 4 + 4
    for host, port in street.ports.items():
        mine = [count for (at_port, _), count in per_account.items() if at_port == port]
        if host in targets and targets[host].at_least >= HOUR:
            assert max(mine) <= timedelta(days=1) / targets[host].at_least + 1
    for seen in stub.log:
        for name in FAKE.findall(" ".join((*seen.headers.values(), unquote(seen.body.decode())))):
            spellings, address = set(BY_ID[name].ids or ("acme",)), f"https://{street.host_of(seen.port)}/"
            assert any(is_vendors(row, address) for row in PROVIDERS if spellings & set(row.ids)), f"the key of {name} went to {address}"


def test_no_key_follows_a_redirect(tmp_path: Path) -> None:
    with Stub(Play(200, GOOD)) as thief, Stub(Play(307, b"", {"location": f"{thief.url}/v1/models"})) as stub:
        outcome = Desk(home(stub.url), tmp_path).ask()["openai:a"]
        assert (outcome.outcome, outcome.detail) == (ProbeStatus.FORMAT, "redirect")
        assert thief.log == []


def deep_desk(url: str, directory: Path | None, **own: object) -> Desk:
    probes = Probes(per_host_gap=timedelta(0), per_provider={"openai": ProviderProbes(**own)} if own else {})  # type: ignore[arg-type]
    entry = ProviderConfig("openai", f"{url}/v1")
    stored = gateway(agent(local=document(profile("openai:a", key()))), config=config("anthropic/claude", providers={"openai": entry}))
    return Desk(stored, directory, probes)


def test_a_completion_is_sent_only_when_asked_for_and_after_the_free_probe(tmp_path: Path) -> None:
    def play(seen: Request) -> Play:
        spent = Play(429, b'{"error":{"code":"insufficient_quota","message":"You exceeded your current quota"}}')
        return spent if seen.path.endswith("/chat/completions") else Play(200, GOOD)

    with Stub(play) as stub:
        desk = deep_desk(stub.url, tmp_path)
        assert desk.ask()["openai:a"].outcome is ProbeStatus.OK
        assert [seen.path for seen in stub.log] == ["/v1/models"]
        desk.clock.now += MINUTE
        assert desk.ask(Manner(by_hand=True, deep=True))["openai:a"].outcome is ProbeStatus.BILLING
        sent = json.loads(stub.log[-1].body)
        assert (sent["model"], sent["max_tokens"]) == ("gpt-5.4-nano", 1)


def test_no_completion_for_a_key_the_free_probe_saw_refused(tmp_path: Path) -> None:
    with Stub(Play(401, BAD)) as stub:
        deep_desk(stub.url, tmp_path).ask(Manner(by_hand=True, deep=True))
        assert [seen.path for seen in stub.log] == ["/v1/models"]


def test_an_explicit_never_holds_for_a_person_too(tmp_path: Path) -> None:
    with Stub(Play(200, GOOD)) as stub:
        deep_desk(stub.url, tmp_path, deep="never").ask(Manner(by_hand=True, deep=True))
        assert [seen.path for seen in stub.log] == ["/v1/models"]


def test_deep_probes_of_the_settings_are_sent_once_a_day_and_counted(tmp_path: Path) -> None:
    with Stub(Play(200, GOOD)) as stub:
        desk = deep_desk(stub.url, tmp_path, deep="daily", model="gpt-mine")
        for _ in range(48):
            desk.clock.now += HOUR
            desk.ask(Manner())
        spent = [seen for seen in stub.log if seen.path.endswith("/chat/completions")]
    assert 2 <= len(spent) <= 3
    assert json.loads(spent[0].body)["model"] == "gpt-mine"


def test_a_newer_model_is_asked_in_its_own_form(tmp_path: Path) -> None:
    def play(seen: Request) -> Play:
        if seen.path.endswith("/models"):
            return Play(200, GOOD)
        if "max_completion_tokens" in seen.body.decode():
            return Play(200, b'{"choices":[{"finish_reason":"length","message":{"content":""}}]}')
        return Play(
            400, b'{"error":{"message":"Unsupported parameter: max_tokens. Use max_completion_tokens","code":"unsupported_parameter"}}'
        )

    with Stub(play) as stub:
        desk = deep_desk(stub.url, tmp_path)
        assert desk.ask(Manner(by_hand=True, deep=True))["openai:a"].outcome is ProbeStatus.OK
        assert len(stub.log) == 3


def test_codex_is_asked_at_its_other_address_behind_a_firewall(tmp_path: Path) -> None:
    page = Play(403, b"<!DOCTYPE html><title>Just a moment...</title>", {"content-type": "text/html"})
    with Stub(lambda seen: recorded("openai-chatgpt") if seen.path.endswith("/codex/usage") else page) as stub:
        street = Street(stub)
        stored = street_home([("openai-codex", oauth(at(HOUR)))])
        desk = Desk(stored, tmp_path, hooks=Hooks(transport=street))
        assert desk.ask()["openai-codex:0"].outcome is ProbeStatus.OK
        street.close()
    assert [seen.path for seen in stub.log] == ["/backend-api/wham/usage", "/backend-api/codex/usage"]


@pytest.mark.parametrize(("owned", "outcome"), [(True, ProbeStatus.OK), (False, ProbeStatus.AUTH)], ids=["by-an-account", "by-nobody"])
def test_a_token_that_only_an_account_knows_is_no_dead_token(owned: bool, outcome: ProbeStatus, tmp_path: Path) -> None:
    refusal = Play(401, b'{"success":false,"errors":[{"code":1000,"message":"Invalid API Token"}],"result":null}')
    with Stub(lambda seen: recorded("workers-ai") if owned and "/accounts/acc/" in seen.path else refusal) as stub:
        street = Street(stub)
        variables = environment({"CLOUDFLARE_ACCOUNT_ID": "acc"})
        stored = document(profile("workers-ai:a", key("cfat_fake0123456789")))
        desk = Desk(gateway(agent(local=stored), config=config("workers-ai/llama"), environment=variables), tmp_path)
        desk.hooks = Hooks(transport=street)
        desk.__post_init__()
        found = desk.ask()["workers-ai:a"]
        street.close()
    assert (found.outcome, found.confirmed) == (outcome, False)
    assert [seen.path for seen in stub.log] == ["/client/v4/user/tokens/verify", "/client/v4/accounts/acc/tokens/verify"]


def setup_token() -> GatewayReading:
    return street_home([("anthropic", token(at(400 * HOUR), "sk-ant-oat01-fake-0123456789"))])


def test_rare_endpoints_are_left_alone_without_a_memory_that_survives() -> None:
    with Stub(Play(403, b"{}")) as stub:
        street = Street(stub)
        desk = Desk(setup_token(), None, hooks=Hooks(transport=street))
        outcome = desk.ask()["anthropic:0"]
        street.close()
    assert (outcome.outcome, outcome.detail) == (ProbeStatus.SKIPPED, "no_memory")
    assert stub.log == []


def test_a_setup_token_is_asked_twice_a_day_at_most(tmp_path: Path) -> None:
    with Stub(recorded("anthropic-setup-token", "ok")) as stub:
        street = Street(stub)
        desk = Desk(setup_token(), tmp_path, hooks=Hooks(transport=street))
        for _ in range(48):
            desk.clock.now += HOUR / 2
            desk.ask(Manner())
            desk.ask(HAND)
        street.close()
    assert 1 <= len(stub.log) <= 4


def test_usage_of_a_subscription_is_asked_only_when_named(tmp_path: Path) -> None:
    login = street_home([("anthropic", oauth(at(9000 * HOUR), "sk-ant-oat01-login-0123456789"))])
    for own, wanted in ((None, False), (True, True)):
        with Stub(lambda seen: recorded("anthropic-login")) as stub:
            street = Street(stub)
            probes = Probes(per_host_gap=timedelta(0), per_provider={"anthropic": ProviderProbes(usage=own)})
            Desk(login, tmp_path / str(own), probes, hooks=Hooks(transport=street)).ask()
            street.close()
        assert any(seen.path == "/api/oauth/usage" for seen in stub.log) is wanted


def test_a_last_sent_outcome_stays_when_nothing_more_is_sent(tmp_path: Path) -> None:
    with Stub(Play(200, GOOD)) as stub:
        desk = Desk(home(stub.url, profile("openai:a", key()), profile("openai:b", key("sk-other-0123456789"))), tmp_path)
        desk.ask()
        entry = ProviderConfig("openai", f"{stub.url}/v1")
        desk.home = replace(desk.home, config=config("openai/gpt-5", providers={"openai": entry}, order={"openai": ("openai:a",)}))
        assert desk.ask()["openai:b"].outcome is ProbeStatus.OK
        assert len(stub.log) == 3, "the profile that is left out was asked again"


def test_probing_can_be_switched_off(tmp_path: Path) -> None:
    with Stub(Play(200, GOOD)) as stub:
        desk = Desk(home(stub.url), tmp_path, Probes(enabled=False))
        assert not desk.prober.wanted
        assert desk.ask()["openai:a"].detail == "switched_off"
        assert stub.log == []


def test_attempts_are_counted_from_zero(tmp_path: Path) -> None:
    with Stub(Play(200, GOOD)) as stub:
        desk = Desk(home(stub.url), tmp_path)
        desk.ask()
    assert desk.prober.attempts["openai", "ok"] == 1
    assert desk.prober.attempts["openai", "billing"] == 0


def test_nothing_secret_is_kept(tmp_path: Path) -> None:
    secret = "sk-canary-0123456789abcdef"
    body = json.dumps({"error": {"message": f"Incorrect API key provided: {secret}", "code": "invalid_api_key"}}).encode()
    with Stub(Play(401, body)) as stub:
        desk = Desk(home(stub.url, profile("openai:a", key(secret))), tmp_path)
        desk.ask()
        desk.prober.book.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"canary" not in kept
    assert b"Incorrect API key" in kept


def test_the_same_outcomes_are_the_same_objects(tmp_path: Path) -> None:
    with Stub(Play(200, GOOD)) as stub:
        desk = Desk(home(stub.url), tmp_path)
        desk.ask()
    seen = desk.seen()
    aimed = desk.prober.aims(seen)
    known = desk.prober.outcomes(aimed)
    desk.prober.book.reload(desk.clock.now)
    assert desk.prober.outcomes(aimed) is known


def test_an_account_nobody_holds_any_more_is_forgotten(tmp_path: Path) -> None:
    with Stub(Play(200, GOOD)) as stub:
        desk = Desk(home(stub.url), tmp_path)
        desk.ask()
        assert len(desk.prober.book.memory.targets) == 1
        desk.home = home(stub.url, profile("openai:z", key("sk-other-0123456789")))
        desk.ask(Manner())
        assert all("z" not in key for key in desk.prober.book.memory.targets)
        desk.prober.book.close()
    assert len(ProbeBook(tmp_path, desk.clock.now).memory.targets) <= 1


def test_an_aws_key_pair_of_the_environment_is_signed(tmp_path: Path) -> None:
    pair = environment(
        {"AWS_ACCESS_KEY_ID": "AKIAFAKE0123456789AB", "AWS_SECRET_ACCESS_KEY": "fake-secret-half", "AWS_REGION": "eu-west-1"}
    )
    with Stub(recorded("amazon-bedrock-keys")) as stub:
        street = Street(stub)
        desk = Desk(
            gateway(agent(local=AuthDocument()), config=config("amazon-bedrock/nova"), environment=pair),
            tmp_path,
            hooks=Hooks(transport=street),
        )
        outcome = desk.ask()["env:AWS_ACCESS_KEY_ID"]
        hosts = list(street.ports)
        street.close()
    assert outcome.outcome is ProbeStatus.OK
    assert hosts == ["sts.eu-west-1.amazonaws.com"]
    assert "fake-secret-half" not in str(stub.log)
    assert stub.log[0].headers["authorization"].startswith("AWS4-HMAC-SHA256 ")


def test_a_profile_of_an_sdk_is_not_sent(tmp_path: Path) -> None:
    named = environment({"AWS_PROFILE": "work"})
    desk = Desk(gateway(agent(local=AuthDocument()), config=config("amazon-bedrock/nova"), environment=named), tmp_path)
    assert desk.ask()["env:AWS_PROFILE"].detail == "ambient"


def test_a_secret_of_a_configured_header_goes_only_to_the_configured_host(tmp_path: Path) -> None:
    with Stub(Play(200, GOOD)) as stub:
        entry = ProviderConfig("openai", f"{stub.url}/v1", headers={"X-Team": Secret("blue")})
        desk = Desk(
            gateway(agent(local=document(profile("openai:a", key()))), config=config("openai/gpt-5", providers={"openai": entry})), tmp_path
        )
        desk.ask()
    assert stub.log[0].headers["x-team"] == "blue"
