"""One of a kind per event loop: what a process shares between its sockets, and a test gets fresh."""

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary


class Closable(Protocol):
    """Something to be put away with its loop."""

    async def close(self) -> None: ...


Kept = TypeVar("Kept", bound=Closable)


class PerLoop(Generic[Kept]):
    """Calling it gives the running loop's one, made at the first call."""

    def __init__(self, make: Callable[[], Kept]) -> None:
        self._make = make
        self._kept: WeakKeyDictionary[asyncio.AbstractEventLoop, Kept] = WeakKeyDictionary()

    def __call__(self) -> Kept:
        loop = asyncio.get_running_loop()
        kept = self._kept.get(loop)
        if kept is None:
            kept = self._kept[loop] = self._make()
        return kept

    async def close(self) -> None:
        """Close the running loop's one, if there is one."""
        kept = self._kept.pop(asyncio.get_running_loop(), None)
        if kept is not None:
            await kept.close()
