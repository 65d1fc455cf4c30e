"""Pure. The nouns of a probe: what a provider answered to one request of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType


class ProbeStatus(StrEnum):
    """The outcome of one probe; the value is the `outcome` label."""

    OK = "ok"
    AUTH = "auth"
    BILLING = "billing"
    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"
    FORMAT = "format"
    MODEL_NOT_FOUND = "model_not_found"
    NETWORK = "network"
    UNKNOWN = "unknown"
    NO_MODEL = "no_model"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One rate-limit window a provider announced in its headers."""

    resource: str  # requests, tokens, input_tokens, …
    window: str  # minute, day, … or "" when not said
    limit: float | None = None
    remaining: float | None = None
    reset_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota window of a plan; `used` is a ratio 0–1."""

    window: str
    used: float | None = None
    reset_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """Money or credits left; `currency` is an ISO code or `credits`."""

    currency: str
    amount: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one probe found. `words` are the provider's, redacted and cut; `phases` are seconds."""

    outcome: ProbeStatus
    detail: str = ""
    at: datetime | None = None
    words: str = ""
    status: int | None = None  # HTTP status
    retry_at: datetime | None = None
    confirmed: bool = False  # a refusal seen twice
    fingerprint: str = ""  # salted, of the credential probed
    phases: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    last_success_at: datetime | None = None
    expires_at: datetime | None = None  # when the provider itself says the credential ends
    clock_offset_seconds: float | None = None  # ours minus the provider's
    rate_limits: tuple[RateLimit, ...] = ()
    quotas: tuple[Quota, ...] = ()
    balances: tuple[Balance, ...] = ()

    @property
    def refused(self) -> bool:
        """True when the provider refuses this credential for good: confirmed billing, or a confirmed dead key or login."""
        dead = self.outcome is ProbeStatus.AUTH and self.detail in {"invalid", "expired", "revoked", "disabled"}
        return self.confirmed and (dead or self.outcome is ProbeStatus.BILLING)
