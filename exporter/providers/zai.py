"""Pure. Z.AI (Zhipu): numbered error codes; the quota API answers 200 with an inner code.

Source: Z.AI error code page; public clients of the quota endpoint. 1113 means "no balance or package", so it is billing here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from exporter.outcome import ProbeStatus as P
from exporter.outcome import Quota
from exporter.providers.fields import at_any, get, items, number, ratio, text
from exporter.providers.row import MINUTE, Call, Deep, Facts, Judgement, Provider, SeesBilling, rule

RULES = (
    rule(P.AUTH, "disabled", codes="1112"),
    rule(P.AUTH, "invalid", codes="1000 1001 1002 1003 1004 1110 1111"),
    rule(P.BILLING, "balance", codes="1113"),
    rule(P.BILLING, "plan", codes="1309 1311 1314"),
    rule(P.RATE_LIMIT, "window", codes="1308 1310"),
    rule(P.RATE_LIMIT, "burst", codes="1302 1303 1313"),
    rule(P.OVERLOADED, "capacity", codes="1305"),
    rule(P.MODEL_NOT_FOUND, "", codes="1210 1211"),
    rule(P.FORMAT, "", codes="1212 1213 1214"),
    rule(P.AUTH, "invalid", codes="401"),
)
_UNITS = {1: "d", 3: "h", 5: "m"}


def read_quota(document: object, now: datetime) -> Facts:
    """Plan windows: percentages used 0–100, resets in Unix milliseconds. Unit 5 is seen on the monthly tool quota, named by its type."""
    inner, good = number(get(document, "code")), get(document, "success")
    if inner in (401, 1000, 1001, 1002, 1003, 1004):
        return Facts(Judgement(P.AUTH, "invalid"))
    quotas = tuple(_quotas(get(document, "data", "limits")))
    if good is False and inner in (None, 0, 200):
        return Facts(Judgement(P.UNKNOWN, "embedded"), quotas)
    return Facts(quotas=quotas)


def _quotas(limits: object) -> Iterator[Quota]:
    for entry in items(limits)[:12]:
        used = ratio(get(entry, "percentage"))
        if used is None:
            continue
        unit, count = number(get(entry, "unit")), number(get(entry, "number"))
        known = _UNITS.get(int(unit)) if unit is not None else None
        window = "tools_month" if text(get(entry, "type")) == "TIME_LIMIT" else f"{int(count)}{known}" if known and count else "tokens"
        yield Quota(window, used, at_any(get(entry, "nextResetTime")))


_STRIP = ("/api/coding/paas/v4", "/api/paas/v4", "/api/anthropic/v1", "/api/anthropic")

ROWS = (
    Provider(
        id="zai",
        ids=("zai", "z.ai", "z-ai", "zhipu", "zai-coding"),
        base_url="https://api.z.ai/api/paas/v4",
        regions=(
            "https://api.z.ai/api/coding/paas/v4", "https://api.z.ai/api/anthropic", "https://open.bigmodel.cn/api/paas/v4",
            "https://open.bigmodel.cn/api/coding/paas/v4", "https://open.bigmodel.cn/api/anthropic",
        ),
        light=Call("/api/monitor/usage/quota/limit", shape=("data", "code"), strip=_STRIP, every=10 * MINUTE, at_least=5 * MINUTE),
        sees_billing=SeesBilling.PARTLY,
        deep=Deep(models=("glm-4.5-flash", "glm-4.5-air"), manual=True),
        keys=(r"[0-9a-f]{32}\.\w{16}",),
        rules=RULES,
        facts=read_quota,
        subscription=True,
        region_bound=True,
        bases=(("zhipu", "https://open.bigmodel.cn/api/paas/v4"), ("zai-coding", "https://api.z.ai/api/coding/paas/v4")),
    ),
)  # fmt: skip
