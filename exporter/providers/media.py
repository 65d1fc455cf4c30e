"""Pure. Speech and media services a gateway holds keys for; a completion would cost, so there is none.

Source: ElevenLabs, Deepgram and Replicate API references.
"""

from __future__ import annotations

from datetime import datetime

from exporter.outcome import Balance, Quota
from exporter.outcome import ProbeStatus as P
from exporter.providers.fields import at_seconds, get, number, share
from exporter.providers.row import Auth, Call, ErrorShape, Facts, Judgement, Provider, SeesBilling, rule


def read_elevenlabs(document: object, now: datetime) -> Facts:
    """Characters are credits; without leave to go over, a used-up plan refuses."""
    used, limit = number(get(document, "character_count")), number(get(document, "character_limit"))
    part = share(used, limit)
    if part is None or used is None or limit is None:
        return Facts()
    reset = at_seconds(get(document, "next_character_count_reset_unix"))
    over = get(document, "can_extend_character_limit") is True or get(document, "allowed_to_extend_character_limit") is True
    spent = Judgement(P.BILLING, "plan", reset) if part >= 1 and not over else None
    return Facts(spent, (Quota("month", part, reset),), (Balance("credits", limit - used),))


ROWS = (
    Provider(
        id="elevenlabs",
        ids=("elevenlabs",),
        base_url="https://api.elevenlabs.io",
        light=Call("/v1/user/subscription", auth=Auth.XI_API_KEY, shape=("tier", "character_limit"), strip=("/v1",)),
        sees_billing=SeesBilling.YES,
        errors=ErrorShape.DETAIL,
        keys=(r"sk_[0-9a-f]{48}", r"[0-9a-f]{32}"),
        rules=(
            rule(P.BILLING, "plan", codes="quota_exceeded"),
            rule(P.AUTH, "scope", codes="missing_permissions"),
            rule(P.RATE_LIMIT, "burst", codes="too_many_concurrent_requests"),
            rule(P.OVERLOADED, "capacity", codes="system_busy"),
        ),
        facts=read_elevenlabs,
    ),
    Provider(
        id="deepgram",
        ids=("deepgram",),
        base_url="https://api.deepgram.com",
        light=Call("/v1/projects", auth=Auth.TOKEN, shape=("projects",), strip=("/v1",)),
        sees_billing=SeesBilling.NO,
        errors=ErrorShape.DEEPGRAM,
        keys=(r"[0-9a-f]{40}",),
        rules=(rule(P.AUTH, "scope", 403), rule(P.BILLING, "balance", 402)),
    ),
    Provider(
        id="replicate",
        ids=("replicate",),
        base_url="https://api.replicate.com",
        light=Call("/v1/account", shape=("username", "type"), strip=("/v1",)),
        errors=ErrorShape.DETAIL,
        keys=(r"r8_\w{37}",),
    ),
)
