"""Pure. MiniMax: errors travel inside HTTP 200, and `*_usage_count` holds what remains.

Source: MiniMax error codes page; public clients of the token-plan endpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from exporter.outcome import ProbeStatus as P
from exporter.outcome import Quota
from exporter.providers.fields import at_ms, get, items, number, share, text
from exporter.providers.row import MINUTE, Call, Deep, ErrorShape, Facts, Judgement, Provider, SeesBilling, Shape, rule

RULES = (
    rule(P.RATE_LIMIT, "burst", codes="1002 1039 1041"),
    rule(P.RATE_LIMIT, "window", codes="2056"),
    rule(P.BILLING, "balance", codes="1008"),
    rule(P.AUTH, "invalid", codes="1004 2049"),
    rule(P.FORMAT, "", codes="2013"),
    rule(P.OVERLOADED, "server_error", codes="1000 1013 1024 1033"),
    rule(P.TIMEOUT, "", codes="1001"),
)


def read_remains(document: object, now: datetime) -> Facts:
    """Windows of a plan; status 1 is fine, 2 exhausted, 3 not subscribed (skipped)."""
    entries = [entry for entry in items(get(document, "model_remains"))[:20] if number(get(entry, "current_interval_status")) != 3]
    quotas = tuple(quota for entry in entries for quota in _quotas(entry))
    spent = [entry for entry in entries if number(get(entry, "current_interval_status")) == 2]
    if not entries or len(spent) < len(entries):
        return Facts(quotas=quotas)
    resets = [at for entry in spent if (at := at_ms(get(entry, "end_time"))) is not None]
    return Facts(Judgement(P.RATE_LIMIT, "window", max(resets, default=None)), quotas)


def _quotas(entry: object) -> Iterator[Quota]:
    name = "".join(letter if letter.isalnum() else "_" for letter in text(get(entry, "model_name")).lower())[:30].strip("_")
    for window, prefix, end in (("interval", "current_interval", "end_time"), ("week", "current_weekly", "weekly_end_time")):
        left = number(get(entry, f"{prefix}_remaining_percent"))
        if left is None:
            part = share(get(entry, f"{prefix}_usage_count"), get(entry, f"{prefix}_total_count"))  # a count of what remains
            left = None if part is None else part * 100
        if left is not None:
            yield Quota(f"{name}_{window}".strip("_"), max(0.0, 1 - left / 100), at_ms(get(entry, end)))


ROWS = (
    Provider(
        id="minimax",
        ids=("minimax", "minimax-cn", "minimax-portal", "minimax-portal-cn"),
        base_url="https://api.minimax.io/anthropic",
        regions=("https://api.minimax.io/v1", "https://api.minimaxi.com/anthropic", "https://api.minimaxi.com/v1"),
        light=Call(
            "/v1/token_plan/remains",
            shape=("model_remains", "base_resp"),
            strip=("/anthropic/v1", "/anthropic", "/v1"),
            every=10 * MINUTE,
            at_least=5 * MINUTE,
            fallback="/v1/api/openplatform/coding_plan/remains",  # where older plans are asked
        ),
        sees_billing=SeesBilling.PARTLY,
        deep=Deep(Shape.ANTHROPIC, ("MiniMax-M2",), "/anthropic/v1/messages", strip=("/anthropic/v1", "/anthropic", "/v1"), manual=True),
        errors=ErrorShape.BASE_RESP,
        keys=(r"sk-cp-.+", r"sk-api-.+"),
        rules=RULES,
        facts=read_remains,
        subscription=True,
        region_bound=True,
        bases=(("minimax-cn", "https://api.minimaxi.com/anthropic"), ("minimax-portal-cn", "https://api.minimaxi.com/anthropic")),
    ),
)
