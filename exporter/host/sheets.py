"""Edge. The environment files and service definitions read so far: unchanged ones are not read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from exporter.model import Parsed, Problem, Secret, SourceState, StoreRef
from exporter.reading.files import FileStamp
from exporter.reading.held import Held
from exporter.reading.shelf import Desk, Shelf, load_file

Parser = Callable[[bytes, StoreRef], Parsed[Mapping[str, Secret]]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The variables of one file. When it is not `current`, they are those of the last time it could be read."""

    variables: Mapping[str, Secret]
    current: bool
    present: bool
    modified_at: datetime | None = None


class Sheets:
    """The files of one reader, and what reading those of one gateway came to."""

    def __init__(self, desk: Desk) -> None:
        """Share the error counter and the clock of `desk`."""
        self._desk = desk
        self._texts: Shelf[Mapping[str, Secret]] = Shelf(desk, private_directory=False)
        self._raws: Shelf[bytes] = Shelf(desk, private_directory=False)
        self._sources: dict[StoreRef, SourceState] = {}
        self._problems: dict[Problem, None] = {}

    def begin(self) -> None:
        """Start with another gateway."""
        self._sources = {}
        self._problems = {}

    def sources(self) -> tuple[SourceState, ...]:
        """Say how the last try to read each file of this gateway went."""
        return tuple(self._sources.values())

    def problems(self) -> tuple[Problem, ...]:
        """List what was wrong with the files of this gateway."""
        return tuple(self._problems)

    def variables(self, ref: StoreRef, parse: Parser, now: datetime) -> Sheet:
        """Return the variables of one file."""
        held = self._texts.fetch(ref, lambda: load_file(self._desk, ref, lambda file: parse(file.raw, ref)), now)
        self._keep(ref, held)
        source = held.source
        return Sheet(held.value or {}, source is None or source.up, source is not None, source.modified_at if source else None)

    def raw(self, ref: StoreRef, now: datetime) -> bytes | None:
        """Return the bytes of one service definition; None when they cannot be read now."""
        held = self._raws.fetch(ref, lambda: load_file(self._desk, ref, lambda file: Parsed(file.raw)), now)
        self._keep(ref, held)
        return held.value if held.source is not None and held.source.up else None

    def modified_at(self, ref: StoreRef) -> datetime | None:
        """Return when a file of this gateway was last changed, as far as it was read."""
        source = self._sources.get(ref)
        return source.modified_at if source is not None else None

    def note(self, problems: tuple[Problem, ...]) -> None:
        """Add problems met after reading."""
        self._problems |= dict.fromkeys(problems)

    def forget(self) -> None:
        """Forget the files nobody asked for since the last call."""
        self._texts.finish()
        self._raws.finish()

    def watched(self) -> Iterator[tuple[Path, FileStamp | None]]:
        """Yield every file read, with the stamp it had."""
        yield from self._texts.watched()
        yield from self._raws.watched()

    def _keep(self, ref: StoreRef, held: Held[Mapping[str, Secret]] | Held[bytes]) -> None:
        if held.source is not None:
            self._sources[ref] = held.source
        self.note(held.problems)
