"""A thread with its own database connection, for code that lives in an event loop.

Channels' and asgiref's shared thread would make every socket wait for every other's query (facts: speed); a thread of
one's own doesn't, and its connection is reused from call to call.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connection, connections

Params = ParamSpec("Params")
Result = TypeVar("Result")


class DatabaseThread:
    """Runs synchronous database work, one call after the other."""

    def __init__(self, name: str, *, pinned_plans: bool = False) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._pinned_plans = pinned_plans
        self._prepared: object = None  # the connection that was last prepared

    async def run(self, work: Callable[Params, Result], *args: Params.args, **kwargs: Params.kwargs) -> Result:
        """The result of `work(*args, **kwargs)`, on a connection that still stands."""

        def in_thread() -> Result:
            close_old_connections()
            if self._pinned_plans:
                self._pin_plans()
            return work(*args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._executor, in_thread)

    def _pin_plans(self) -> None:
        """Tell a fresh PostgreSQL connection that its statements are few and look rows up by key.

        The authoriser's statements never change and always mean an index look-up of some dozen rows; planning them anew
        each time costs more than running them, and over a young table the planner would rather read all of it.
        """
        if connection.vendor != "postgresql":
            return
        connection.ensure_connection()
        if connection.connection is not self._prepared:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT set_config(name, value, false) FROM (VALUES ('plan_cache_mode', 'force_generic_plan'), "
                    "('enable_seqscan', 'off'), ('enable_hashjoin', 'off'), ('enable_mergejoin', 'off')) "
                    "pinned (name, value)"
                )
            self._prepared = connection.connection

    async def close(self) -> None:
        """Give the connection back and end the thread, after the work it has."""
        await asyncio.get_running_loop().run_in_executor(self._executor, connections.close_all)
        self._executor.shutdown(wait=False)
