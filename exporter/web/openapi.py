"""Pure. The OpenAPI document of the API. A test holds every answer and every route against it.

Source: OpenAPI Specification 3.1.0; RFC 9457 (problem details).
"""

from __future__ import annotations

from typing import Any, Final

import exporter.web.openapi_schemas as schemas
from exporter.web.documents import MOST_ITEMS, MOST_OFFSET, USUAL_ITEMS

Json = dict[str, Any]

_PROBLEMS: Final = {
    400: "The request cannot be understood.",
    401: "A login is needed.",
    403: "This login, or this origin, may not do that.",
    404: "There is no such thing.",
    413: "The request is too large.",
    415: "The body is of another type.",
    421: "The request is addressed to somebody else.",
    429: "Too many requests, or too many failed logins.",
    503: "The first reading is not done yet.",
}
_LOGIN: Final[list[Json]] = [{"bearer": []}, {"basic": []}]
_ALWAYS: Final = (401, 403, 421, 429)
_PARAMETERS: Final = [
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": MOST_ITEMS, "default": USUAL_ITEMS}},
    {"name": "offset", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": MOST_OFFSET, "default": 0}},
]
_ID: Final = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{1,64}$"}}


def document() -> Json:
    """Return the whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "model-auth-exporter",
            "version": "1",
            "description": "Verdicts on the model-provider logins of AI gateways. Instants are RFC 3339 in UTC; what is absent is null. "
            "E-mail addresses are masked in every text, as on the page, unless labels.emails is `show`. "
            "Keys may be added, none is ever renamed or removed. State-changing calls need a login, whatever the address.",
        },
        "security": [{}, {"bearer": []}, {"basic": []}],
        "paths": _paths(),
        "components": {
            "schemas": schemas.ALL,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}, "basic": {"type": "http", "scheme": "basic"}},
        },
    }


def _paths() -> Json:
    return {
        "/api/v1/openapi.json": {"get": _operation("openapi", "This document.", _json(200, {"type": "object"}), 304)},
        "/api/v1/snapshot": {"get": _operation("snapshot", "Every verdict of the last pass.", _json(200, _ref("Snapshot")), 304, 503)},
        "/api/v1/findings": {"get": _list("findings", "What is wrong now, worst first.", "Finding")},
        "/api/v1/alerts": {"get": _list("alerts", "Open alerts: firing and worse first.", "Alert")},
        "/api/v1/alerts/{id}/ack": {
            "post": {
                **_operation(
                    "acknowledge", "Somebody takes care of it: no reminders, no escalation.", _json(200, _ref("Alert")), 400, 404, 413, 415
                ),
                "parameters": [_ID],
                "requestBody": _body("Acknowledgement"),
                "security": _LOGIN,
            }
        },
        "/api/v1/probes": {"get": _list("probes", "The last probe of each profile, newest first.", "Probe")},
        "/api/v1/probes/recent": {"get": _list("recentProbes", "The last answers of providers, newest first.", "Answer")},
        "/api/v1/silences": {
            "get": _list("silences", "Silences, the last to end first.", "Silence"),
            "post": {
                **_operation("silence", "Tell nothing of what matches, for a while.", _json(201, _ref("Silence")), 400, 413, 415),
                "requestBody": _body("NewSilence"),
                "security": _LOGIN,
            },
        },
        "/api/v1/silences/{id}": {
            "delete": {
                **_operation("unsilence", "End a silence now.", {"204": {"description": "It is over."}}, 404),
                "parameters": [_ID],
                "security": _LOGIN,
            }
        },
        "/api/v1/sd": {
            "get": _operation("sd", "This exporter in the form of Prometheus' HTTP service discovery.", _json(200, schemas.TARGETS))
        },
    }


def _operation(name: str, summary: str, answers: Json, *others: int) -> Json:
    responses = dict(answers)
    for status in sorted({*others, *_ALWAYS}):
        if status == 304:
            responses["304"] = {"description": "The client has exactly this already (If-None-Match)."}
        else:
            responses[str(status)] = {
                "description": _PROBLEMS[status],
                "content": {"application/problem+json": {"schema": _ref("Problem")}},
            }
    return {"operationId": name, "summary": summary, "responses": responses}


def _list(name: str, summary: str, item: str) -> Json:
    page = {
        "type": "object",
        "required": ["schema", "at", "items", "total", "next"],
        "properties": {
            "schema": {"const": 1},
            "at": schemas.INSTANT,
            "items": {"type": "array", "maxItems": MOST_ITEMS, "items": _ref(item)},
            "total": {"type": "integer", "minimum": 0},
            "next": {"type": ["string", "null"], "description": "Address of the next page."},
        },
    }
    return {**_operation(name, summary, _json(200, page), 400, 503), "parameters": _PARAMETERS}


def _json(status: int, schema: Json) -> Json:
    return {str(status): {"description": "Done.", "content": {"application/json": {"schema": schema}}}}


def _body(name: str) -> Json:
    return {"required": True, "content": {"application/json": {"schema": _ref(name)}}}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
