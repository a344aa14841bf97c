"""A thread with its own database connection, for code that lives in an event loop.

Channels' and asgiref's shared thread would make every socket wait for every other's query (facts: speed); a thread of
one's own doesn't, and its connection is reused from call to call.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connections

Params = ParamSpec("Params")
Result = TypeVar("Result")


class DatabaseThread:
    """Runs synchronous database work, one call after the other."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, work: Callable[Params, Result], *args: Params.args, **kwargs: Params.kwargs) -> Result:
        """The result of `work(*args, **kwargs)`, on a connection that still stands."""

        def in_thread() -> Result:
            close_old_connections()
            return work(*args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._executor, in_thread)

    async def close(self) -> None:
        """Give the connection back and end the thread, after the work it has."""
        await asyncio.get_running_loop().run_in_executor(self._executor, connections.close_all)
        self._executor.shutdown(wait=False)
