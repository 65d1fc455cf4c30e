"""Pure. The same question at another address of the vendor: a web firewall or a missing page stands before the first, or it knows
only one of the vendor's kinds of key."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from exporter.outcome import Outcome, ProbeStatus
from exporter.providers.request import Access, Request, ask
from exporter.providers.row import Purpose


def fallback(request: Request, outcome: Outcome, access: Access, now: datetime) -> Request | None:
    """The request to try once more after such an answer; None when the answer was one, or the row knows no other address.

    Source: public clients of the Codex usage endpoint, which fall back on a 403 page and on 404; Cloudflare's token API.
    """
    call = request.provider.light
    if call is None or request.purpose is not Purpose.LIGHT:
        return None
    stands_before = outcome.status in (403, 404) and outcome.outcome in (ProbeStatus.NETWORK, ProbeStatus.FORMAT)
    refused = outcome.outcome is ProbeStatus.AUTH and outcome.detail == "invalid"
    path = call.fallback if stands_before else call.either if refused else ""
    if not path:
        return None
    made = ask(request.provider, replace(call, path=path), access, Purpose.LIGHT, now)
    return made if isinstance(made, Request) and made.host == request.host and made.url != request.url else None
