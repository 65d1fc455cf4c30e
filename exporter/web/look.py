"""Pure. Everything there is to show at one instant. Each answer is made from one of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from types import MappingProxyType

from exporter.chronicle import Chronicle
from exporter.masking import masked_document
from exporter.metrics.view import Counters, Policy
from exporter.verdict import Snapshot


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to show at one instant."""

    snapshot: Snapshot
    now: datetime
    counters: Counters
    policy: Policy
    ready: bool  # the first pass is done
    fault: str  # why the scheduler is not healthy, "" when it is
    zone: tzinfo | None = UTC  # of instants in words; None: the machine's
    host: str = ""  # how people call this machine
    chronicle: Chronicle = field(default_factory=Chronicle)
    lowest: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))  # balance that is wanted, by provider
    runbooks: str = ""  # where the runbook pages are, without a slash at the end
    notes: tuple[str, ...] = ()  # what is wrong with ourselves, in words

    def shown(self, document: object) -> object:
        """Make a JSON document fit to hand out: e-mail addresses masked, unless the settings show them."""
        return masked_document(document) if self.policy.mask_emails else document
