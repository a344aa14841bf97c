"""Natural group commit: while one batch is at the database, what arrives meanwhile becomes the next.

Without a timer: an idle system commits batches of one. Each batcher has one thread with its own database connection, so
SQLite sees one writer and the event loop never waits. The queue is bounded: beyond it callers get `Busy`.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Generic, TypeVar

from transactions.database_thread import DatabaseThread

Item = TypeVar("Item")
Result = TypeVar("Result")

QUEUE_MAX = 1_000


class Busy(Exception):
    """More is waiting than can be worked off soon: say so, and let the client send the same id again."""


class Batcher(Generic[Item, Result]):
    """Feeds a synchronous `handle(batch) -> results` (same order) with whatever waits, up to `batch_max`.

    A result that is an exception is raised to its caller alone.

    Bound to the event loop it is first used in. An exception of `handle` reaches every caller of that batch.
    """

    def __init__(
        self, handle: Callable[[Sequence[Item]], Sequence[Result | Exception]], *, name: str, batch_max: int
    ) -> None:
        self._handle = handle
        self._batch_max = batch_max
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._thread = DatabaseThread(name, pinned=True)
        self._worker: asyncio.Task[None] | None = None
        self._draining = False
        self._deciding = 0
        self._deciding_since: float | None = None

    def depth(self) -> int:
        """How many items wait or are being worked on."""
        return len(self._waiting) + self._deciding

    def oldest_wait_s(self) -> float:
        """For how long the batch at the database has been there; what waits behind it came later. 0.0 when idle."""
        return monotonic() - self._deciding_since if self._deciding_since is not None else 0.0

    async def submit(self, item: Item) -> Result:
        """The result for one item. Raises `Busy`, or what `handle` raised."""
        if self._draining or len(self._waiting) >= QUEUE_MAX:
            raise Busy
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        if self._worker is None or self._worker.done():
            self._worker = loop.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._batch_max))]
            items = [item for item, _ in batch]
            self._deciding, self._deciding_since = len(batch), monotonic()
            try:
                results = await self._thread.run(self._handle, items)
            except Exception as error:  # every caller is told; the loop goes on with the next batch
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            finally:
                self._deciding, self._deciding_since = 0, None
            for (_, future), result in zip(batch, results, strict=True):
                if future.done():  # a caller may have gone; its outcome is stored all the same
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)

    async def drain(self) -> None:
        """Work off what waits; from now on whatever comes is `Busy`."""
        self._draining = True
        if self._worker is not None:
            await asyncio.wait([self._worker])

    async def close(self) -> None:
        """Work off what waits, then give the thread and its connection back."""
        await self.drain()
        await self._thread.close()
