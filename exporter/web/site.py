"""Edge. What the routes stand on: how to look, the alert book, the door, and how to reload."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from exporter.web import guard
from exporter.web.answers import Shared
from exporter.web.board import Board
from exporter.web.door import Door
from exporter.web.look import Look
from exporter.web.rights import Right

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Site:
    """What the routes stand on. `reload` gives None while reloading is off; else what reloads, and says "" or why it failed.

    `probes` are the last answers of providers, newest first, without secrets.
    """

    look: Callable[[], Look]
    board: Board
    door: Door
    reload: Callable[[], Callable[[], str] | None] = lambda: None
    probes: Callable[[], Sequence[Mapping[str, object]]] = tuple
    shared: Shared = field(default_factory=Shared)

    def route(self, path: str, name: str, right: Right, endpoint: Endpoint, methods: tuple[str, ...] = ("GET",)) -> Route:
        """Make a route that asks for a right first."""

        async def guarded(request: Request) -> Response:
            who = guard.caller_of(request)
            if who.may(right):
                return await endpoint(request)
            if who.proven:
                return guard.refusal(request, 403, "this login may not do that")
            if self.door.gate.logins_exist:
                return guard.unauthorised(request.scope, self.door.gate)
            return guard.refusal(request, 403, "changes need a login: set web.bearer_token, or basic_auth_users in the file of web.config")

        return Route(path, guarded, name=name, methods=list(methods))
