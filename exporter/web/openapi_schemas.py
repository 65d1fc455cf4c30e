"""Pure. The schemas of the API's documents; closed sets come from the nouns themselves."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from exporter.alerting.alert import LABELS, AlertState, Op
from exporter.finding import FindingScope, Severity
from exporter.model import CredentialKind, Family, ProblemReason, Source, StoreKind
from exporter.outcome import ProbeStatus
from exporter.verdict import CooldownKind, CooldownScope, Eligibility, Health, RefreshState

Json = dict[str, Any]

INSTANT: Final[Json] = {"type": "string", "format": "date-time"}
TEXT: Final[Json] = {"type": "string"}
FLAG: Final[Json] = {"type": "boolean"}
COUNT: Final[Json] = {"type": "integer", "minimum": 0}
NUMBER: Final[Json] = {"type": "number"}
TEXTS: Final[Json] = {"type": "array", "items": TEXT}


def _maybe(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _word(kind: type[StrEnum]) -> Json:
    return {"type": "string", "enum": [member.value for member in kind]}


def _object(optional: Iterable[str] = (), **properties: Json) -> Json:
    return {"type": "object", "required": [name for name in properties if name not in set(optional)], "properties": properties}


def _list(schema: Json) -> Json:
    return {"type": "array", "items": schema}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


_RULING: Final = _object(rule=TEXT, why=TEXT)
_COOLDOWN: Final = _object(
    kind=_word(CooldownKind),
    scope=_word(CooldownScope),
    model=_maybe(TEXT),
    reason=_maybe(TEXT),
    until=INSTANT,
    classification=_maybe(TEXT),
)
_PROBE: Final[Json] = _object(
    outcome=_word(ProbeStatus), detail=_maybe(TEXT), at=_maybe(INSTANT), words=_maybe(TEXT), status=_maybe({"type": "integer"}),
    current=FLAG, confirmed=FLAG, refused=FLAG, retry_at=_maybe(INSTANT), last_success_at=_maybe(INSTANT), expires_at=_maybe(INSTANT),
    phases={"type": "object", "additionalProperties": NUMBER}, clock_offset_seconds=_maybe(NUMBER), rate_limits=_list(_object(
        resource=TEXT, window=TEXT, limit=_maybe(NUMBER), remaining=_maybe(NUMBER), reset_at=_maybe(INSTANT),
    )),
    quotas=_list(_object(window=TEXT, used_ratio=_maybe(NUMBER), reset_at=_maybe(INSTANT))),
    balances=_list(_object(currency=TEXT, amount=NUMBER)),
)["properties"]  # fmt: skip
_COMPARED: Final[Json] = _object(gateway_reason=_maybe(TEXT), probe_reason=_maybe(TEXT), contradiction=_maybe(TEXT))["properties"]
_PROFILE: Final = _object(
    profile=TEXT, provider=TEXT, credential=_maybe(_word(CredentialKind)), source=_word(Source), health=_word(Health),
    reason=_word(Eligibility), gateway_health=_word(Health), expires_at=_maybe(INSTANT), refresh_state=_word(RefreshState), usable=FLAG,
    position=_maybe({"type": "integer", "minimum": 1}), why=_maybe(TEXT), probe=_maybe(_object(**_PROBE)),
    inherited_from=_maybe(TEXT), stale_since=_maybe(INSTANT), cooldowns=_list(_COOLDOWN), store=_maybe(_word(StoreKind)), refreshable=FLAG,
    renews=FLAG, counts=FLAG, suspect_expiry=FLAG, masked_failure=FLAG, parked_until=_maybe(INSTANT), last_used_at=_maybe(INSTANT),
    last_failure_at=_maybe(INSTANT), auth_failing_since=_maybe(INSTANT), fenced=FLAG, errors=_maybe({"type": "integer"}),
    failures={"type": "object", "additionalProperties": {"type": "integer"}}, first_seen_at=_maybe(INSTANT), changed_at=_maybe(INSTANT),
    ref=_maybe(TEXT), ref_state=_maybe(TEXT), rules=_object(health=_RULING, reason=_RULING, usable=_RULING),
    **_COMPARED,
)  # fmt: skip
_PROVIDER: Final = _object(
    provider=TEXT, in_use=FLAG, health=_word(Health), configured=COUNT, usable=_maybe(COUNT), next=_maybe(TEXT), dark_at=_maybe(INSTANT),
    recovers_at=_maybe(INSTANT), candidates=TEXTS, models=TEXTS, rules=_object(health=_RULING),
)  # fmt: skip
_AGENT: Final = _object(
    agent=TEXT,
    providers=_list(_PROVIDER),
    profiles=_list(_PROFILE),
    configured=FLAG,
    known=FLAG,
    stale_since=_maybe(INSTANT),
    pools=_list(_object(provider=TEXT, keys=TEXTS, accepted=COUNT, limited=COUNT, refused=COUNT, unknown=COUNT, uses=_maybe(TEXT))),
)
_GATEWAY: Final = _object(
    gateway=TEXT, family=_word(Family), state_dir=TEXT, environment={"type": "string", "enum": ["seen", "unseen"]}, agents=_list(_AGENT),
    environment_why=TEXT, era=TEXT, config_known=FLAG, version=_maybe(TEXT),
)  # fmt: skip
_PROBLEM_FOUND: Final = _object(
    gateway=TEXT, agent=TEXT, store=_maybe(_word(StoreKind)), reason=_word(ProblemReason), place=TEXT, fatal=FLAG
)
_MATCHER: Final = _object(label={"type": "string", "enum": list(LABELS)}, op=_word(Op), value=TEXT)
_SAID: Final[Json] = {"type": "string", "maxLength": 500}
_SPAN: Final[Json] = {"type": "string", "pattern": "^[1-9][0-9]{0,2}[smh]$", "examples": ["2h"]}

TARGETS: Final = _list(_object(targets=TEXTS, labels={"type": "object", "additionalProperties": TEXT}))

ALL: Final[Json] = {
    "Problem": _object(type=TEXT, title=TEXT, status={"type": "integer", "minimum": 400, "maximum": 599}, detail=TEXT),
    "Snapshot": _object(
        schema={"const": 1}, at=INSTANT, exit={"type": "integer", "enum": [0, 1, 2]}, why=TEXTS, problems=_list(_PROBLEM_FOUND),
        gateways=_list(_GATEWAY), searched=TEXTS, clock_held=_maybe(TEXT),
    ),
    "Finding": _object(
        id=TEXT, name=TEXT, severity=_word(Severity), scope=_word(FindingScope), gateway=_maybe(TEXT), agents=TEXTS, provider=_maybe(TEXT),
        profile=_maybe(TEXT), detail=_maybe(TEXT), what=TEXT, when=_maybe(INSTANT), since=_maybe(INSTANT), stage=_maybe(TEXT),
        why=_maybe(TEXT), what_works=_maybe(TEXT), fix=_object(advice=TEXT, command=_maybe(TEXT), phone=_maybe(TEXT), url=_maybe(TEXT)),
        runbook=_maybe(TEXT),
    ),
    "Alert": _object(
        id=TEXT, state=_word(AlertState), since=INSTANT, fired_at=_maybe(INSTANT), resolved_at=_maybe(INSTANT), acked_at=_maybe(INSTANT),
        acked_by=_maybe(TEXT), ack_comment=_maybe(TEXT), muted_by=_maybe(TEXT), finding=_ref("Finding"),
    ),
    "Silence": _object(
        id=TEXT, state={"type": "string", "enum": ["pending", "active", "ended"]}, matchers=_list(_MATCHER), author=TEXT, comment=TEXT,
        starts_at=INSTANT, ends_at=INSTANT,
    ),
    "Probe": _object(gateway=TEXT, agent=TEXT, provider=TEXT, profile=TEXT, **_PROBE, **_COMPARED),
    "Answer": _object(
        at=_maybe(INSTANT), provider=TEXT, host=TEXT, purpose=TEXT, model=_maybe(TEXT), profiles=TEXTS, outcome=_word(ProbeStatus),
        detail=_maybe(TEXT), confirmed=FLAG, status=_maybe({"type": "integer"}), words=_maybe(TEXT), seconds=_maybe(NUMBER),
        retry_at=_maybe(INSTANT),
    ),
    "NewSilence": {
        **_object(
            ("comment", "author"),
            matchers={
                "type": "array", "minItems": 1, "maxItems": 20,
                "description": "Each may also be a text: provider=anthropic, profile=~\"openai:.*\".",
                "items": {
                    "type": "object", "additionalProperties": False, "required": ["label", "value"],
                    "properties": {
                        "label": {"type": "string", "enum": list(LABELS)}, "op": {"type": "string", "enum": ["=", "!="]},
                        "value": {"type": "string", "maxLength": 200},
                    },
                },
            },
            duration=_SPAN, comment=_SAID, author=_SAID,
        ),
        "additionalProperties": False,
    },
    "Acknowledgement": {**_object(("comment", "author"), comment=_SAID, author=_SAID), "additionalProperties": False},
}  # fmt: skip
