"""A line that can be cut: a TCP proxy that lets a request through and swallows the answer, or swallows both.

It runs in a thread of its own, so that whatever blocks the test's event loop doesn't block the line.
"""

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

from tests.servers import free_port

CHUNK_BYTES = 1 << 16
Cut = Literal["before", "after"]  # the request gets through, or not; its answer never does


class CuttingProxy:
    """Stands before a port of this machine; use it as a context manager.

    `cut(request bytes)` says whether to cut now; it may be set anew at any time. `cuts` counts them.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = free_port()
        self.cut: Callable[[bytes], Cut | None] = lambda request: None
        self.cuts = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", self.port), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream, requests = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        swallowing = asyncio.Event()
        pumps = {
            asyncio.create_task(self._requests(reader, requests, swallowing)),
            asyncio.create_task(_answers(upstream, writer, swallowing)),
        }
        _, others = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in others:
            pump.cancel()
        writer.transport.abort()
        requests.transport.abort()

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, swallowing: asyncio.Event
    ) -> None:
        while request := await _some(reader):
            cut = self.cut(request)
            self.cuts += cut is not None
            if cut == "before":
                return
            if cut == "after":
                swallowing.set()
            writer.write(request)


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, swallowing: asyncio.Event) -> None:
    while answer := await _some(reader):
        if swallowing.is_set():
            return
        writer.write(answer)


async def _some(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(CHUNK_BYTES)
    except OSError:
        return b""
