"""Pure. What the commands answer: the words and documents of the gateway's own release.

Source: transcripts of eleven releases; spec/gateways.md, 6 and 12.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from exporter.judging.selection import configured_ids, normalise
from exporter.model import Expiry, Profile
from exporter.repair.arguments import Refusal, shown_id
from exporter.repair.store_edit import Pasted
from exporter.repair.target import Target


def stored_order(target: Target, provider: str) -> tuple[str, ...] | None:
    """Return the order stored for a provider, by this agent or whom it inherits from; None when there is none."""
    wanted = normalise(provider)
    orders = {normalise(key): ids for key, ids in target.view.state.order.items()}
    return orders.get(wanted) or None


def checked_ids(target: Target, provider: str, ids: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of an order without repetitions; raises Refusal for one that is not stored or of another provider."""
    wanted = tuple(dict.fromkeys(text.strip() for text in ids if text.strip()))
    if not wanted:
        raise Refusal(target.dialect.no_profile_ids())
    stored = target.view.profiles
    for profile_id in wanted:
        shown = shown_id(profile_id)
        if profile_id not in stored:
            directory = target.agent.agent_dir
            raise Refusal(target.dialect.refused(target.dialect.not_found(shown, provider, directory, target.short(directory))))
        owner = stored[profile_id].provider
        if target.dialect.provider(owner) != provider:
            raise Refusal(target.dialect.refused(f'Auth profile "{shown}" is for {owner}, not {provider}.'))
    return wanted


def order_lines(target: Target, provider: str) -> list[str]:
    """Say the stored order of a provider."""
    order = stored_order(target, provider)
    lines = [f"Agent: {target.agent.agent}", f"Provider: {provider}", _store_line(target)]
    if not target.dialect.newest_words:
        return [*lines, f"Order override: {', '.join(order) if order else '(none)'}"]
    return [*lines, f"Auth profile order override: {', '.join(order) if order else f'none ({_instead(target, provider)})'}"]


def order_document(target: Target, provider: str) -> dict[str, object]:
    """Build the document of `auth order get --json`."""
    order = stored_order(target, provider)
    return {
        "agentId": target.agent.agent,
        "agentDir": target.agent.agent_dir,
        "provider": provider,
        _store_key(target): target.short(target.state_store),
        "order": list(order) if order else None,
    }


def order_set_lines(target: Target, provider: str, ids: Sequence[str]) -> list[str]:
    """Say that an order was stored."""
    words = "Auth profile order override" if target.dialect.newest_words else "Order override"
    return [f"Agent: {target.agent.agent}", f"Provider: {provider}", f"{words}: {', '.join(ids)}"]


def order_cleared_lines(target: Target, provider: str) -> list[str]:
    """Say that an order was removed."""
    lines = [f"Agent: {target.agent.agent}", f"Provider: {provider}"]
    if not target.dialect.newest_words:
        return [*lines, "Cleared per-agent order override."]
    return [*lines, f"Auth profile order override cleared; {_instead(target, provider)}."]


def pasted_lines(target: Target, pasted: Pasted, config: str) -> list[str]:
    """Say what was stored; `config` is the configuration file when it was changed."""
    lines = []
    if config and target.dialect.modern:
        lines = [f"Updated config: {target.short(config)}", f"  Backup: {target.short(config)}.bak"]
    elif config:
        lines = [f"Updated {target.short(config)}"]
    return [*lines, f"Auth profile: {pasted.profile_id} ({pasted.provider}/{pasted.kind})"]


def list_lines(target: Target, provider: str | None) -> list[str]:
    """List the profiles an agent sees."""
    lines = [f"Agent: {target.agent.agent}", _store_line(target)]
    found = _listed(target, provider)
    if not found:
        return [*lines, "Profiles: (none)"]
    return [*lines, "Profiles:", *(_profile_line(profile) for profile in found)]


def list_document(target: Target, provider: str | None) -> dict[str, object]:
    """Build the document of `auth list --json`."""
    return {
        "agentId": target.agent.agent,
        "agentDir": target.short(target.agent.agent_dir),
        _store_key(target): target.short(target.state_store),
        "provider": provider,
        "profiles": [_profile_document(profile) for profile in _listed(target, provider)],
    }


def _listed(target: Target, provider: str | None) -> list[Profile]:
    profiles = target.view.profiles
    wanted = [profiles[key] for key in sorted(profiles)]
    return [one for one in wanted if provider is None or target.dialect.provider(one.provider) == provider]


def _profile_line(profile: Profile) -> str:
    ends = _iso(profile.credential.expiry)
    email = f" ({profile.email})" if profile.email else ""
    return f"- {profile.id}{email} [{profile.provider}/{profile.credential.kind}{f'; expires {ends}' if ends else ''}]"


def _profile_document(profile: Profile) -> dict[str, object]:
    label = f"{profile.id} ({profile.email})" if profile.email else profile.id
    found: dict[str, object] = {"id": profile.id, "provider": profile.provider, "type": profile.credential.kind.value, "label": label}
    ends = _iso(profile.credential.expiry)
    return found | ({"expiresAt": ends} if ends else {})


def _iso(expiry: Expiry) -> str:
    """Write an instant as the gateways do."""
    at: datetime | None = expiry.at
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _store_line(target: Target) -> str:
    place = target.short(target.state_store)
    if target.dialect.databases:
        return f"Auth state store: {place}"
    return f"{'Auth state file' if target.dialect.split else 'Auth file'}: {place}"


def _store_key(target: Target) -> str:
    return "authStatePath" if target.dialect.databases or target.dialect.split else "authStorePath"


def _instead(target: Target, provider: str) -> str:
    """Say what decides where no order is stored."""
    config = target.gateway.config
    configured = configured_ids(provider, config.order) if config is not None else None
    if configured is None:
        return "selecting automatically"
    return f"using order from config: {', '.join(configured)}" if configured else "config selects no profiles"
