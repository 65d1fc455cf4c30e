"""Pure. E-mail addresses in ids, made unrecognisable but still distinct."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Final

_PART: Final = r"[^\s:/@\"'<>()\[\],;|.]+"
_ADDRESS: Final = re.compile(
    rf"{_PART}(?:\.{_PART})*@{_PART}(?:\.{_PART})+"
)  # with a dot behind the @: `openclaw@ann` is a gateway's label


@lru_cache(maxsize=20_000)
def mask_emails(text: str) -> str:
    """Replace each e-mail address by its first letter, `***` and six hex digits of the address's SHA-256."""
    return _ADDRESS.sub(_mask, text) if "@" in text else text


def masked_document(document: object) -> object:
    """Mask every text of a JSON document; names of keys stay."""
    match document:
        case str():
            return mask_emails(document)
        case list():
            return [masked_document(item) for item in document]
        case dict():
            return {key: masked_document(value) for key, value in document.items()}
        case _:
            return document


def short_hash(text: str) -> str:
    """Return six hex digits of the text's SHA-256; lone surrogates, which JSON can hold, are hashed too."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:6]


def _mask(match: re.Match[str]) -> str:
    return f"{match[0][0]}***{short_hash(match[0])}"
