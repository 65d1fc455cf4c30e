"""Pure. xAI: the key-info endpoint answers 200 with flags of blocked or disabled keys; a bad key is 400.

Source: xAI API reference (`/v1/api-key`), public threads on its error bodies.
"""

from __future__ import annotations

from datetime import datetime

from exporter.outcome import ProbeStatus as P
from exporter.providers.fields import get
from exporter.providers.row import Call, Deep, ErrorShape, Facts, Headers, Judgement, Provider, SeesBilling, rule

RULES = (
    rule(P.AUTH, "invalid", 400, 401, text=r"incorrect api key"),
    rule(P.BILLING, "spend_cap", text=r"monthly spending limit(?!.{0,40}used all)|reached its monthly spending limit"),
    rule(P.BILLING, "balance", text=r"used all available credits|purchase more credits"),
    rule(P.BILLING, "plan", text=r"need a grok subscription|requires? a grok subscription"),
    rule(P.RATE_LIMIT, "burst", 429, text=r"resource has been exhausted"),
    rule(P.AUTH, "disabled", 403, text=r"\b(team|key|api key) is (blocked|disabled)"),
    rule(P.AUTH, "scope", 403, text=r"does not have permission"),
)


def read_key(document: object, now: datetime) -> Facts:
    """Any flag that is true means that the key does not work, although the answer is 200."""
    flags = [name for name in ("api_key_blocked", "api_key_disabled", "team_blocked", "team_disabled") if get(document, name) is True]
    return Facts(Judgement(P.AUTH, "disabled")) if flags else Facts()


ROWS = (
    Provider(
        id="xai",
        ids=("xai", "x-ai", "grok"),
        base_url="https://api.x.ai/v1",
        light=Call("/api-key", shape=("api_key_id", "name", "redacted_api_key", "team_id")),
        sees_billing=SeesBilling.PARTLY,
        deep=Deep(models=("grok-4-fast-non-reasoning", "grok-3-mini")),
        errors=ErrorShape.ERROR_TEXT,
        headers=(Headers.OPENAI,),
        keys=(r"xai-\w{80}",),
        rules=RULES,
        facts=read_key,
    ),
)
