"""Pure. Text patterns, in the order in which they decide. Only for JSON and plain text, never for HTML."""

from __future__ import annotations

import re

from exporter.outcome import ProbeStatus as P
from exporter.providers.row import Judgement


def _any(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{part})" for part in parts), re.IGNORECASE)


WINDOW = _any(
    r"try again (in|at|later)",
    r"resets? (at|in)\b",
    r"will reset",
    r"periodic usage",
    r"(daily|weekly|monthly|5-hour|five-hour) (usage )?limit (has been )?(reached|exceeded|exhausted)",
    r"usage limit",
)
MONEY = _any(r"\bcredits?\b", r"\bbalance\b", r"\bpayment\b", r"\bspend(ing)?\b", r"\bbilling\b(?! period| cycle)")
_SENTENCE = re.compile(r"(?<=[.!?;\n])\s+")

BILLING: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "spend_cap",
        _any(
            r"monthly spend(ing)? limit",
            r"raise your spending limit",
            r"spend(ing)? (limit|cap)",
            r"out of budget",
            r"budget (has been )?exceeded",
            r"exceeded ?budget",
        ),
    ),
    (
        "overdue",
        _any(
            r"\boverdue\b",
            r"\bunpaid\b",
            r"suspended.{0,80}(payment|invoice|billing)",
            r"(payment|invoice|billing).{0,40}suspended",
            r"欠费",
            r"arrears?\b",
        ),
    ),
    (
        "plan",
        _any(
            r"out of extra usage",
            r"draw from your extra usage",
            r"extra usage is required",
            r"not (available|included) .{0,80}(current )?plan",
            r"does not have a valid coding plan subscription",
            r"need a .{0,60}subscription",
            r"coding plan .{0,40}expired",
            r"upgrade your plan",
        ),
    ),
    (
        "balance",
        _any(
            r"payment[ _]required",
            r"credit balance",
            r"insufficient[ _](account )?(credits?|balance|funds|quota|usd or diem balance)",
            r"used all available credits",
            r"run out of credits",
            r"out of credits",
            r"purchase more credits",
            r"requires more credits",
            r"plans & billing",
            r"prepayment credits",
            r"balance is (too low|insufficient)",
            r"suspended.{0,80}balance",
            r"余额不足",
            r"exceeded your monthly included credits",
            r"no (remaining )?credits?\b",
            r"credits? (are |have been |is )?(depleted|exhausted)",
            r"check your billing details",
            r"billing hard limit",
            r"billing details",
        ),
    ),
)
AMBIGUOUS_BALANCE = re.compile(r"insufficient account balance", re.IGNORECASE)
BALANCE_BELIEVED = frozenset({"xai", "moonshot", "kimi"})

PERMANENT: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "revoked",
        _any(r"\b(api[ _-]?)?key\b.{0,60}\b(revoked|deleted|leaked)\b", r"(access |oauth )?token (has been|was|is) (revoked|invalidated)"),
    ),
    (
        "disabled",
        _any(
            r"\bapi[ _-]?key\b.{0,60}\b(deactivated|disabled)\b",
            r"key (has been|is) (disabled|deactivated|blocked)",
            r"account (associated with this .{0,30})?(has been|is) (deactivated|suspended|disabled|locked)",
            r"organi[sz]ation (has been|is) (disabled|restricted|suspended)",
            r"deactivated_workspace",
            r"not allowed for this organi[sz]ation",
        ),
    ),
)

AUTH: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("scope", _any(r"missing scopes?", r"insufficient[ _]permissions?", r"insufficient scope")),
    ("expired", _any(r"\b(token|key|credentials?|session)\b (has |is )?expired", r"expired (api[ _-]?key|token|credentials?)")),
    (
        "missing",
        _any(
            r"no api[ _-]?key (was )?(supplied|provided|found)",
            r"missing.{0,40}\b(api[ _-]?key|authorization|credentials?|x-api-key)\b",
            r"you didn't provide an api key",
            r"authorization header (is )?(missing|required)",
        ),
    ),
    (
        "invalid",
        _any(
            r"\b(invalid|incorrect|wrong|missing)\b.{0,40}\b(api[ _-]?key|token|credentials?|subscription key|x-api-key)\b",
            r"\b(api[ _-]?key|token|credentials?)\b.{0,20}\b(is |are )?(not valid|invalid|incorrect|wrong|not recogni[sz]ed)\b",
            r"unauthori[sz]ed",
            r"authentication fail",
            r"invalid (bearer|authentication)",
            r"bad credentials",
            r"could not (authenticate|validate credentials)",
            r"invalid username or password",
            r"authorization failed",
            r"user not found",
            r"密钥无效",
            r"鉴权失败",
            r"身份验证失败",
            r"无效的?令牌",
        ),
    ),
)
FORBIDDEN = re.compile(r"\bforbidden\b|access denied", re.IGNORECASE)

MODEL = _any(
    r"model .{0,120}(not found|does(n't| not) exist|not exist|not available|not supported|decommissioned|deprecated|is not a valid)",
    r"unknown model",
    r"no endpoints found",
    r"no such model",
    r"not supported when using .{0,40}chatgpt account",
    r"invalid model",
)
OVERLOADED = _any(
    r"overloaded",
    r"at capacity",
    r"high (demand|load|traffic)",
    r"service[ _](is )?(temporarily )?unavailable",
    r"temporarily unavailable",
    r"server is busy",
    r"访问量过大",
    r"服务繁忙",
)
RATE_LIMIT: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("daily", _any(r"tokens per day", r"requests per day", r"\bper[ _-]?day\b", r"daily (quota|limit)")),
    (
        "burst",
        _any(
            r"rate.?limit",
            r"too many (concurrent )?requests",
            r"throttl",
            r"quota[ _]exceeded",
            r"exceeded your current quota",
            r"tokens per (minute|day)",
            r"requests per",
            r"concurrency limit",
            r"resource[ _](has been )?exhausted",
            r"model_cooldown",
            r"请求过于频繁",
            r"频率限制",
            r"配额不足",
            r"额度已用尽",
        ),
    ),
)
TIMEOUT = _any(r"timed? ?out", r"deadline exceeded")
FORMAT = _any(r"unsupported parameter", r"unknown parameter", r"max_tokens", r"context length", r"invalid json", r"required field")


def permanent(words: str) -> Judgement | None:
    """`auth` of the kind that never heals: revoked or disabled."""
    for detail, pattern in PERMANENT:
        if pattern.search(words):
            return Judgement(P.AUTH, detail)
    return None


def billing(words: str, provider: str, status: int) -> Judgement | None:
    """`billing`, with the words that are ambiguous on a 429 left out."""
    if status == 429 and provider not in BALANCE_BELIEVED:
        words = AMBIGUOUS_BALANCE.sub("", words)
    if provider.startswith(("google", "gemini")) and status == 429:
        words = re.sub(r"billing details|plan and billing", "", words, flags=re.IGNORECASE)
    for detail, pattern in BILLING:
        if pattern.search(words):
            return Judgement(P.BILLING, detail)
    return None


def window(words: str) -> bool:
    """True when a sentence speaks of a window that will reset, and not of money."""
    return any(WINDOW.search(sentence) and not MONEY.search(sentence) for sentence in _SENTENCE.split(words))


def auth(words: str, status: int) -> Judgement | None:
    """`auth`, with the finer detail; a bare "forbidden" speaks only at 401 and 403."""
    for detail, pattern in AUTH:
        if pattern.search(words):
            return Judgement(P.AUTH, detail)
    if status in (401, 403) and FORBIDDEN.search(words):
        return Judgement(P.AUTH, "scope" if status == 403 else "invalid")
    return None


def judge(words: str, status: int, provider: str, *, embedded: bool) -> Judgement | None:
    """Read the words of an answer in the order of the rules; None when they say nothing known."""
    if status in (402, 429) and window(words):
        return Judgement(P.RATE_LIMIT, "window")
    found = billing(words, provider, status) or permanent(words)
    if found is None and (embedded or status in (400, 401, 403)):
        found = auth(words, status)
    if found is not None:
        return found
    if MODEL.search(words):
        return Judgement(P.MODEL_NOT_FOUND)
    if OVERLOADED.search(words):
        return Judgement(P.OVERLOADED, "capacity")
    for detail, pattern in RATE_LIMIT:
        if pattern.search(words):
            return Judgement(P.RATE_LIMIT, detail)
    if TIMEOUT.search(words):
        return Judgement(P.TIMEOUT)
    return Judgement(P.FORMAT) if FORMAT.search(words) else None
