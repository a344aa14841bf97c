"""The process's one ear and mouth at the channel layer.

Sockets don't join groups themselves: a layer that goes away would take them along. Here its absence is met in one
place: telling is dropped (and logged), listening joins again when the layer is back, and nobody who sells notices. A
layer delivers at most once, so nothing may depend on a message arriving.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from channels.layers import get_channel_layer

from transactions import metrics
from transactions.per_loop import PerLoop

Message = dict[str, Any]
Handler = Callable[[Message], Awaitable[None]]

CLOSE_WITHIN_S = 3.0
JOIN_AGAIN_AFTER_S = 1.0
# A layer forgets members (a restart, an expiry, a join that failed) without saying so: join again, now and then.
JOIN_AGAIN_EVERY_S = 10.0

log = logging.getLogger(__name__)


class Layer:
    """Groups this process listens to, and what it tells others."""

    def __init__(self) -> None:
        self._layer = get_channel_layer()
        self._handlers: dict[str, Handler] = {}
        self._channel: str | None = None
        self._listening: asyncio.Task[None] | None = None
        self._joining: asyncio.Task[None] | None = None
        self._waiting: dict[tuple[str, str], Message] = {}
        self._telling: asyncio.Task[None] | None = None
        self._closed = False  # said besides cancelling: a client library may take a cancellation for its own time-out

    async def listen(self, group: str, handler: Handler) -> None:
        """Have the handler called for each message to the group."""
        self._handlers[group] = handler
        if self._listening is None:
            loop = asyncio.get_running_loop()
            self._listening, self._joining = loop.create_task(self._listen()), loop.create_task(self._join_again())
        elif self._channel is not None:  # else it joins every group once it has a channel
            await self._quietly(self._layer.group_add(group, self._channel))

    async def unlisten(self, group: str) -> None:
        """Hear of the group no longer."""
        self._handlers.pop(group, None)
        if self._channel is not None:
            await self._quietly(self._layer.group_discard(group, self._channel))

    def tell(self, group: str, message: Message, *, about: str = "") -> None:
        """Send to a group soon, without waiting. What is said twice `about` the same before it is sent goes once."""
        self._waiting[group, f"{message['type']} {about}"] = message
        if self._telling is None or self._telling.done():
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        while self._waiting:
            group, about = next(iter(self._waiting))
            message = self._waiting.pop((group, about))
            await self._quietly(self._layer.group_send(group, message))

    async def _listen(self) -> None:
        while not self._closed:
            try:
                if self._channel is None:
                    self._channel = await self._layer.new_channel()
                    for group in list(self._handlers):
                        await self._layer.group_add(group, self._channel)
                message = await self._layer.receive(self._channel)
            except Exception:
                metrics.layer_away()
                log.warning("the channel layer is away; joining again soon", exc_info=True)
                self._channel = None
                await asyncio.sleep(JOIN_AGAIN_AFTER_S)
                continue
            handler = self._handlers.get(message.get("group", ""))
            if handler is not None:
                try:
                    await handler(message)
                except Exception:
                    log.exception("a message to %s could not be followed", message["group"])

    async def _join_again(self) -> None:
        while not self._closed:
            await asyncio.sleep(JOIN_AGAIN_EVERY_S)
            for group in list(self._handlers):
                if self._channel is not None:
                    await self._quietly(self._layer.group_add(group, self._channel))

    async def _quietly(self, work: Awaitable[Any]) -> None:
        try:
            await work
        except Exception:
            metrics.layer_away()
            log.warning("the channel layer is away; what it would have told is in the log", exc_info=True)

    async def close(self) -> None:
        """Say what is still to be said, and stop listening."""
        self._closed = True
        if self._telling is not None:
            await asyncio.wait([self._telling], timeout=CLOSE_WITHIN_S)
        for task in (self._listening, self._joining):
            if task is not None:
                task.cancel()
                await asyncio.wait([task], timeout=CLOSE_WITHIN_S)  # a layer that hangs doesn't keep the process


layer = PerLoop(Layer)
