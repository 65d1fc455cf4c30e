"""Pure. Words of a provider made safe to show: without keys, tokens, addresses and account ids."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote

from exporter.model import Secret

WORDS_LIMIT = 240
_RUN = 8  # vendors echo the first and last characters of a bad key
_MASK = "***"
_HEADERS = "authorization|x-api-key|api-key|x-goog-api-key|xi-api-key|cf-aig-authorization|cookie|set-cookie"
_PARAMETERS = "key|api_key|apikey|access_token|token|X-Amz-Signature|X-Amz-Credential|X-Amz-Security-Token"
_SHAPES = tuple(
    re.compile(pattern, flags)
    for pattern, flags in (
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        (r"\beyJ[\w-]{5,}\.[\w-]*(\.[\w-]*)?(\.[\w-]*)*", 0),
        (r"\bbedrock-api-key-[\w+/=*.-]+", 0),
        (r"\bbce-v3/[\w/*.-]+", 0),
        (r"\b(sk|rk|pk|gsk|xai|pplx|csk|fw|fpk|tgp|hf|api_org|nvapi|r8|gh[pousr]|github_pat)[-_.][\w+/=*.…-]{4,}", 0),
        (r"\b(vapi|vck|cpk|cfut|cfat|VENICE|ya29|GOCSPX)[-_.][\w+/=*.…-]{4,}", 0),
        (r"\b(tp|at|AQ|syn)[-_.](?=[\w*.-]{0,80}[\d*])[\w*.-]{4,}", 0),
        (r"\bAIza[\w*-]{6,}", 0),
        (r"\b1//0[\w-]{6,}", 0),
        (r"\b(AKIA|ASIA|ABSK|LTAI|AKLT|AKID)[\w+/=*]{6,}", 0),
        (r"\btid=[^\s\"']+", 0),
        (r"\b[0-9a-f]{32}\.[A-Za-z0-9]{8,}", 0),
        (r"[\w.+-]{1,64}@[\w-]{1,63}(\.[\w-]{1,63})+", 0),
        (r"\b(org|user|acct|account|team|proj|workspace|req|request|cus|usr|key|wrkspc|sess)[-_](?=[\w-]{0,80}\d)[\w-]{6,}", re.IGNORECASE),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE),
        (rf"\b({_HEADERS})\b[\"']?\s*[:=]\s*[\"']?((bearer|token|basic)\s+)?\S+", re.IGNORECASE),
        (r"\b(bearer|basic)\s+[\w+/=.~*-]{6,}", re.IGNORECASE),
        (rf"([?&]|\b)({_PARAMETERS})=[^\s&\"']+", re.IGNORECASE),
        (r"https?://[^\s/@\"']*:[^\s/@\"']*@", 0),
        (r"[\w-]{0,12}[*•…]{2,}[\w-]{0,12}", 0),
        (r"\b(?=[\w-]{0,80}\d)(?=[\w-]{0,80}[A-Za-z])[A-Za-z0-9_-]{24,}\b", 0),
        (r"\b[A-Za-z0-9+/]{40,}={0,2}", 0),
        (r"\b\d{9,}\b", 0),
    )
)  # fmt: skip
_SMALL = str.maketrans({chr(code): chr(code + 32) for code in range(65, 91)})  # keeps the length of a text, which `lower` may not
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def redact(words: str, secrets: Iterable[Secret] = (), limit: int = WORDS_LIMIT) -> str:
    """Mask every known secret, every known key shape, addresses and ids; then cut to `limit` characters on one line."""
    found = _SPACE.sub(" ", words[:8000]).strip()
    forms = [form for secret in secrets for form in _forms(secret.reveal())]
    for form in forms:
        found = _without(found, form)
    for shape in _SHAPES:
        found = shape.sub(_MASK, found)
    for form in forms:  # masking joins what stood apart
        found = _without(found, form)
    return found if len(found) <= limit else found[: limit - 1] + "…"


def _forms(value: str) -> tuple[str, ...]:
    """A secret as it is, URL-encoded, and base64 at each of the three offsets it can have inside other text."""
    value = _SPACE.sub(" ", value).strip()
    if not value:
        return ()
    raw = value.encode(errors="replace")
    coded = [base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")[(4 if shift else 0) : -1] for shift in range(3)]
    return tuple(dict.fromkeys((value, quote(value, safe=""), quote(value), *(form for form in coded if len(form) >= _RUN))))


def echoes(name: str, secrets: Iterable[Secret]) -> bool:
    """True when a name an answer gave to a window, a header or a field holds a piece of a secret, however it was rewritten."""
    plain = _bare(name)
    return len(plain) >= _RUN and any(not _pieces(_bare(secret.reveal())).isdisjoint(_pieces(plain)) for secret in secrets)


def _bare(text: str) -> str:
    return "".join(letter for letter in text.translate(_SMALL) if letter.isalnum())


def _pieces(text: str) -> frozenset[str]:
    return frozenset(text[start : start + _RUN] for start in range(len(text) - _RUN + 1))


def _without(words: str, secret: str) -> str:
    """`words` without the secret, and without any run of eight or more characters of it, in whatever case."""
    if len(secret) < _RUN:
        return words.replace(secret, _MASK)
    small, runs = words.translate(_SMALL), _pieces(secret.translate(_SMALL))
    hidden = bytearray(len(words))
    for start in range(len(words) - _RUN + 1):
        if small[start : start + _RUN] in runs:
            hidden[start : start + _RUN] = b"\1" * _RUN
    if not any(hidden):
        return words
    pieces, last = [], 0
    for index, flag in enumerate(hidden):
        if flag != last:
            pieces.append(_MASK if flag else "")
        if not flag:
            pieces.append(words[index])
        last = flag
    return "".join(pieces)
