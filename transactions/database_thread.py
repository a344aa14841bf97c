"""A thread with its own database connection, for code that lives in an event loop.

Channels' and asgiref's shared thread would make every socket wait for every other's query (facts: speed); a thread of
one's own doesn't, and its connection is reused from call to call. Whatever goes wrong with the database reaches the
caller as `DatabaseLost`.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, connection, connections

Params = ParamSpec("Params")
Result = TypeVar("Result")

# The authoriser's statements are few, never change, and always mean an index look-up of some dozen rows. Planning them
# anew each time costs more than running them, and over a young table the planner would rather read all of it. Nobody at
# a till waits for a lock or a statement longer than this: the answer is "busy" instead. And a process that froze in the
# middle of a batch doesn't keep its cards locked.
PINNED = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "lock_timeout": "1s",
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "5s",
}
# SQLite has one writer at a time and no queue for the next: more patience, but two batches in turn wait less long than
# a phone does (8 s).
SQLITE_LOCK_MS_MAX = 3_000

log = logging.getLogger(__name__)


class DatabaseLost(Exception):
    """The database could not be asked, or its answer was lost: it may or may not have committed."""


class DatabaseThread:
    """Runs synchronous database work, one call after the other. `pinned`: for the authoriser's kind of statements."""

    def __init__(self, name: str, *, pinned: bool = False) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._pinned = pinned
        self._prepared: object = None  # the connection that was last prepared

    async def run(self, work: Callable[Params, Result], *args: Params.args, **kwargs: Params.kwargs) -> Result:
        """The result of `work(*args, **kwargs)`. Raises `DatabaseLost`, or what the work raised."""

        def in_thread() -> Result:
            try:
                drop_if_broken()
                if self._pinned:
                    self._prepare()
                return work(*args, **kwargs)
            except (OperationalError, InterfaceError) as error:
                log.warning("the database is away: %s", type(error).__name__)
                connection.close()
                raise DatabaseLost from error

        return await asyncio.get_running_loop().run_in_executor(self._executor, in_thread)

    def _prepare(self) -> None:
        if connection.vendor == "postgresql":
            connection.ensure_connection()
        if connection.connection is not self._prepared:  # SQLite's from its second call on: the work opens it
            with connection.cursor() as cursor:
                if connection.vendor == "postgresql":
                    for name, value in PINNED.items():
                        cursor.execute("SELECT set_config(%s, %s, false)", [name, value])
                else:
                    cursor.execute(f"PRAGMA busy_timeout = {SQLITE_LOCK_MS_MAX}")
            self._prepared = connection.connection

    async def close(self) -> None:
        """Give the connection back and end the thread, after the work it has."""
        await asyncio.get_running_loop().run_in_executor(self._executor, connections.close_all)
        self._executor.shutdown(wait=False)


def drop_if_broken() -> None:
    """Give up a connection on which something went wrong and that no longer answers; the next use makes another."""
    if connection.connection is not None and connection.errors_occurred:
        if connection.is_usable():
            connection.errors_occurred = False
        else:
            connection.close()
