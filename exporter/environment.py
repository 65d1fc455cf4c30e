"""Pure. The provider keys in a gateway's environment: which variables hold them, and in which order they are tried."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from exporter.environment_table import ALIASES, PROVIDER_VARIABLES, SDK_LOGINS, SdkLogin
from exporter.model import (
    Credential,
    CredentialKind,
    Environment,
    EnvLayer,
    EnvPlace,
    Family,
    GatewayReading,
    Profile,
    Secret,
    Source,
)

__all__ = ["PROVIDER_VARIABLES", "EnvKey", "keys", "normalise", "profiles", "variables"]

Variables = Mapping[str, tuple[Secret, EnvLayer]]

MODE: Final = "mode"  # attribute of a credential that is not a plain key: "oauth", "aws-sdk", "gcloud-adc"
_UNWANTED = re.compile(r"[^\x20-\x7e\xa0-\xff]")
_NOT_IN_NAMES = re.compile(r"[^A-Z0-9]")
_SEPARATORS = re.compile(r"[\s,;]+")
_GOOGLE_BASE = "GEMINI"
_GOOGLE_EXTRA = "GOOGLE_API_KEY"
_ANTHROPIC = "anthropic"
_EARLY = frozenset({Family.CLAWDBOT, Family.MOLTBOT})  # no key rotation but Anthropic's
_PREFIXES: Mapping[Family, tuple[str, ...]] = MappingProxyType(
    {
        Family.OPENCLAW: ("OPENCLAW",),
        Family.CLAWDBOT: ("CLAWDBOT",),
        Family.MOLTBOT: ("MOLTBOT", "CLAWDBOT"),
        Family.REMOTECLAW: ("REMOTECLAW",),
        Family.STATIC: (),
    }
)
# A blank variable of an upper layer keeps a file from setting it, but not the configuration or the login shell.
_FILL_BLANKS = frozenset({EnvPlace.CONFIG, EnvPlace.LOGIN_SHELL})


@dataclass(frozen=True, slots=True)
class EnvKey:
    """One key of a provider. `position` 1 is the one a gateway sends first; only those that count have meaning there."""

    name: str
    secret: Secret
    id: str  # "env:NAME", or "env:NAMES#n" for the n-th entry of a list
    position: int
    layer: EnvLayer
    mode: str = ""

    @property
    def counts(self) -> bool:
        """False for a key that is visible to us but proves nothing about the gateway."""
        return self.layer.counts

    @property
    def kind(self) -> CredentialKind:
        """A bearer token for what the gateways call `oauth (env)`: nothing there renews itself, and nothing has a date."""
        return CredentialKind.TOKEN if self.mode else CredentialKind.API_KEY


def normalise(value: object) -> str:
    """Clean a pasted secret as the gateways do: no line breaks, control or non-Latin-1 characters, nothing around it."""
    return _UNWANTED.sub("", value).strip() if isinstance(value, str) else ""


def variables(environment: Environment) -> Variables:
    """Merge the layers by their order; one that counts always wins over one that does not.

    Values are normalised, those of list variables entry by entry and joined by commas. Blank ones are left out.
    """
    merged: dict[str, tuple[Secret, EnvLayer]] = {}
    for layer in sorted(environment.layers, key=lambda layer: not layer.counts):
        for name, raw in layer.variables.items():
            known = merged.get(name)
            if known is not None and (known[0].reveal() or (layer.counts == known[1].counts and layer.place not in _FILL_BLANKS)):
                continue
            merged[name] = (Secret(_clean(name, raw.reveal())), layer)
    found = {name: entry for name, entry in merged.items() if entry[0].reveal()}
    if "ZAI_API_KEY" not in found and "Z_AI_API_KEY" in found:  # the gateways copy it at start
        found["ZAI_API_KEY"] = found["Z_AI_API_KEY"]
    return MappingProxyType(found)


def keys(provider: str, family: Family, values: Variables) -> tuple[EnvKey, ...]:
    """List the keys a gateway of `family` finds for `provider` in `values`, first one first, each value once.

    Source: an override alone, else the list variable, the provider's own variables, the numbered ones, and Google's.
    A provider that takes no keys from the environment (logins only) has none.
    """
    name = provider.strip().lower()
    return _keys(ALIASES.get(name, name), family, _split(values))


def _split(values: Variables) -> tuple[Variables, ...]:
    """Part the variables that count from those that are only visible to us; an empty part is left out."""
    parts = ({key: entry for key, entry in values.items() if entry[1].counts is counts} for counts in (True, False))
    return tuple(part for part in parts if part)


def _keys(name: str, family: Family, parts: Iterable[Variables]) -> tuple[EnvKey, ...]:
    unique: dict[str, EnvKey] = {}
    for part in parts:
        for key in _chain(name, family, part):
            unique.setdefault(key.secret.reveal(), key)
    return tuple(replace(key, position=position) for position, key in enumerate(unique.values(), 1))


def profiles(gateway: GatewayReading, providers_wanted: Collection[str]) -> tuple[tuple[Profile, bool, EnvPlace], ...]:
    """Make a profile of every key: for each wanted provider that takes it, and for the first of the table that does.

    Each comes with whether it counts, and where the variable was found. Those of one provider stand in the order of use.
    """
    parts = _split(variables(gateway.environment))
    wanted = {ALIASES.get(name, name): name for name in sorted({provider.strip().lower() for provider in providers_wanted}, reverse=True)}
    claimed: set[str] = set()
    made: list[tuple[Profile, bool, EnvPlace]] = []
    for name in (*PROVIDER_VARIABLES, *sorted(wanted.keys() - PROVIDER_VARIABLES.keys())):
        found = _keys(name, gateway.family, parts)
        shown = [key for key in found if name in wanted or key.name not in claimed]
        made += [(_profile(key, wanted.get(name, name)), key.counts, key.layer.place) for key in shown]
        claimed.update(key.name for key in found)
    return tuple(made)


def _profile(key: EnvKey, provider: str) -> Profile:
    attributes = MappingProxyType({MODE: key.mode} if key.mode else {})
    credential = Credential(key.kind, secret=key.secret, attributes=attributes)
    return Profile(key.id, provider, credential, Source.ENV, key.layer.store)


def _chain(provider: str, family: Family, values: Variables) -> Iterator[EnvKey]:
    named = PROVIDER_VARIABLES.get(provider)
    if named == ():
        return
    base = _base(provider)
    for prefix in _overrides(provider, family):
        only = tuple(_single(f"{prefix}_LIVE_{base}_KEY", values))
        if only:
            yield from only
            return
    rotates = family not in _EARLY or provider == _ANTHROPIC
    if rotates:
        for name in _lists(provider, family, base):
            yield from _entries(name, values)
    before, after = _around(f"{base}_API_KEY", named, rotates)
    yield from _singles(before, values)
    if rotates:
        yield from _singles((name for name in values if name.startswith(f"{base}_API_KEY_")), values)
    if base == _GOOGLE_BASE and rotates:
        yield from _single(_GOOGLE_EXTRA, values)
    yield from _singles(after, values)
    for login in SDK_LOGINS.get(provider, ()):
        yield from _sdk_login(login, values)


def _base(provider: str) -> str:
    if provider == "google" or provider.startswith("google-"):
        return _GOOGLE_BASE
    return _NOT_IN_NAMES.sub("_", provider.upper())


def _overrides(provider: str, family: Family) -> tuple[str, ...]:
    return () if family in _EARLY and provider != _ANTHROPIC else _PREFIXES[family]


def _lists(provider: str, family: Family, base: str) -> tuple[str, ...]:
    if provider == _ANTHROPIC:
        return tuple(f"{prefix}_LIVE_ANTHROPIC_KEYS" for prefix in _PREFIXES[family])
    return (f"{base}_API_KEYS",)


def _around(own: str, named: Sequence[str] | None, rotates: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split a provider's variables at the one that carries its own name: numbered ones stand between the two parts."""
    if named is None:
        return (own,), ()
    if own not in named:
        return ((*named, own), ()) if rotates else (tuple(named), ())
    cut = named.index(own) + 1
    return tuple(named[:cut]), tuple(named[cut:])


def _singles(names: Iterable[str], values: Variables) -> Iterator[EnvKey]:
    for name in names:
        yield from _single(name, values)


def _single(name: str, values: Variables) -> Iterator[EnvKey]:
    if name in values:
        secret, layer = values[name]
        yield EnvKey(name, secret, f"env:{name}", 0, layer, "oauth" if "OAUTH_TOKEN" in name else "")


def _entries(name: str, values: Variables) -> Iterator[EnvKey]:
    if name in values:
        secret, layer = values[name]
        for number, entry in enumerate(secret.reveal().split(","), 1):
            yield EnvKey(name, Secret(entry), f"env:{name}#{number}", 0, layer)


def _sdk_login(login: SdkLogin, values: Variables) -> Iterator[EnvKey]:
    """Say that a cloud SDK finds a login of its own. The value tells two logins apart; nobody could send it as a key."""
    needed = [name for name in login.needs if name in values]
    if login.name in values and len(needed) == len(login.needs) and (not login.any_of or any(name in values for name in login.any_of)):
        parts = [values[name][0].reveal() for name in (login.name, *needed)]
        yield EnvKey(login.name, Secret(":".join(parts)), f"env:{login.name}", 0, values[login.name][1], login.mode)


def _clean(name: str, value: str) -> str:
    if not _is_list(name):
        return normalise(value)
    return ",".join(entry for entry in map(normalise, _SEPARATORS.split(value)) if entry)


def _is_list(name: str) -> bool:
    return name.endswith(("_API_KEYS", "_LIVE_ANTHROPIC_KEYS"))
