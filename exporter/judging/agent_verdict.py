"""Pure. One agent's view: its profiles judged, each provider's candidates in order, and the roll-up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from exporter import environment
from exporter.judging.health import Rules
from exporter.judging.history import History, Subject
from exporter.judging.in_use import InUse, in_use
from exporter.judging.inheritance import AgentView, view
from exporter.judging.profile_verdict import Bench, Origin, judge_profile, keyless, named_only
from exporter.judging.provider_verdict import Group, Judged, judge_provider
from exporter.judging.selection import AWS_SDK, canonical, normalise
from exporter.model import (
    AgentConfig,
    AgentReading,
    Credential,
    CredentialKind,
    Family,
    GatewayConfig,
    GatewayReading,
    Profile,
    ProviderConfig,
    Source,
    StoreKind,
)
from exporter.outcome import Outcome
from exporter.verdict import AgentVerdict, ProfileVerdict, ProviderVerdict

_NO_CONFIG = GatewayConfig()
_CLI_BACK_ENDS = {"claude-cli": "cli:claude-code", "codex-cli": "cli:codex"}  # back ends that run on a CLI's own login
_LOCAL_RUNTIMES = frozenset({"ollama", "lmstudio", "vllm", "sglang", "copilot-proxy"})
_UNSEEN = "the gateway service's environment cannot be seen from here"
_CLI_LISTED = "a CLI's own login: gateways keep their own copy"


def judge_agent(
    gateway: GatewayReading,
    agent: AgentReading,
    now: datetime,
    rules: Rules,
    history: History,
    outcomes: Mapping[Subject, Outcome],
) -> AgentVerdict:
    """Judge one agent of one gateway."""
    config = gateway.config or _NO_CONFIG
    settings = next((entry for entry in config.agents if entry.id == agent.agent), None)
    seen = view(gateway, agent)
    need = _need(config, settings, gateway, seen)
    models = {canonical(provider): names for provider, names in need.models.items()}
    bench = Bench(
        gateway.gateway, agent.agent, now, rules, seen.state.usage, config.profiles, models, gateway.resolutions, history, outcomes
    )
    judged = Judged(bench, gateway, config, seen, need, {}, [])
    _judge_stored(judged)
    _judge_named(judged, gateway)
    _judge_configured(judged, {**config.providers, **agent.providers})
    _judge_environment(judged)
    _judge_logins(judged, agent)
    providers, profiles = _roll_up(judged)
    return AgentVerdict(
        gateway=gateway.gateway,
        agent=agent.agent,
        configured=agent.configured,
        known=seen.known,
        providers=providers,
        profiles=profiles,
        until=min((at for at in judged.changes if at > now), default=None),
        stale_since=seen.stale_since,
    )


def _need(config: GatewayConfig, settings: AgentConfig | None, gateway: GatewayReading, seen: AgentView) -> InUse:
    need = in_use(config, settings, gateway.family)
    if need.only is not None:
        providers = dict.fromkeys(_provider_of(key, seen) for key in need.only)
        return InUse(MappingProxyType(dict.fromkeys(providers, ())), True, need.only)
    if need.configured:
        return need
    stored = dict.fromkeys(normalise(profile.provider) for profile in (*seen.profiles.values(), *gateway.static_profiles))
    lone = [normalise(login.provider) for login in gateway.cli_logins] if gateway.family is Family.STATIC else []
    return InUse(MappingProxyType(dict.fromkeys([*stored, *lone], ())), False)


def _provider_of(profile_id: str, seen: AgentView) -> str:
    """Return the provider of a profile; of one that is only named, what its id begins with."""
    profile = seen.profiles.get(profile_id)
    return normalise(profile.provider if profile else profile_id.partition(":")[0])


def _judge_stored(judged: Judged) -> None:
    seen = judged.view
    for profile_id, profile in seen.profiles.items():
        origin = Origin(seen.inherited.get(profile_id), seen.updated_at.get(profile_id), seen.stale_since)
        _keep(judged, *judge_profile(judged.bench, profile, origin))


def _judge_named(judged: Judged, gateway: GatewayReading) -> None:
    """Add the profiles that the configuration or this agent's order names and no store of the gateway holds."""
    if gateway.shared_down or any(agent.local is None for agent in gateway.agents):
        return  # a store that could hold them cannot be read: absence proves nothing
    named: dict[str, tuple[str, str]] = {}
    for profile_id, entry in judged.config.profiles.items():
        if entry.mode == AWS_SDK and not _held(judged, gateway, profile_id):
            _keep(judged, keyless(judged.bench, profile_id, normalise(entry.provider), "the AWS credential chain signs its requests"))
        else:
            named[profile_id] = (normalise(entry.provider), "auth.profiles of the configuration names it, no store holds it")
    orders = ((judged.config.order, "auth.order of the configuration"), (judged.view.state.order, "the stored order"))
    for mapping, where in orders:
        for provider, ids in mapping.items():
            for profile_id in ids:
                named.setdefault(profile_id, (normalise(provider), f"{where} names it, no store holds it"))
    for profile_id in judged.need.only or ():
        named.setdefault(profile_id, (_provider_of(profile_id, judged.view), "the agent's auth setting names it, no store holds it"))
    for profile_id, (provider, why) in named.items():
        aws = judged.config.profiles.get(profile_id)
        if not (aws and aws.mode == AWS_SDK) and not _held(judged, gateway, profile_id):
            _keep(judged, named_only(judged.bench, profile_id, provider, why))


def _held(judged: Judged, gateway: GatewayReading, profile_id: str) -> bool:
    """True when this agent sees the profile, or a store of another one holds it."""
    return profile_id in judged.view.profiles or any(
        agent.local is not None and profile_id in agent.local.profiles for agent in gateway.agents
    )


def _judge_configured(judged: Judged, providers: Mapping[str, ProviderConfig]) -> None:
    for entry in providers.values():
        name = normalise(entry.provider)
        if entry.auth == AWS_SDK:
            _keep(judged, keyless(judged.bench, f"config:{name}", name, "the AWS credential chain signs its requests"))
        elif entry.api_key or entry.secret_ref:
            credential = Credential(CredentialKind.API_KEY, entry.api_key, secret_ref=entry.secret_ref)
            profile = Profile(f"config:{name}", name, credential, Source.CONFIG, StoreKind.CONFIG)
            _keep(judged, *judge_profile(judged.bench, profile))


def _judge_environment(judged: Judged) -> None:
    wanted = set(judged.need.models) | set(judged.profiles)
    for profile, counts, _place in environment.profiles(judged.gateway, wanted):
        _keep(judged, *judge_profile(judged.bench, profile, Origin(unlisted="" if counts else _UNSEEN)))


def _judge_logins(judged: Judged, agent: AgentReading) -> None:
    """Add static profiles, and CLI logins: shown with the default agent, used where a CLI back end runs on them."""
    for profile in judged.gateway.static_profiles:
        _keep(judged, *judge_profile(judged.bench, profile))
    for login in judged.gateway.cli_logins:
        for back_end, profile_id in _CLI_BACK_ENDS.items():
            if login.id == profile_id and back_end in judged.need.models:
                _keep(judged, *judge_profile(judged.bench, login, provider=back_end))
        if agent.default:
            lone = judged.gateway.family is Family.STATIC
            _keep(judged, *judge_profile(judged.bench, login, Origin(unlisted="" if lone else _CLI_LISTED)))


def _keep(judged: Judged, verdict: ProfileVerdict, change: datetime | None = None) -> None:
    judged.profiles.setdefault(verdict.provider, []).append(verdict)
    if change:
        judged.changes.append(change)


def _roll_up(judged: Judged) -> tuple[tuple[ProviderVerdict, ...], tuple[ProfileVerdict, ...]]:
    providers = []
    profiles: list[ProfileVerdict] = []
    for name in judged.need.models:
        if name not in judged.profiles and _keyless_runtime(judged, name):
            _keep(judged, keyless(judged.bench, f"config:{name}", name, "a local runtime needs no key"))
    groups = _groups(judged)
    for name in sorted({*judged.profiles, *judged.need.models}):
        provider, placed = judge_provider(judged, name, groups.get(canonical(name), Group([], {})))
        providers.append(provider)
        profiles.extend(placed)
    return tuple(providers), tuple(profiles)


def _groups(judged: Judged) -> dict[str, Group]:
    """Gather the profiles of each provider over all its spellings."""
    groups: dict[str, Group] = {}
    for name, verdicts in judged.profiles.items():
        groups.setdefault(canonical(name), Group([], {})).verdicts.extend(verdicts)
    for profile_id, profile in judged.view.profiles.items():
        groups[canonical(profile.provider)].stored[profile_id] = profile
    return groups


def _keyless_runtime(judged: Judged, provider: str) -> bool:
    entry = next((entry for key, entry in judged.config.providers.items() if normalise(key) == provider), None)
    url = entry.base_url if entry and entry.base_url else ""
    host = url.partition("//")[2].partition("/")[0].rpartition("@")[2]
    return provider in _LOCAL_RUNTIMES or host.startswith(("127.", "localhost", "[::1]"))
