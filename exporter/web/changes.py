"""Edge. Everything that changes something: silences, acknowledgements, the reload; as JSON and as the page's forms.

Each needs a login, a body of the right type, and, from a browser, our own page as its origin.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from exporter.alerting.alert import Silence
from exporter.logs import event
from exporter.web import documents, wishes
from exporter.web.answers import json_answer, problem
from exporter.web.guard import caller_of, refusal
from exporter.web.origin import same_origin
from exporter.web.rights import Right
from exporter.web.site import Endpoint, Site
from exporter.web.wishes import Given, Unclear

_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"


def routes(site: Site) -> list[BaseRoute]:
    """Return the routes: those of the API, and those of the page's forms."""

    def change(path: str, name: str, endpoint: Endpoint, method: str = "POST") -> BaseRoute:
        return site.route(path, name, Right.CHANGE, _own(site, endpoint), (method,))

    return [
        change("/api/v1/silences", "silence", _silence_json(site)),
        change("/api/v1/silences/{id}", "unsilence", _unsilence_json(site), "DELETE"),
        change("/api/v1/alerts/{id}/ack", "acknowledge", _acknowledge_json(site)),
        change("/silences", "silence form", _form(site, _silence_from)),
        change("/silences/{id}/end", "unsilence form", _form(site, _end_from)),
        change("/alerts/{id}/ack", "acknowledge form", _form(site, _acknowledge_from)),
    ]


def reload(site: Site) -> Endpoint:
    """Return what answers `/-/reload`: the same as SIGHUP, with its outcome."""

    async def endpoint(request: Request) -> Response:
        work = site.reload()
        if work is None:
            return refusal(request, 404, "Not Found")
        fault = await anyio.to_thread.run_sync(work)
        return refusal(request, 500, f"not reloaded: {fault}") if fault else Response("reloaded\n", media_type="text/plain")

    return _own(site, endpoint)


def _own(site: Site, endpoint: Endpoint) -> Endpoint:
    """Refuse what another site's page sends."""

    async def checked(request: Request) -> Response:
        headers = request.headers
        outside = site.door.gate.external_url
        if not same_origin(headers.get("origin"), headers.get("sec-fetch-site"), headers.get("host"), request.url.scheme, outside):
            return refusal(request, 403, "changes come from our own page only")
        return await endpoint(request)

    return checked


def _silence_json(site: Site) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        try:
            given = wishes.from_json(await _body(request, _JSON))
            seen = site.look()
            made = wishes.silence(given, _identity(), caller_of(request).name, seen.now)
        except _WrongType:
            return problem(415, f"send {_JSON}")
        except Unclear as error:
            return problem(400, str(error))
        await _keep(site, made, seen.now)
        return json_answer(seen.shown(documents.silence(made, seen.now)), 201, {"location": f"/api/v1/silences/{made.id}"})

    return endpoint


def _unsilence_json(site: Site) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        if await _end(site, request.path_params["id"]):
            return Response(status_code=204)
        return problem(404, "no such silence, or it is over")

    return endpoint


def _acknowledge_json(site: Site) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        try:
            wish = wishes.acknowledgement(wishes.from_json(await _body(request, _JSON)), caller_of(request).name)
        except _WrongType:
            return problem(415, f"send {_JSON}")
        except Unclear as error:
            return problem(400, str(error))
        identity = request.path_params["id"]
        if not await _acknowledge(site, identity, wish):
            return problem(404, "no such alert is firing")
        seen = site.look()
        view = await anyio.to_thread.run_sync(site.board.view)
        found = next((alert for alert in view.alerts if identity in (alert.id, alert.identity)), None)
        return (
            json_answer(seen.shown(documents.alert(found, seen.zone, seen.runbooks))) if found else problem(404, "no such alert is firing")
        )

    return endpoint


def _form(site: Site, work: Callable[[Site, Request, Given], Awaitable[str]]) -> Endpoint:
    """Answer a form: do it, and show the page again."""

    async def endpoint(request: Request) -> Response:
        try:
            given = wishes.from_form(await _body(request, _FORM))
            place = await work(site, request, given)
        except _WrongType:
            return refusal(request, 415, f"send {_FORM}")
        except Unclear as error:
            return refusal(request, 400, f"{error}; go back and try again")
        return RedirectResponse(f"{_base(site)}/#{place}", 303)

    return endpoint


async def _silence_from(site: Site, request: Request, given: Given) -> str:
    now = site.look().now
    await _keep(site, wishes.silence(given, _identity(), caller_of(request).name, now), now)
    return "silences"


async def _end_from(site: Site, request: Request, given: Given) -> str:
    if not await _end(site, request.path_params["id"]):
        raise Unclear("no such silence, or it is over")
    return "silences"


async def _acknowledge_from(site: Site, request: Request, given: Given) -> str:
    if not await _acknowledge(site, request.path_params["id"], wishes.acknowledgement(given, caller_of(request).name)):
        raise Unclear("no such alert is firing")
    return "alerts"


async def _keep(site: Site, made: Silence, now: datetime) -> None:
    await anyio.to_thread.run_sync(site.board.silence, made, now)
    matchers = " ".join(f"{m.label}{m.op}{m.value}" for m in made.matchers)
    event(logging.INFO, "silenced", silence=made.id, author=made.author, matchers=matchers, until=made.ends_at.isoformat())


async def _end(site: Site, identity: str) -> bool:
    now = site.look().now
    view = await anyio.to_thread.run_sync(site.board.view)
    found = next((silence for silence in view.silences if silence.id == identity and silence.ends_at > now), None)
    if found is None:
        return False
    await anyio.to_thread.run_sync(site.board.silence, replace(found, starts_at=min(found.starts_at, now), ends_at=now), now)
    event(logging.INFO, "unsilenced", silence=identity)
    return True


async def _acknowledge(site: Site, identity: str, wish: wishes.Acknowledgement) -> bool:
    now = site.look().now
    done = await anyio.to_thread.run_sync(site.board.acknowledge, identity, wish.author, wish.comment, now)
    if done:
        event(logging.INFO, "acknowledged", alert=identity, author=wish.author)
    return done


class _WrongType(Exception):
    pass


async def _body(request: Request, media_type: str) -> bytes:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != media_type:
        raise _WrongType
    return await request.body()


def _identity() -> str:
    return secrets.token_hex(4)


def _base(site: Site) -> str:
    """Return the path we are reached under, behind a proxy that has others beside us."""
    outside = site.door.gate.external_url
    return urlsplit(outside).path.rstrip("/") if outside else ""
