"""Pure. One HTTP answer brought into one form, whatever the vendor's error shape (status, codes, message)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from exporter.providers.fields import get, items, number, text

BODY_LIMIT = 64 * 1024
_MESSAGE_LIMIT = 4000
_HTML = re.compile(r"<(!doctype\s|html\b|head\b|body\b)", re.IGNORECASE)
_DATA_LINE = re.compile(r"^data:\s*(.+)$", re.MULTILINE)
_IDENTIFIER = re.compile(r"(?<![\w.])(?:[A-Za-z]+(?:_[A-Za-z]+)+|[A-Z]?[a-z]+(?:[A-Z][a-z]+)+|Arrearage)(?![\w.])")
_LITELLM = re.compile(r"\blitellm\.(\w+)\s*:", re.IGNORECASE)

_CODE_PATHS = (
    ("error", "code"), ("code",), ("error_code",), ("errors", 0, "code"), ("detail", "code"), ("detail", "status"),
    ("base_resp", "status_code"), ("__type",), ("error", "error_code"), ("err_code",), ("error", "metadata", "provider_code"),
)  # fmt: skip
_TYPE_PATHS = (
    ("error", "type"), ("error", "status"), ("type",), ("detail", "type"), ("error", "metadata", "error_type"), ("category",),
)  # fmt: skip
_SUBCODE_PATHS = (("error", "details", "error_code"), ("error", "metadata", "limit_source"), ("error", "metadata", "reason"))
_MESSAGE_PATHS = (
    ("error", "message"), ("error",), ("message",), ("Message",), ("detail",), ("detail", "message"), ("error_details", "message"),
    ("msg",), ("base_resp", "status_msg"), ("err_msg",), ("error_msg",), ("errors", 0, "message"), ("error_description",), ("error", "msg"),
    ("title",), ("error", "detail"), ("detail", 0, "msg"), ("details",), ("status_msg",),
)  # fmt: skip
_PLAIN_TYPES = frozenset({"error", "object", "list", "event"})  # words of an envelope, not of a fault


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider sent. Codes are lower case; `said` holds every code word; `html` and `plain` tell what the body is not."""

    status: int
    headers: Mapping[str, str]
    text: str
    document: object  # parsed JSON; None when the body is not JSON
    html: bool
    empty: bool
    code: str = ""
    kind: str = ""
    subcodes: tuple[str, ...] = ()
    message: str = ""

    @property
    def said(self) -> tuple[str, ...]:
        """Every code word of the answer, most telling first."""
        return tuple(word for word in (*self.subcodes, self.code, self.kind) if word)

    @property
    def named(self) -> tuple[str, ...]:
        """Identifiers inside the message that can only be codes: with an underscore, or capitals inside the word."""
        return tuple(word.lower() for word in _IDENTIFIER.findall(self.message[:1000]))

    @property
    def hay(self) -> str:
        """Message and code words in one text, for patterns."""
        return " ".join((self.message, *self.said))


def normalise(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """Bring an answer into one form. Never raises, whatever the bytes."""
    lowered = {str(name).lower(): str(value) for name, value in headers.items()}
    content = body[:BODY_LIMIT].decode("utf-8", errors="replace").lstrip("\ufeff")
    html = "text/html" in lowered.get("content-type", "").lower() or (
        content[:200].lstrip()[:1] == "<" and _HTML.search(content[:2000]) is not None
    )
    empty = not content.strip()
    document = None if empty else _parse(content)
    if document is not None and not isinstance(document, str | int | float | bool):
        html = False
    if document is None or html:
        message = "" if html else content.strip()[:_MESSAGE_LIMIT]
        return Answer(
            status, lowered, content, None, html and not empty, empty, _aws_word(lowered.get("x-amzn-errortype", "")), message=message
        )
    root = document[0] if isinstance(document, list) and document else document
    return _read(status, lowered, content, document, root)


def _parse(content: str) -> object:
    """Parse JSON, or the last telling `data:` line of an event stream; None for anything else."""
    try:
        found: object = json.loads(content, parse_int=_small_int)
        return found
    except (ValueError, RecursionError):
        pass
    if not content.startswith(("data:", "event:", ":")):
        return None
    for line in reversed(_DATA_LINE.findall(content)):
        try:
            found = json.loads(line, parse_int=_small_int)
        except (ValueError, RecursionError):
            continue
        inner = get(found, "response") if get(found, "response", "error") else found
        return inner
    return None


def _small_int(digits: str) -> float:
    return int(digits) if len(digits) < 19 else float(digits)


def _read(status: int, headers: Mapping[str, str], content: str, document: object, root: object) -> Answer:
    code = next((word for path in _CODE_PATHS if (word := _aws_word(text(get(root, *path))))), "")
    code = code or _aws_word(headers.get("x-amzn-errortype", ""))
    kinds = [word for path in _TYPE_PATHS if (word := text(get(root, *path)).lower()) and word not in _PLAIN_TYPES]
    subcodes = [text(get(root, *path)).lower() for path in _SUBCODE_PATHS]
    subcodes += [text(get(detail, "reason")).lower() for detail in items(get(root, "error", "details"))[:20]]
    violations = [entry for detail in items(get(root, "error", "details"))[:20] for entry in items(get(detail, "violations"))[:5]]
    subcodes += [text(get(entry, "quotaId")).lower() for entry in violations]
    subcodes += [text(get(entry, "code")).lower() for entry in items(get(root, "errors"))[1:20]]
    message, inner = _message(root)
    inner_code = text(get(inner, "error", "code")) or text(get(inner, "code"))
    inner_kind = text(get(inner, "error", "type")) or text(get(inner, "type")) or text(get(inner, "error", "status"))
    subcodes += [inner_code.lower(), inner_kind.lower(), *(kinds[1:3])]
    return Answer(
        status, headers, content, document, False, False, code, kinds[0] if kinds else "",
        tuple(word[:200] for word in subcodes if word and word not in _PLAIN_TYPES), message,
    )  # fmt: skip


def _message(root: object) -> tuple[str, object]:
    """The words of an answer, and the JSON that was wrapped in them (one level), if any."""
    found = ""
    for path in _MESSAGE_PATHS:
        value = get(root, *path)
        if isinstance(value, str) and value.strip():
            found = value.strip()
            break
    raw = text(get(root, "error", "metadata", "raw"))
    inner = _unwrap(raw) or _unwrap(found)
    if inner is not None:
        words = text(get(inner, "error", "message")) or text(get(inner, "message")) or text(get(inner, "error"))
        found = f"{found} {words}" if raw or _LITELLM.search(found) else (words or found)
    elif raw:
        found = f"{found} {raw}"
    if not found and isinstance(root, str):
        found = root
    if not found and (get(root, "error") or get(root, "errors")):
        found = " ".join(_leaves(get(root, "error") or get(root, "errors"), 4))
    return found[:_MESSAGE_LIMIT], inner


def _unwrap(message: str) -> object:
    """JSON inside a text: the part from the first brace to the last; a Python dict's text is not JSON and stays text."""
    start, end = message.find("{"), message.rfind("}")
    if start < 0 or end <= start:
        return None
    try:
        found = json.loads(message[start : end + 1], parse_int=_small_int)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _leaves(value: object, depth: int) -> Iterator[str]:
    match value:
        case str():
            yield value[:500]
        case dict() if depth:
            for inner in list(value.values())[:20]:
                yield from _leaves(inner, depth - 1)
        case list() if depth:
            for inner in value[:20]:
                yield from _leaves(inner, depth - 1)


def _aws_word(word: str) -> str:
    """An error code in lower case; AWS writes `namespace#Code:http://…`, and only the code counts."""
    cut = word.strip()
    if "#" in cut:
        cut = cut.split("#", 1)[1]
    if ":" in cut and " " not in cut:
        cut = cut.split(":", 1)[0]
    return cut.lower()[:200]


def embedded_status(answer: Answer) -> int | None:
    """The HTTP status an error inside a 200 carries in its code, if it looks like one."""
    inner = number(answer.code)
    return int(inner) if inner is not None and 400 <= inner <= 599 else None


def upstream(answer: Answer) -> str:
    """The exception class LiteLLM wraps around an upstream's error, in lower case; empty for its own errors."""
    found = _LITELLM.search(answer.message)
    return found.group(1).lower() if found else ""


def date_of(answer: Answer) -> float | None:
    """The provider's clock (Unix seconds) by its Date header; None when absent, unreadable or served from a cache."""
    if (number(answer.headers.get("age")) or 0) > 0:
        return None
    return http_date(answer.headers.get("date", ""))


def http_date(value: str) -> float | None:
    """Unix seconds of an HTTP date in any of its three forms."""
    try:
        return parsedate_to_datetime(value).timestamp() if value.strip() else None
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
