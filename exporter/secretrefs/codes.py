"""Pure. The gateways' error codes of a SecretRef that does not resolve, and how the others come out."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from exporter.model import RefState, Resolution, Secret

_REDACTED: Final = "__OPENCLAW_REDACTED__"  # what the gateway's own configuration view shows in place of a secret


class Code(StrEnum):
    """Why a reference does not resolve. What the gateway calls an error in its own words."""

    NOT_CONFIGURED = "SECRET_PROVIDER_NOT_CONFIGURED"
    PROVIDER_INVALID = "SECRET_PROVIDER_INVALID"  # configured in a way the gateway refuses: other source, unsafe path
    UNAVAILABLE = "SECRET_PROVIDER_UNAVAILABLE"  # not there, not readable, does not start, takes too long
    PROVIDER_ERROR = "SECRET_PROVIDER_ERROR"  # it answered, but failed
    CONTRACT = "SECRET_PROVIDER_CONTRACT"  # its answer has the wrong form
    NOT_FOUND = "SECRET_REF_NOT_FOUND"
    POLICY_DENIED = "SECRET_REF_POLICY_DENIED"
    REF_INVALID = "SECRET_REF_INVALID"
    REDACTED = "SECRET_REF_REDACTED_VALUE"


UNCHECKED: Final = Resolution(RefState.UNCHECKED)


def failed(code: Code) -> Resolution:
    """Say that a reference does not resolve, and why."""
    return Resolution(RefState.UNRESOLVED, code)


def judged(value: object) -> Resolution:
    """Accept what a provider gave for an id: a string that is not blank."""
    if not isinstance(value, str):
        return failed(Code.CONTRACT)
    if not value.strip():
        return failed(Code.NOT_FOUND)
    if value.strip() == _REDACTED:
        return failed(Code.REDACTED)
    return Resolution(RefState.RESOLVED, secret=Secret(value))
