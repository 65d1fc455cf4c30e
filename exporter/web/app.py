"""Edge. The application: which path is answered by what. Every answer is made from one look; no request reads a store or sends a probe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from exporter.metrics import families as metrics
from exporter.web import answers, api, changes, own_process, page
from exporter.web.guard import Guard, refusal
from exporter.web.negotiation import choose_format
from exporter.web.rights import Right
from exporter.web.site import Endpoint, Site

_THREADS: Final = 4  # answers under way at once; more only wait
_RELOAD_METHODS: Final = ("POST", "PUT")


def app(site: Site) -> ASGIApp:
    """Build the application behind its door."""
    made = routes(site)
    inner = Starlette(routes=made, lifespan=_lifespan, exception_handlers={HTTPException: _not_found(made)})
    inner.router.redirect_slashes = False
    return Guard(inner, lambda: site.door.gate, page.CSP)


def routes(site: Site) -> list[BaseRoute]:
    """Return every route."""
    return [
        Route("/-/healthy", _healthy(site), name="healthy"),
        Route("/-/ready", _ready(site), name="ready"),
        site.route("/metrics", "metrics", Right.METRICS, _metrics(site)),
        site.route("/-/reload", "reload", Right.CHANGE, changes.reload(site), _RELOAD_METHODS),
        *api.routes(site),
        *changes.routes(site),
        *page.routes(site),
    ]


@asynccontextmanager
async def _lifespan(_: Starlette) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
    yield


def _not_found(made: Sequence[BaseRoute]) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Answer what no route does; a path of several routes names the methods of all."""

    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        said = refusal(request, error.status_code, error.detail)
        said.headers.update(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            fitting = [route for route in made if isinstance(route, Route) and route.path_regex.match(request.url.path)]
            said.headers["allow"] = ", ".join(sorted({method for route in fitting for method in route.methods or ()}))
        return said

    return answer


def _metrics(site: Site) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        seen = site.look()
        chosen = choose_format(",".join(request.headers.getlist("accept")))
        names = frozenset(request.query_params.getlist("name[]")) or None
        gzip = answers.wants_gzip(request)

        def render() -> tuple[bytes, bool]:
            ours = metrics.render(seen.snapshot, seen.now, seen.counters, openmetrics=chosen.openmetrics, names=names, policy=seen.policy)
            return answers.pack(own_process.render(openmetrics=chosen.openmetrics, names=names) + ours, gzip=gzip)

        key = (chosen, names, gzip)
        source = (id(seen.snapshot), seen.counters, seen.policy)
        body = site.shared.find(key, source, seen.now)
        if body is None:
            body = await anyio.to_thread.run_sync(site.shared.make, key, source, seen.now, render)
        return answers.packed(body[0], chosen.content_type, gzip=body[1], vary="Accept, Accept-Encoding")

    return endpoint


def _healthy(site: Site) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        fault = site.look().fault
        return PlainTextResponse("healthy\n") if not fault else PlainTextResponse(f"{fault}\n", 503)

    return endpoint


def _ready(site: Site) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("ready\n") if site.look().ready else PlainTextResponse("the first reading is not done yet\n", 503)

    return endpoint
