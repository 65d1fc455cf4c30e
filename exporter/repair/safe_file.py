"""Edge. One document on disk: read whole, replaced whole, the old one kept beside it, the new one read again."""

from __future__ import annotations

import glob
import os
import re
import secrets
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from exporter.model import StoreKind, StoreRef
from exporter.reading.files import read_file
from exporter.repair.arguments import Refusal
from exporter.repair.document_edit import Uneditable, tree_of

_BACKUPS: Final = 5  # as many as the gateways keep of their configuration
_SETTLE_SECONDS: Final = (0.05, 0.2, 0.5)  # releases up to 2026.4.1 write in place: half a file becomes whole
_DRAFT: Final = re.compile(r"(?:\.bak)?\.[0-9a-f]{12}\.tmp")
_DRAFT_SECONDS: Final = 60.0
_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was read. `path` is the real file, behind every link; `raw` is None when there is none."""

    path: Path
    raw: bytes | None
    mode: int = 0o600
    owner: tuple[int, int] | None = None

    def text(self, empty: str) -> str:
        """Return its text; `empty` when there is none yet. Raises Refusal for one that is damaged."""
        if self.raw is None or not self.raw.strip(b" \t\r\n\xef\xbb\xbf"):
            return empty
        try:
            return self.raw.decode("utf-8")
        except UnicodeDecodeError as fault:
            raise Refusal(f"{self.path} is damaged (byte {fault.start} is no text): nothing was changed") from None


def read(path: Path, empty: str, pause: Callable[[float], None] = time.sleep) -> tuple[Document, str]:
    """Read a document and its text; one that ends in the middle is given the time its writer needs.

    Errors: raises Refusal for what is damaged, not ours to follow, or cannot be read.
    """
    for delay in _SETTLE_SECONDS:
        document = _read_once(path)
        try:
            text = document.text(empty)
            tree_of(text.removeprefix(_BOM))
        except (Uneditable, Refusal):
            pause(delay)
            continue
        if document.raw is None or document.raw.strip():
            return document, text
        pause(delay)
    document = _read_once(path)
    text = document.text(empty)
    try:
        tree_of(text.removeprefix(_BOM))
    except Uneditable as fault:
        raise Refusal(f"{path} is damaged ({fault}): repair it first; nothing was changed") from None
    return document, text


def replace(document: Document, text: str) -> None:
    """Put a new text in the document's place: backup, temporary file, sync, rename, and read again.

    Errors: raises Refusal when somebody else wrote meanwhile (nothing is changed), or when it does not read back; OSError.
    """
    raw = text.encode("utf-8")
    _sweep(document.path)
    if document.raw is not None:
        back_up(document)
    draft = _written(document.path, raw, document)
    try:
        if _read_once(document.path).raw != document.raw:
            raise Moved(f"{document.path} was changed by somebody else meanwhile; nothing was changed")
        os.replace(draft, document.path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_directory(document.path.parent)
    if _read_once(document.path).raw != raw:
        raise Refusal(f"{document.path} does not hold what was written: somebody else wrote at the same time; look with `status`")


class Moved(Refusal):
    """Somebody else wrote between our read and our write: worth another try."""


def discard(document: Document) -> None:
    """Remove a document that would be empty, as the gateways do; the backup stays."""
    back_up(document)
    if _read_once(document.path).raw != document.raw:
        raise Moved(f"{document.path} was changed by somebody else meanwhile; nothing was changed")
    document.path.unlink(missing_ok=True)
    _sync_directory(document.path.parent)


def back_up(document: Document) -> Path:
    """Keep what a document held as `<name>.bak`; older ones move on to `.bak.1` and so forth."""
    newest = document.path.with_name(f"{document.path.name}.bak")
    if _same(newest, document.raw or b""):
        return newest
    names = [newest, *(newest.with_name(f"{newest.name}.{number}") for number in range(1, _BACKUPS))]
    for older, newer in zip(reversed(names), reversed(names[:-1]), strict=False):
        if os.path.lexists(newer):
            os.replace(newer, older)
    os.replace(_written(newest, document.raw or b"", document), newest)
    return newest


def make_directory(path: Path) -> None:
    """Make a private directory and those above it, owned by whoever owns the first one that is there."""
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    owner = path.stat()
    for each in reversed(missing):
        each.mkdir(mode=0o700)
        _own(each, (owner.st_uid, owner.st_gid))


def _read_once(path: Path) -> Document:
    found = read_file(path, StoreRef("", "", StoreKind.CONFIG, str(path)))
    if found.problems:
        raise Refusal(f"{found.problems[0].place}: {found.problems[0].reason}; nothing was changed")
    real = Path(os.path.realpath(path))
    if found.value is None:
        parent = real.parent.stat() if real.parent.exists() else None
        return Document(real, None, owner=(parent.st_uid, parent.st_gid) if parent else None)
    info = os.stat(real)
    return Document(real, found.value.raw, stat.S_IMODE(found.value.stamp.mode), (info.st_uid, info.st_gid))


def _written(target: Path, raw: bytes, like: Document) -> Path:
    draft = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")  # what `_sweep` knows
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(raw)
            file.flush()
            if like.owner is not None:
                _own(draft, like.owner)
            os.fchmod(file.fileno(), like.mode)
            os.fsync(file.fileno())
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft


def _sweep(target: Path) -> None:
    """Remove drafts of ours that a run left which was killed: they hold credentials. A young one may be another run's, at work."""
    for path in target.parent.glob(f".{glob.escape(target.name)}*.tmp"):
        try:
            if _DRAFT.fullmatch(path.name.removeprefix(f".{target.name}")) and time.time() - path.lstat().st_mtime > _DRAFT_SECONDS:
                path.unlink()
        except OSError:
            pass


def _own(path: Path, owner: tuple[int, int]) -> None:
    """Give a file to the store's owner; only root can, and only root needs to."""
    info = path.stat()
    if (info.st_uid, info.st_gid) != owner:
        try:
            os.chown(path, *owner)
        except PermissionError:
            if info.st_uid != owner[0]:
                raise


def _same(path: Path, raw: bytes) -> bool:
    try:
        return not path.is_symlink() and path.read_bytes() == raw
    except OSError:
        return False


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError:  # some file systems cannot
        pass
    finally:
        os.close(fd)
