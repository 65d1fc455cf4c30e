"""Edge. Looks SecretRefs up where they point: a variable, a file, a program, the gateway's own secret store.

Everything the gateway would refuse is refused here for the same reason. No secret is in any code or error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, assert_never

from exporter.model import GatewayConfig, RefSource, Resolution, Secret, SecretProvider, SecretRef
from exporter.secretrefs import command, file
from exporter.secretrefs.codes import UNCHECKED, Code, failed, judged
from exporter.stores import secret_ref

MAX_REFS: Final = 512  # per provider; with more the gateway resolves none of them
_BUILT_IN: Final = frozenset({RefSource.ENV, RefSource.STORE})


@dataclass(frozen=True, slots=True)
class _Around:
    config: GatewayConfig
    variables: Mapping[str, Secret]
    seen: bool
    store_secrets: Mapping[str, Secret]
    allow_exec: bool
    base_dir: Path
    home: Path


def resolve(
    refs: Iterable[SecretRef],
    config: GatewayConfig,
    variables: Mapping[str, Secret],
    *,
    seen: bool,
    store_secrets: Mapping[str, Secret],
    allow_exec: bool,
    base_dir: Path,
    home: Path | None = None,
) -> Mapping[SecretRef, Resolution]:
    """Look up every reference; each provider's file is read and each provider's program is run once for all its ids.

    `variables` are those that count for the gateway; when its environment is not `seen`, an absent one proves nothing.
    `base_dir` is where relative paths start. Its owner is the gateway's user: files and programs must be theirs; `home`
    is what `~` means to them.
    Errors: never raises for what providers do.
    """
    around = _Around(config, variables, seen, store_secrets, allow_exec, base_dir, home or base_dir.parent)
    found: dict[SecretRef, Resolution] = {}
    groups: dict[tuple[RefSource, str], list[SecretRef]] = {}
    for ref in dict.fromkeys(refs):
        if secret_ref.valid(ref):
            groups.setdefault((ref.source, ref.provider), []).append(ref)
        else:
            found[ref] = failed(Code.REF_INVALID)
    for (source, alias), group in groups.items():
        found |= _group(source, alias, group, around)
    return MappingProxyType(found)


def _group(source: RefSource, alias: str, refs: Sequence[SecretRef], around: _Around) -> dict[SecretRef, Resolution]:
    provider = around.config.secret_providers.get(alias)
    if provider is None and source in _BUILT_IN and alias in (secret_ref.DEFAULT_PROVIDER, around.config.secret_defaults.get(source)):
        provider = SecretProvider(source)
    if provider is None:
        return dict.fromkeys(refs, failed(Code.NOT_CONFIGURED))
    if provider.source is not source:
        return dict.fromkeys(refs, failed(Code.PROVIDER_INVALID))
    if provider.plugin:
        return dict.fromkeys(refs, UNCHECKED)
    if len(refs) > MAX_REFS:
        return dict.fromkeys(refs, failed(Code.PROVIDER_ERROR))
    provider = _at_home(provider, around.home)
    match source:
        case RefSource.ENV:
            return {ref: _variable(ref.id, provider, around) for ref in refs}
        case RefSource.STORE:
            return {ref: _stored(ref.id, around) for ref in refs}
        case RefSource.FILE:
            return _by_id(refs, file.resolve([ref.id for ref in refs], provider, around.base_dir, around.config.version))
        case RefSource.EXEC:
            return _by_id(refs, _run(alias, refs, provider, around))
        case _:
            assert_never(source)


def _at_home(provider: SecretProvider, home: Path) -> SecretProvider:
    def expanded(path: str) -> str:
        return str(home / path[2:]) if path.startswith("~/") else path

    return replace(provider, path=expanded(provider.path), trusted_dirs=tuple(map(expanded, provider.trusted_dirs)))


def _variable(name: str, provider: SecretProvider, around: _Around) -> Resolution:
    if provider.allowlist is not None and name not in provider.allowlist:
        return failed(Code.POLICY_DENIED)
    if name in around.variables:
        return judged(around.variables[name].reveal())
    return failed(Code.NOT_FOUND) if around.seen else UNCHECKED


def _stored(name: str, around: _Around) -> Resolution:
    return judged(around.store_secrets[name].reveal()) if name in around.store_secrets else failed(Code.NOT_FOUND)


def _run(alias: str, refs: Sequence[SecretRef], provider: SecretProvider, around: _Around) -> Mapping[str, Resolution]:
    ids = [ref.id for ref in refs]
    blind = not around.seen and any(name not in around.variables for name in provider.pass_env)
    if not around.allow_exec or blind:
        return dict.fromkeys(ids, UNCHECKED)
    passed = {name: around.variables[name].reveal() for name in provider.pass_env if name in around.variables}
    environ = passed | {name: value.reveal() for name, value in provider.env.items()}
    return command.resolve(alias, ids, provider, environ, around.base_dir)


def _by_id(refs: Sequence[SecretRef], found: Mapping[str, Resolution]) -> dict[SecretRef, Resolution]:
    return {ref: found[ref.id] for ref in refs}
