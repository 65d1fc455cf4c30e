"""Pure. A gateway's configuration: `openclaw.json` and its siblings, after includes are composed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from exporter.model import ConfiguredProfile, GatewayConfig, Parsed, ProblemReason, RefSource, Secret, SecretProvider, StoreRef
from exporter.stores import config_agents, model_providers
from exporter.stores.includes import compose
from exporter.stores.json_text import Notes, refusal
from exporter.stores.substitution import mentions_variable
from exporter.stores.tree import Node

__all__ = ["compose", "parse"]

_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_VARIABLES = frozenset({"vars", "shellEnv"})  # members of `env` that are settings


def parse(tree: object, ref: StoreRef, env: Mapping[str, str]) -> Parsed[GatewayConfig]:
    """Read what concerns authentication.

    Shape:  {"auth": {"profiles", "order", "cooldowns"}, "agents": {"defaults", "list" or "entries"}, "models": {"providers"},
            "env": {"vars", NAME: value, "shellEnv": {"enabled"}}, "secrets": {"providers", "defaults"}, "meta", "gateway": {"port"},
            "session": {"store"}}.
            `${NAME}` is replaced from `env` and, for what it lacks, from the document's own variables. A key that is nothing but a template
            becomes a reference, so that who judges it knows where it comes from; any other unknown variable is BAD_VALUE.
    Errors: never raises; anything but an object is fatal, wrong values are BAD_VALUE or BAD_ENTRY and leave the rest.
    """
    if not isinstance(tree, dict):
        return Parsed(None, refusal(ref, ProblemReason.WRONG_SHAPE))
    notes = Notes(ref)
    root = Node(tree, notes, variables=_variables(tree, env))
    secret_defaults = {source.value: word for source in RefSource if (word := root.at("secrets", "defaults", source).word())}
    config = GatewayConfig(
        present=True,
        profiles=_profiles(root.at("auth", "profiles")),
        order=_order(root.at("auth", "order")),
        cooldowns=_cooldowns(root.at("auth", "cooldowns")),
        defaults=config_agents.models(root.at("agents", "defaults")),
        aliases=config_agents.aliases(root.at("agents", "defaults", "models")),
        agents=config_agents.agents(root.at("agents")),
        providers=model_providers.read(root.at("models", "providers"), secret_defaults),
        env=_env(root.at("env")),
        shell_env=root.at("env", "shellEnv", "enabled").flag(),
        secret_providers=_secret_providers(root.at("secrets", "providers")),
        secret_defaults=MappingProxyType(secret_defaults),
        version=root.at("meta", "lastTouchedVersion").word(),
        port=root.at("gateway", "port").count(least=1, most=65535),
        session_store=root.at("session", "store").word() or "",
    )
    return Parsed(config, notes.all())


def _variables(tree: dict[str, object], env: Mapping[str, str]) -> Mapping[str, str]:
    section = tree.get("env")
    if not isinstance(section, dict):
        return env
    inner = section.get("vars")
    own = {**inner, **section} if isinstance(inner, dict) else section
    usable = {name.strip(): value for name, value in own.items() if isinstance(value, str) and not mentions_variable(value)}
    return {**usable, **{name: value for name, value in env.items() if value.strip()}}


def _env(node: Node) -> Mapping[str, Secret]:
    found: dict[str, Secret] = {}
    legacy = ((name, value) for name, value in node.members() if name not in _NOT_VARIABLES)
    for name, value in (*node.at("vars").members(), *legacy):
        text = value.complete_text()
        if _VARIABLE_NAME.fullmatch(name.strip()) is None:
            value.bad(ProblemReason.BAD_ENTRY)
        elif text and text.strip():
            found[name.strip()] = Secret(text)
    return MappingProxyType(found)


def _profiles(node: Node) -> Mapping[str, ConfiguredProfile]:
    found: dict[str, ConfiguredProfile] = {}
    for id, entry in node.members():
        provider = entry.at("provider").word() if isinstance(entry.value, dict) else None
        if provider is None:
            entry.bad(ProblemReason.BAD_ENTRY)
            continue
        found[id] = ConfiguredProfile(provider, entry.at("mode").word(), entry.at("email").word())
    return MappingProxyType(found)


def _order(node: Node) -> Mapping[str, tuple[str, ...]]:
    found = {provider: entry.words() for provider, entry in node.members()}
    return MappingProxyType({provider: ids for provider, ids in found.items() if ids is not None})


def _cooldowns(node: Node) -> Mapping[str, float]:
    """Read the numbers of `auth.cooldowns`; those of one provider are named `<key>.<provider>`."""
    found: dict[str, float | None] = {}
    for name, entry in node.members():
        if isinstance(entry.value, dict):
            found |= {f"{name}.{provider}": value.number() for provider, value in entry.members()}
        else:
            found[name] = entry.number()
    return MappingProxyType({name: number for name, number in found.items() if number is not None})


def _secret_providers(node: Node) -> Mapping[str, SecretProvider]:
    found = {}
    for alias, entry in node.members():
        source = entry.at("source").word() if isinstance(entry.value, dict) else None
        if source not in set(RefSource):
            entry.bad(ProblemReason.BAD_ENTRY)
            continue
        found[alias] = _secret_provider(RefSource(source), entry)
    return MappingProxyType(found)


def _secret_provider(source: RefSource, entry: Node) -> SecretProvider:
    unset = SecretProvider(source)
    mode = entry.at("mode")
    if mode.word() not in (None, "json", "singleValue"):
        mode.bad()
    json_only = entry.at("jsonOnly")
    env = {name: Secret(text) for name, value in entry.at("env").members() if (text := value.complete_text()) is not None}
    return SecretProvider(
        source,
        allowlist=entry.at("allowlist").words(),
        path=entry.at("path").word() or "",
        single_value=mode.word() == "singleValue",
        max_bytes=entry.at("maxBytes").count(least=1) or unset.max_bytes,
        allow_insecure_path=entry.at("allowInsecurePath").flag(),
        command=entry.at("command").word() or "",
        args=_arguments(entry.at("args")),
        trusted_dirs=entry.at("trustedDirs").words() or (),
        pass_env=entry.at("passEnv").words() or (),
        env=MappingProxyType(env),
        timeout_ms=entry.at("timeoutMs").count(least=1) or unset.timeout_ms,
        no_output_timeout_ms=entry.at("noOutputTimeoutMs").count(least=1),
        max_output_bytes=entry.at("maxOutputBytes").count(least=1) or unset.max_output_bytes,
        json_only=json_only.flag() if json_only.value is not None else unset.json_only,
        plugin=entry.has("pluginIntegration"),
    )


def _arguments(node: Node) -> tuple[str, ...]:
    """Read arguments of a command: blanks in them are meant."""
    return tuple(text for item in node.items() if (text := item.text()) is not None)
