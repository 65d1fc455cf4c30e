"""Edge. Writes a repair into the JSON stores of a gateway: under its own lock, everything planned before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from exporter.model import Family
from exporter.reading.families import PLACES, value_of
from exporter.repair import store_edit
from exporter.repair.arguments import Refusal
from exporter.repair.document_edit import Uneditable
from exporter.repair.lock import Manner, locked
from exporter.repair.safe_file import Document, Moved, discard, make_directory, read, replace
from exporter.repair.store_edit import Pasted
from exporter.repair.target import Target

R = TypeVar("R")
_TRIES: Final = 8
_BOM: Final = "\ufeff"
_TRUTHY: Final = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Changed:
    """What a repair changed, by path; `config` is empty when the configuration says it already."""

    store: str
    config: str = ""


@dataclass(frozen=True, slots=True)
class _Plan:
    """One document and the text that shall take its place; None: the document goes."""

    document: Document
    before: str
    after: str | None

    def carry_out(self) -> bool:
        if self.after is None:
            if self.document.raw is not None:
                discard(self.document)
            return self.document.raw is not None
        if self.after == self.before:
            return False
        replace(self.document, self.after)
        return True


def manner(target: Target) -> Manner:
    """Tell how a gateway's release locks its stores."""
    return Manner(target.dialect.directory_lock, ages=target.dialect.release < (2026, 5))


def paste(target: Target, pasted: Pasted, environ: Mapping[str, str], how: Manner | None = None) -> Changed:
    """Store a credential and name it in the configuration; raises Refusal, and then nothing is changed."""

    def work() -> Changed:
        store = _plan(target.profiles_file, store_edit.EMPTY_STORE, lambda text: store_edit.with_credential(text, pasted))
        config = None
        if target.gateway.family is not Family.REMOTECLAW:  # its configuration has no such entries
            config = _plan(
                target.gateway.config_path,
                store_edit.EMPTY_CONFIG,
                lambda text: store_edit.with_entry(text, pasted.profile_id, pasted.provider, pasted.kind),
            )
            if config.after != config.before and _config_is_fixed(target, environ):
                raise Refusal(f"{target.gateway.config_path} must not be written here: name the profile in it first; nothing was changed")
        store.carry_out()
        named = config is not None and config.carry_out()
        return Changed(target.profiles_file, target.gateway.config_path if named else "")

    return _under_lock(target, how, work)


def set_order(target: Target, provider: str, ids: Sequence[str], how: Manner | None = None) -> Changed:
    """Store an order; raises Refusal, and then nothing is changed."""

    def work() -> Changed:
        embedded = _embedded(target)
        state = _plan(target.state_file, _empty(target), lambda text: store_edit.with_order(text, provider, ids, embedded=embedded))
        state.carry_out()
        return Changed(target.state_file)

    return _under_lock(target, how, work)


def clear_order(target: Target, provider: str, how: Manner | None = None) -> Changed:
    """Remove a stored order; without one nothing is written. Raises Refusal, and then nothing is changed."""

    def work() -> Changed:
        embedded = _embedded(target)
        plans = [_plan(target.state_file, _empty(target), lambda text: store_edit.without_order(text, provider, embedded=embedded))]
        if target.dialect.split:
            if embedded is not None and store_edit.has_order(embedded, provider):
                plans.append(_plan(target.profiles_file, _empty(target), lambda text: store_edit.without_order(text, provider)))
            if plans[0].after is not None and store_edit.is_bare(plans[0].after.removeprefix(_BOM)):
                plans[0] = _Plan(plans[0].document, plans[0].before, None)
        for plan in plans:
            plan.carry_out()
        return Changed(target.state_file)

    return _under_lock(target, how, work)


def _under_lock(target: Target, how: Manner | None, work: Callable[[], R]) -> R:
    store = Path(target.profiles_file)
    try:
        make_directory(store.parent)
        with locked(store, how or manner(target)):
            return _tried(work)
    except Uneditable as fault:
        raise Refusal(f"it cannot be changed safely: {fault}; nothing was changed") from None
    except OSError as fault:
        raise Refusal(f"cannot write {fault.filename or store}: {fault.strerror}") from None


def _tried(work: Callable[[], R]) -> R:
    """Try again while others, who write without the lock, come between."""
    for _ in range(_TRIES - 1):
        try:
            return work()
        except Moved:
            continue
    return work()


def _plan(path: str, empty: str, edit: Callable[[str], str]) -> _Plan:
    document, text = read(Path(path), empty)
    mark = _BOM if text.startswith(_BOM) else ""
    before = text.removeprefix(_BOM)
    try:
        return _Plan(document, text, mark + edit(before))
    except Uneditable as fault:
        raise Uneditable(f"{path}: {fault}") from None


def _embedded(target: Target) -> str | None:
    """Return the store in which older releases kept the state, where it lies in a file of its own now."""
    if not target.dialect.split:
        return None
    return read(Path(target.profiles_file), store_edit.EMPTY_STORE)[1].removeprefix(_BOM)


def _empty(target: Target) -> str:
    return store_edit.EMPTY_STATE if target.dialect.split else store_edit.EMPTY_STORE


def _config_is_fixed(target: Target, environ: Mapping[str, str]) -> bool:
    prefixes = PLACES[target.gateway.family].prefixes
    names = (f"{prefix}_{name}" for prefix in prefixes for name in ("NIX_MODE", "CONFIG_READONLY"))
    return any(value_of(environ, name).lower() in _TRUTHY for name in names)
