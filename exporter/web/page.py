"""Edge. The pages people read: made on the server, no build step, nothing from elsewhere, and fine without scripts."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from exporter import __version__
from exporter.web import answers
from exporter.web.board import BoardView
from exporter.web.guard import caller_of
from exporter.web.look import Look
from exporter.web.origin import is_loopback
from exporter.web.page_view import StatusPage, status_page
from exporter.web.profile_view import ProfilePage, profile_pages
from exporter.web.rights import Right
from exporter.web.rows import Filter
from exporter.web.said import Speech
from exporter.web.site import Endpoint, Site

if TYPE_CHECKING:
    import jinja2

_TEMPLATES: Final = Path(__file__).parent / "templates"
STYLE: Final = (_TEMPLATES / "page.css").read_text(encoding="utf-8")
SCRIPT: Final = (_TEMPLATES / "page.js").read_text(encoding="utf-8")
REFRESH_SECONDS: Final = 30
_LONGEST_FILTER: Final = 200
_SHOW: Final = ("all", "trouble", "used")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


CSP: Final = "; ".join(
    (
        "default-src 'none'",
        f"style-src {_hash(STYLE)}",
        f"script-src {_hash(SCRIPT)}",
        "connect-src 'self'",
        "img-src data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def routes(site: Site) -> list[BaseRoute]:
    """Return the routes of the pages."""
    return [
        site.route("/", "page", Right.PAGE, _status(site)),
        site.route("/profile/{rest:path}", "profile", Right.PAGE, _profile(site)),
    ]


def render_status(seen: Look, board: BoardView, *, wanted: Filter = Filter(), form: str | None = None, **around: object) -> str:
    """Write the status page. `form` is the silence form unfolded, with these matchers; then the page stays still."""
    speech = _speech(seen, str(around.get("base", "")))
    view: StatusPage = status_page(seen, board, wanted, speech, __version__ if around.get("trusted", True) else "")
    return _environment().get_template("status.html").render(page=view, form=form, **{**_AROUND, **around})


def render_profile(pages: tuple[ProfilePage, ...], **around: object) -> str:
    """Write the page of one profile."""
    return _environment().get_template("profile.html").render(pages=pages, **{**_AROUND, **around})


_AROUND: Final[dict[str, object]] = {"base": "", "may_change": False, "must_log_in": False, "trusted": True}


def _status(site: Site) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        seen, around, wanted = site.look(), _around(site, request), _filter(request)
        form = request.query_params.get("silence")
        board = await anyio.to_thread.run_sync(site.board.view)

        def write() -> bytes:
            return render_status(seen, board, wanted=wanted, form=None if form is None else form[:_LONGEST_FILTER], **around).encode()

        key = ("page", wanted, form, tuple(sorted(around.items())))
        return await _shared(site, request, seen, key, (id(seen.snapshot), board), write)

    return endpoint


def _profile(site: Site) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        named = _segments(request)
        if named is None:
            return PlainTextResponse("no such profile\n", 404)
        seen, around = site.look(), _around(site, request)
        speech = _speech(seen, str(around["base"]))
        board = await anyio.to_thread.run_sync(site.board.view)
        pages = await anyio.to_thread.run_sync(lambda: profile_pages(seen, board, *named, speech))
        if not pages:
            return PlainTextResponse("no such profile\n", 404)
        return await _shared(site, request, seen, ("profile", named, tuple(sorted(around.items()))), (id(seen.snapshot), board),
                             lambda: render_profile(pages, **around).encode())  # fmt: skip

    return endpoint


async def _shared(
    site: Site, request: Request, seen: Look, key: tuple[object, ...], source: object, write: Callable[[], bytes]
) -> Response:
    gzip = answers.wants_gzip(request)
    body, packed = await anyio.to_thread.run_sync(
        site.shared.make, (*key, gzip), source, seen.now, lambda: answers.pack(write(), gzip=gzip)
    )
    return answers.packed(body, "text/html; charset=utf-8", gzip=packed)


def _around(site: Site, request: Request) -> dict[str, object]:
    """Say what of the page depends on who looks, and from where."""
    who, gate = caller_of(request), site.door.gate
    server = (request.scope.get("server") or ("",))[0]
    return {
        "base": urlsplit(gate.external_url).path.rstrip("/") if gate.external_url else "",
        "may_change": who.may(Right.CHANGE) or (not who.proven and gate.logins_exist),
        "must_log_in": not who.proven and not gate.logins_exist,
        "trusted": who.proven or is_loopback(server),
    }


def _filter(request: Request) -> Filter:
    query = request.query_params
    show = query.get("show", "all")
    return Filter(
        query.get("q", "")[:_LONGEST_FILTER].strip(), show if show in _SHOW else "all", query.get("gateway", "")[:_LONGEST_FILTER]
    )


def _speech(seen: Look, base: str) -> Speech:
    return Speech(seen.now, seen.zone, seen.policy.mask_emails, base, seen.runbooks, seen.lowest)


def _segments(request: Request) -> tuple[str, str, str] | None:
    """Take gateway, agent and id from the address as it was sent: a slash inside one of them is %2F there."""
    raw = request.scope.get("raw_path") or request.scope["path"].encode()
    parts = raw.decode("ascii", "replace").split("?")[0].partition("/profile/")[2].split("/")
    if len(parts) < 3:
        return None
    return unquote(parts[0]), unquote(parts[1]), unquote("/".join(parts[2:]))


@functools.cache
def _environment() -> jinja2.Environment:
    import jinja2  # only who looks at a page pays for it

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(style=STYLE, script=SCRIPT, refresh_seconds=REFRESH_SECONDS)
    return made
