"""Pure. The same question at another address of the vendor, for when a web firewall or a missing page stands before the first."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from exporter.outcome import Outcome, ProbeStatus
from exporter.providers.request import Access, Request, ask
from exporter.providers.row import Purpose


def fallback(request: Request, outcome: Outcome, access: Access, now: datetime) -> Request | None:
    """The request to try once more after such an answer; None when the answer was one, or the row knows no other address.

    Source: public clients of the Codex usage endpoint, which fall back on a 403 page and on 404.
    """
    call = request.provider.light
    stands_before = outcome.status in (403, 404) and outcome.outcome in (ProbeStatus.NETWORK, ProbeStatus.FORMAT)
    if call is None or not call.fallback or request.purpose is not Purpose.LIGHT or not stands_before:
        return None
    made = ask(request.provider, replace(call, path=call.fallback), access, Purpose.LIGHT, now)
    return made if isinstance(made, Request) and made.host == request.host and made.url != request.url else None
