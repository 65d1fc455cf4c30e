"""Edge. SecretRefs of source `file`: a private file that holds one secret, or a JSON document of them."""

from __future__ import annotations

import json
import os
import re
import stat
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from exporter.model import Resolution, SecretProvider
from exporter.secretrefs.codes import Code, failed, judged
from exporter.stores.secret_ref import SINGLE_VALUE_ID, pointer_tokens

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_FORBIDDEN_BITS: Final = 0o077
_OPTION_ENDED: Final = (2026, 8)  # the release that stopped honouring allowInsecurePath
_MISSING: Final = object()


def resolve(ids: Sequence[str], provider: SecretProvider, base_dir: Path, version: str | None) -> Mapping[str, Resolution]:
    """Read the provider's file once and look `ids` up in it: JSON pointers, or `value` when the whole file is the value."""
    answer = _within(provider.timeout_ms / 1000, provider, base_dir, _honours_insecure_path(version))
    if isinstance(answer, Code):
        return dict.fromkeys(ids, failed(answer))
    try:
        text = answer.decode("utf-8")
    except UnicodeDecodeError:
        return dict.fromkeys(ids, failed(Code.CONTRACT))
    if provider.single_value:
        value = re.sub(r"\r?\n\Z", "", text)
        return {ref: judged(value) if ref == SINGLE_VALUE_ID else failed(Code.REF_INVALID) for ref in ids}
    try:
        tree: object = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return dict.fromkeys(ids, failed(Code.CONTRACT))
    return {ref: _at(tree, ref) for ref in ids}


def _within(seconds: float, provider: SecretProvider, base_dir: Path, honours_insecure: bool) -> bytes | Code:
    """Read in a thread of its own: a file on a dead network share never answers, and cannot be interrupted."""
    box: list[bytes | Code] = []

    def read() -> None:
        try:
            box.append(_read(provider, base_dir, honours_insecure))
        except (OSError, ValueError):
            box.append(Code.UNAVAILABLE)

    thread = threading.Thread(target=read, name="secret-file", daemon=True)
    thread.start()
    thread.join(seconds)
    return box[0] if box else Code.UNAVAILABLE


def _read(provider: SecretProvider, base_dir: Path, honours_insecure: bool) -> bytes | Code:
    if not provider.path:
        return Code.PROVIDER_INVALID
    path = base_dir / provider.path
    user = os.stat(base_dir).st_uid  # the gateway's: a more powerful reader shows nothing that is not theirs
    if not stat.S_ISREG(os.lstat(path).st_mode):  # before it is opened: opening a device can itself do something
        return Code.PROVIDER_INVALID
    fd = os.open(path, _FLAGS)
    try:
        info = os.fstat(fd)
        lax = provider.allow_insecure_path and honours_insecure
        if not stat.S_ISREG(info.st_mode) or info.st_nlink != 1:
            return Code.PROVIDER_INVALID
        if not lax and (info.st_mode & _FORBIDDEN_BITS or info.st_uid != user):
            return Code.PROVIDER_INVALID
        raw = _read_all(fd, provider.max_bytes)
    finally:
        os.close(fd)
    return raw if len(raw) <= provider.max_bytes else Code.PROVIDER_ERROR


def _read_all(fd: int, limit: int) -> bytes:
    chunks = []
    left = limit + 1
    while left > 0:
        chunk = os.read(fd, min(left, 1 << 16))
        if not chunk:
            break
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def _at(tree: object, pointer: str) -> Resolution:
    tokens = pointer_tokens(pointer)
    if tokens is None:
        return failed(Code.REF_INVALID)
    node = tree
    for token in tokens:
        match node:
            case dict():
                node = node.get(token, _MISSING)
            case list() if token.isascii() and token.isdecimal() and int(token) < len(node):
                node = node[int(token)]
            case _:
                node = _MISSING
    return failed(Code.NOT_FOUND) if node is _MISSING else judged(node)


def _honours_insecure_path(version: str | None) -> bool:
    numbers = re.match(r"(\d{4})\.(\d+)", version or "")
    return numbers is not None and (int(numbers[1]), int(numbers[2])) < _OPTION_ENDED
