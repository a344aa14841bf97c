"""A dashboard that comes back with its cursor after every loss and insists on seeing every sequence once, in order."""

import asyncio
import contextlib
import json
from types import TracebackType
from typing import Any, Self

from tests.faults.load import AGAIN_AFTER_S, DEADLINE_S, LOST, connect
from tests.faults.world import Shop


class Watcher:
    """Use it as an async context manager; `today` is what the page would show."""

    def __init__(self, shop: Shop, node: str) -> None:
        self.shop, self.node = shop, node
        self.cursor: int | None = None
        self.seen: list[int] = []
        self.today: dict[str, Any] = {}
        self.terminals: list[dict[str, Any]] = []  # that came or went
        self._moved = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def reached(self, cursor: int) -> None:
        """Return when it has seen the log up to here."""
        async with asyncio.timeout(DEADLINE_S):
            while self.cursor is None or self.cursor < cursor:
                assert self._task is not None
                if self._task.done():
                    self._task.result()
                self._moved.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._moved.wait(), AGAIN_AFTER_S)

    async def _watch(self) -> None:
        while True:
            after = "" if self.cursor is None else f"?after={self.cursor}"
            try:
                async with await connect(self.node, f"/ws/dashboard/{after}", self.shop.owner) as socket:
                    async for text in socket:
                        self._take(json.loads(text))
            except LOST:
                pass
            await asyncio.sleep(AGAIN_AFTER_S)

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "snapshot":
            assert self.cursor in (None, message["cursor"])
            self.cursor, self.today = message["cursor"], message["today"]
        elif message["type"] == "transaction":
            assert self.cursor is not None
            assert message["cursor"] == message["transaction"]["sequence"] == self.cursor + 1, "a gap or a repetition"
            self.cursor, self.today = message["cursor"], message["today"]
            self.seen.append(message["cursor"])
        else:
            assert message["type"] == "terminal", message
            self.terminals.append(message["terminal"])
        self._moved.set()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        await self.reached(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


async def today_of(shop: Shop, node: str) -> dict[str, Any]:
    """What a page shows that is loaded now."""
    async with Watcher(shop, node) as watcher:
        return watcher.today
