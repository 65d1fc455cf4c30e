"""Edge. Tells on /-/healthy which process this is: a one-shot run learns from it whether the leader of the alert book still lives."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.settings import INSTANCE_HEADER


class Named:
    """An application that tells the id of its process."""

    def __init__(self, inner: ASGIApp, instance: str) -> None:
        """Take the application and the id, which is no secret."""
        self._inner, self._header = inner, (INSTANCE_HEADER.encode(), instance.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and name ourselves."""
        if scope["type"] != "http" or scope["path"] != "/-/healthy":
            await self._inner(scope, receive, send)
            return

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), self._header]
            await send(message)

        await self._inner(scope, receive, named)
