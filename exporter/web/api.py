"""Edge. The API that is read: `/api/v1/…`, described by the OpenAPI document it serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from exporter import checking
from exporter.alerting.alert import Alert, Silence
from exporter.document import document
from exporter.finding import Finding
from exporter.verdict import ProfileVerdict
from exporter.web import documents, openapi
from exporter.web.answers import encode, json_answer, problem, tagged
from exporter.web.documents import T
from exporter.web.look import Look
from exporter.web.rights import Right
from exporter.web.site import Endpoint, Site

PREFIX = "/api/v1"


def routes(site: Site) -> list[BaseRoute]:
    """Return the routes."""
    described = encode(openapi.document())

    async def description(request: Request) -> Response:
        return tagged(request, described, "application/json")

    def listing(name: str, items: Callable[[Look], Sequence[T]], write: Callable[[Look], Callable[[T], dict[str, object]]]) -> BaseRoute:
        return site.route(f"{PREFIX}/{name}", name, Right.PAGE, _listing(site, f"{PREFIX}/{name}", items, write))

    def findings(_: Look) -> Sequence[Finding]:
        return site.board.view().findings

    def alerts(_: Look) -> Sequence[Alert]:
        return site.board.view().open_alerts()

    def silences(_: Look) -> Sequence[Silence]:
        return sorted(site.board.view().silences, key=lambda silence: (silence.ends_at, silence.id), reverse=True)

    return [
        site.route(f"{PREFIX}/openapi.json", "openapi", Right.PAGE, description),
        site.route(f"{PREFIX}/snapshot", "snapshot", Right.PAGE, _snapshot(site)),
        listing("findings", findings, lambda seen: lambda found: documents.finding(found, seen.zone, seen.runbooks)),
        listing("alerts", alerts, lambda seen: lambda found: documents.alert(found, seen.zone, seen.runbooks)),
        listing("silences", silences, lambda seen: lambda found: documents.silence(found, seen.now)),
        listing("probes", _probed, lambda seen: partial(documents.probe, now=seen.now)),
        listing("probes/recent", lambda _: site.probes(), lambda seen: documents.answer),
        site.route(f"{PREFIX}/sd", "sd", Right.METRICS, _service_discovery(site)),
    ]


def _listing(
    site: Site, path: str, items: Callable[[Look], Sequence[T]], write: Callable[[Look], Callable[[T], dict[str, object]]]
) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        try:
            part = documents.parse_slice(_single(request, "limit"), _single(request, "offset"))
        except ValueError as error:
            return problem(400, str(error))
        seen = site.look()
        if not seen.ready:
            return _not_ready()
        found = await anyio.to_thread.run_sync(items, seen)
        page = documents.page(found, part, seen.now, path, write(seen))
        link = {"link": f'<{page["next"]}>; rel="next"'} if page["next"] else None
        return json_answer(seen.shown(page), headers=link)

    return endpoint


def _single(request: Request, name: str) -> str | None:
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise ValueError(f"{name}: write it once")
    return values[0] if values else None


def _snapshot(site: Site) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        seen = site.look()
        if not seen.ready:
            return _not_ready()

        def render() -> tuple[bytes, bool]:
            verdict = checking.check(seen.snapshot)
            return encode(seen.shown(document(seen.snapshot, verdict.exit, verdict.lines))), False

        source = (id(seen.snapshot), seen.policy)
        body, _ = await anyio.to_thread.run_sync(site.shared.make, "snapshot", source, seen.now, render)
        return tagged(request, body, "application/json")

    return endpoint


def _service_discovery(site: Site) -> Endpoint:
    """Answer in the form of Prometheus' HTTP service discovery: ourselves, under the address we were asked by."""

    async def endpoint(request: Request) -> Response:
        seen, outside = site.look(), site.door.gate.external_url
        url = urlsplit(outside) if outside else urlsplit(f"{request.url.scheme}://{request.headers.get('host', '')}")
        port = url.port or (443 if url.scheme == "https" else 80)
        name = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname or "localhost"
        labels = {
            "__scheme__": url.scheme,
            "__metrics_path__": f"{url.path.rstrip('/')}/metrics" if outside else "/metrics",
            "__meta_model_auth_host": seen.host,
            "__meta_model_auth_gateways": ",".join(gateway.gateway for gateway in seen.snapshot.gateways),
        }
        return json_answer([{"targets": [f"{name}:{port}"], "labels": labels}])

    return endpoint


def _probed(seen: Look) -> Sequence[ProfileVerdict]:
    """List what was probed, the newest first."""
    probed = [profile for profile in seen.snapshot.all_profiles() if profile.probe is not None]
    return sorted(probed, key=_asked_at, reverse=True)


def _asked_at(profile: ProfileVerdict) -> tuple[bool, float]:
    at: datetime | None = profile.probe.at if profile.probe else None
    return at is not None, at.timestamp() if at else 0.0


def _not_ready() -> Response:
    return problem(503, "the first reading is not done yet", {"retry-after": "5"})
