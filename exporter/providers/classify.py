"""Pure. What an answer means: (provider, status, headers, body) → outcome, detail, retry-at and redacted words.

Order of decision: HTML and web firewalls, errors inside a success, the provider's own rules, structured codes, text patterns, status.
Source: vendors' error pages and the gateways' own classifiers; where they disagree the vendors' own words win.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from exporter.model import Secret
from exporter.outcome import Outcome, RateLimit
from exporter.outcome import ProbeStatus as P
from exporter.providers import codes, patterns
from exporter.providers.answer import Answer, date_of, embedded_status, normalise, upstream
from exporter.providers.fields import at_iso, get, number, text
from exporter.providers.limits import balances, quotas, rate_limits
from exporter.providers.redact import echoes, redact
from exporter.providers.retry import next_day, next_month, retry_at
from exporter.providers.row import Facts, Judgement, Provider, Purpose, Rule, Validates

_CHALLENGE = re.compile(
    r"just a moment|attention required|sorry, you have been blocked|cf-browser-verification|error code: 10(10|20)\b", re.IGNORECASE
)
_CURRENCY = re.compile(r"[A-Za-z]{2,7}")
_CDN_LIMIT = re.compile(r"error code: 1015|you are being rate limited", re.IGNORECASE)
_NO_ORIGIN = frozenset({520, 521, 523, 525, 526, 530})
_TIMED_OUT = frozenset({408, 499, 504, 522, 524})
_BAD_FORM = frozenset({400, 405, 406, 411, 415, 422})
_REPEATABLE = frozenset({P.RATE_LIMIT, P.OVERLOADED, P.BILLING, P.TIMEOUT})
_UPSTREAM: Mapping[str, Judgement] = {
    "ratelimiterror": Judgement(P.RATE_LIMIT, "upstream"),
    "authenticationerror": Judgement(P.AUTH, "upstream"),
    "permissiondeniederror": Judgement(P.AUTH, "upstream"),
    "notfounderror": Judgement(P.MODEL_NOT_FOUND, "upstream"),
    "badrequesterror": Judgement(P.FORMAT, "upstream"),
    "contextwindowexceedederror": Judgement(P.FORMAT, "upstream"),
    "timeout": Judgement(P.TIMEOUT, "upstream"),
    "internalservererror": Judgement(P.OVERLOADED, "upstream"),
    "serviceunavailableerror": Judgement(P.OVERLOADED, "upstream"),
    "apiconnectionerror": Judgement(P.OVERLOADED, "upstream"),
}


def classify(
    provider: Provider | None,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    *,
    purpose: Purpose = Purpose.LIGHT,
    secrets: Iterable[Secret] = (),
) -> Outcome:
    """Judge one HTTP answer.

    `now` is the instant the answer arrived; `secrets` are masked in the words by value. A `provider` of None knows generic rules only.
    Errors: never raises, whatever the bytes, the headers or the status.
    """
    known, answer = tuple(secrets), normalise(status, headers, body)
    families = provider.headers if provider else ()
    limits = tuple(limit for limit in rate_limits(answer.headers, families, now) if not echoes(limit.resource, known))
    facts = _facts(provider, answer, now)
    judged = _judge(provider, answer, facts, purpose, now)
    told = _retry(judged, answer, limits, now)
    offset = date_of(answer)
    failed = judged.outcome is not P.OK or bool(judged.detail)
    return Outcome(
        judged.outcome,
        judged.detail,
        at=now,
        words=redact(_words(answer), known) if failed else "",
        status=status,
        retry_at=told,
        clock_offset_seconds=None if offset is None else now.timestamp() - offset,
        rate_limits=limits,
        quotas=tuple(quota for quota in (*facts.quotas, *quotas(answer.headers, now)) if not echoes(quota.window, known)),
        balances=tuple(balance for balance in (*facts.balances, *balances(answer.headers)) if _CURRENCY.fullmatch(balance.currency)),
        expires_at=facts.expires_at or _stamped(answer),
    )


def expires_at(provider: Provider | None, headers: Mapping[str, str], body: bytes, now: datetime) -> datetime | None:
    """When the credential itself expires, where a key-info endpoint or GitHub's header says so."""
    answer = normalise(200, headers, body)
    return _stamped(answer) or _facts(provider, answer, now).expires_at


def _stamped(answer: Answer) -> datetime | None:
    """The end of a GitHub token, by its header."""
    stamp = answer.headers.get("github-authentication-token-expiration", "")
    return at_iso(stamp.replace(" UTC", "+00:00").replace(" ", "T", 1).replace(" ", "")) if stamp else None


def _facts(provider: Provider | None, answer: Answer, now: datetime) -> Facts:
    if provider is None or not 200 <= answer.status < 300 or answer.document is None:
        return Facts()
    return provider.facts(answer.document, now)


def _judge(provider: Provider | None, answer: Answer, facts: Facts, purpose: Purpose, now: datetime) -> Judgement:
    if answer.html or (answer.document is None and _CDN_LIMIT.search(answer.message)):
        return _page(answer)
    if 200 <= answer.status < 300:
        if not _embedded(provider, answer):
            return facts.judgement or _accepted(provider, answer, purpose)
        inner = embedded_status(answer)
        return _failed(provider, replace(answer, status=inner or answer.status), facts, purpose, now, embedded=True)
    return _failed(provider, answer, facts, purpose, now, embedded=False)


def _page(answer: Answer) -> Judgement:
    """Read a web page by its status; its text says only whether a web firewall sent it."""
    status = answer.status
    challenged = "challenge" in answer.headers.get("cf-mitigated", "") or (_CHALLENGE.search(answer.text[:20000]) is not None)
    if status in (403, 503) and challenged:
        return Judgement(P.NETWORK, "waf")
    if status == 429 or (status >= 400 and _CDN_LIMIT.search(answer.text[:20000])):
        return Judgement(P.RATE_LIMIT, "burst")
    if status == 401:
        return Judgement(P.AUTH, "unstructured")
    if 200 <= status < 300 or status == 404:
        return Judgement(P.FORMAT, "html")
    if status == 403:
        return Judgement(P.NETWORK, "waf")
    return by_status(status, Purpose.LIGHT, empty=False)


def _embedded(provider: Provider | None, answer: Answer) -> bool:
    """True when a success carries an error: an `error` of substance, `success: false`, or a vendor's own status word."""
    root = get(answer.document, 0) if isinstance(answer.document, list) else answer.document
    error = get(root, "error")
    if (isinstance(error, str) and error.strip()) or (isinstance(error, dict) and error):
        return True
    if get(root, "success") is False or get(root, "type") == "error":
        return True
    base = number(get(root, "base_resp", "status_code"))
    if base not in (None, 0, 200):
        return True
    if number(get(root, "error_code")) not in (None, 0):
        return True
    inner = number(get(root, "code"))
    envelope = get(root, "msg") is not None or get(root, "data") is not None or get(root, "message") is not None
    return envelope and inner not in (None, 0, 200) and (get(root, "status") is not True)


def _accepted(provider: Provider | None, answer: Answer, purpose: Purpose) -> Judgement:
    if provider is None or purpose is not Purpose.LIGHT or provider.light is None:
        return Judgement(P.OK)
    if provider.validates in (Validates.UNPROVEN, Validates.NO):
        return Judgement(P.UNKNOWN, "inconclusive")
    shape = provider.light.shape
    listed = "[]" in shape and isinstance(answer.document, list)
    known = not shape or listed or any(get(answer.document, *path.split(".")) is not None for path in shape)
    return Judgement(P.OK, "" if known else "other_shape")


def _failed(provider: Provider | None, answer: Answer, facts: Facts, purpose: Purpose, now: datetime, *, embedded: bool) -> Judgement:
    name = provider.id if provider else ""
    if facts.judgement is not None:
        return facts.judgement
    wrapped = _UPSTREAM.get(upstream(answer))
    for entry in provider.rules if provider else ():
        if _holds(entry, answer, purpose):
            return _ruled(entry, now)
    if wrapped is not None:
        return wrapped
    words = answer.message or answer.hay
    found = _structured(answer, words, name, embedded=embedded, purpose=purpose)
    if found is None and words:
        found = patterns.judge(words, answer.status, name, embedded=embedded)
    if found is None and embedded:
        found = codes.weak(answer.said) or (by_status(answer.status, purpose, empty=False) if answer.status >= 400 else None)
        return found or Judgement(P.UNKNOWN, "embedded")
    if found is None:
        found = _weakly(answer, purpose)
    return _limited(found, answer, purpose)


def _structured(answer: Answer, words: str, name: str, *, embedded: bool, purpose: Purpose) -> Judgement | None:
    """Codes first; a code about scope yields to words about money or about a key that is dead."""
    found = codes.strong(answer.said) or codes.strong(answer.named)
    if found is not None and found.outcome is P.AUTH and found.detail == "invalid":
        return _auth_detail(words, found)
    if found is not None and found.outcome is P.RATE_LIMIT and answer.status == 402:
        return patterns.judge(words, 402, name, embedded=embedded)
    if found is not None:
        return found
    limited = codes.scope(answer.said)
    if limited is not None:
        return patterns.billing(words, name, answer.status) or patterns.permanent(words) or _expired(words) or limited
    if purpose is Purpose.DEEP and any(word in codes.NOT_FOUND for word in answer.said):
        return Judgement(P.MODEL_NOT_FOUND)
    return None


def _auth_detail(words: str, found: Judgement) -> Judgement:
    """The finer word for an `auth` code: revoked, disabled, expired, missing scope; else invalid."""
    return patterns.permanent(words) or _expired(words) or found


def _expired(words: str) -> Judgement | None:
    found = patterns.auth(words, 401)
    return found if found is not None and found.detail in ("expired", "scope", "missing") else None


def _weakly(answer: Answer, purpose: Purpose) -> Judgement:
    """No word knew better: a general code, unless the status is more telling; then the bare status."""
    said = codes.weak(answer.said)
    by = by_status(answer.status, purpose, empty=answer.empty)
    if said is None:
        return by
    if by.outcome in (P.FORMAT, P.UNKNOWN):
        return said
    return said if said.outcome is P.OVERLOADED and answer.status >= 500 else by


def _limited(found: Judgement, answer: Answer, purpose: Purpose) -> Judgement:
    """A subscription's 429 names its window in a header; a bare 401 without any word is no vendor's word."""
    if found.outcome is P.RATE_LIMIT and answer.headers.get("anthropic-ratelimit-unified-status") == "rejected":
        return Judgement(P.RATE_LIMIT, "window")
    if found.outcome is P.AUTH and not answer.message and not answer.said:
        return replace(found, detail="unstructured" if answer.status == 401 else found.detail)
    return found


def _holds(entry: Rule, answer: Answer, purpose: Purpose) -> bool:
    if entry.status and answer.status not in entry.status:
        return False
    if entry.purposes and purpose not in entry.purposes:
        return False
    if entry.codes and entry.codes.isdisjoint(answer.said) and entry.codes.isdisjoint(answer.named):
        return False
    return entry.text is None or entry.text.search(answer.hay) is not None


def _ruled(entry: Rule, now: datetime) -> Judgement:
    reset = next_month(now) if entry.resets == "month" else next_day(now) if entry.resets == "day" else None
    return Judgement(entry.outcome, entry.detail, reset)


def by_status(status: int, purpose: Purpose, *, empty: bool) -> Judgement:
    """The class of a status that nothing else explains."""
    if status in _NO_ORIGIN:
        return Judgement(P.NETWORK, "cdn")
    if status in _TIMED_OUT:
        return Judgement(P.TIMEOUT)
    if status in (503, 529):
        return Judgement(P.OVERLOADED, "capacity")
    if status in _BAD_FORM:
        return Judgement(P.UNKNOWN if empty and status in (400, 422) else P.FORMAT)
    if 200 <= status < 300:
        return Judgement(P.OK)
    if 300 <= status < 400:
        return Judgement(P.FORMAT, "redirect")
    known = {
        401: Judgement(P.AUTH, "invalid"),
        402: Judgement(P.BILLING, "balance"),
        403: Judgement(P.AUTH, "scope"),
        407: Judgement(P.NETWORK, "proxy"),
        412: Judgement(P.FORMAT),
        413: Judgement(P.FORMAT),
        429: Judgement(P.RATE_LIMIT, "burst"),
        451: Judgement(P.AUTH, "region"),
        498: Judgement(P.OVERLOADED, "capacity"),
        500: Judgement(P.OVERLOADED, "server_error"),
        501: Judgement(P.OVERLOADED, "server_error"),
        502: Judgement(P.OVERLOADED, "server_error"),
    }
    if status in (404, 410):
        return Judgement(P.MODEL_NOT_FOUND if purpose is Purpose.DEEP else P.FORMAT)
    return known.get(status, Judgement(P.UNKNOWN))


def _retry(judged: Judgement, answer: Answer, limits: tuple[RateLimit, ...], now: datetime) -> datetime | None:
    if judged.reset_at is not None:
        return judged.reset_at
    if 200 <= answer.status < 400 and judged.outcome is P.OK:
        return None
    return retry_at(answer, limits if judged.outcome in _REPEATABLE else (), now)


def _words(answer: Answer) -> str:
    if 300 <= answer.status < 400:
        return "a redirect, which is not followed"
    if answer.html:
        return f"an HTML page with status {answer.status}"
    return answer.message or " ".join(answer.said) or text(get(answer.document, "status"))
