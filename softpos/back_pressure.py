"""A streamed answer waits for its reader, under Daphne too.

Daphne takes what it is given and keeps it in memory until the client has read it: a file for a slow phone would stand
there whole. Twisted, which Daphne is built on, tells whoever produces for a request when to pause, and Daphne hands
over its request inside `send`. This registers as that producer, by Twisted's public interface, and lets `send` wait.
An answer that fails when it has begun ends as a broken connection, so that nobody takes half a file for a whole one
(Daphne would begin a second answer, fail at that, and stop looking after its connections). Under a server that hands
over something else this does nothing.
"""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.web.http import Request
from zope.interface import implementer

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

log = logging.getLogger(__name__)


@implementer(IPushProducer)
class _Valve:
    """Open while the client reads as fast as it is written to."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    async def opened(self) -> None:
        """Returns once there is room, or nobody left to write to."""
        await self._open.wait()

    def pauseProducing(self) -> None:
        """Enough waits to be read."""
        self._open.clear()

    def resumeProducing(self) -> None:
        """All of it was read."""
        self._open.set()

    def stopProducing(self) -> None:
        """The client is gone."""
        self._open.set()


class BackPressure:
    """An ASGI application around another: its streamed bodies are sent as fast as they are read."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        request = _request_behind(send) if scope["type"] == "http" else None
        if request is None:
            await self._application(scope, receive, send)
            return
        valve: _Valve | None = None
        begun = False

        async def send_when_read(message: Message) -> None:
            nonlocal valve, begun
            begun = True
            streams = message["type"] == "http.response.body" and message.get("more_body", False)
            if streams and valve is None and request.channel is not None:
                valve = _Valve()
                request.registerProducer(valve, True)
            if valve is not None:
                await valve.opened()
                if not streams:
                    done()
            await send(message)

        def done() -> None:
            nonlocal valve
            if valve is not None and request.channel is not None:  # None: the client is gone, and all of it with it
                request.unregisterProducer()
            valve = None

        try:
            await self._application(scope, receive, send_when_read)
        except Exception:
            if not begun:
                raise
            log.exception("an answer broke off")
            done()
            request.loseConnection()
        finally:
            done()


def _request_behind(send: Send) -> Any:
    """Twisted's request, if this `send` is Daphne's: its handler, bound to the request it answers. Else None."""
    bound = send.args if isinstance(send, functools.partial) else ()
    return bound[0] if bound and isinstance(bound[0], Request) else None
