"""Is this process fit to sell? What `/live` and `/ready` tell load balancers and people.

A process is ready while the database takes writes and its own committer keeps up. Without the channel layer or the
reports' database it is `degraded` and goes on selling: taking every process out of service because Redis is away would
turn a late dashboard into a closed shop. Each part is given two seconds, answers are kept for one, and no answer
says more than a state: what an outage looks like in detail is for the log.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from channels.layers import get_channel_layer
from django.db import InterfaceError, OperationalError, connections

from transactions import metrics
from transactions.database_thread import DatabaseThread
from transactions.per_loop import PerLoop

ANSWER_S_MAX = 2.0
KEPT_FOR_S = 1.0
OLDEST_WAIT_S_MAX = 5.0
LAYER_GROUP = "health"  # nobody listens

State = Literal["ok", "away", "no_answer", "read_only", "behind"]

log = logging.getLogger(__name__)


class ReadOnly(Exception):
    """A standby answers where the primary should."""


@dataclass(frozen=True, slots=True)
class Report:
    """The states of the parts, and whether taps can be sent here."""

    ready: bool
    content: dict[str, Any]


class Part:
    """One thing to be asked. A question without an answer is not asked again while it is open."""

    def __init__(self, name: str, ask: Callable[[], Awaitable[None]]) -> None:
        self.name = name
        self._ask = ask
        self._asking: asyncio.Future[None] | None = None
        self._last: State = "ok"

    async def state(self) -> State:
        """Within `ANSWER_S_MAX`."""
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._ask())
        await asyncio.wait([self._asking], timeout=ANSWER_S_MAX)
        state, error = self._answer(self._asking)
        if state != self._last:
            self._last = state
            log.log(logging.INFO if state == "ok" else logging.WARNING, "%s: %s", self.name, state, exc_info=error)
        return state

    def _answer(self, asking: "asyncio.Future[None]") -> tuple[State, BaseException | None]:
        if not asking.done():
            return "no_answer", None
        self._asking = None
        error = asking.exception()
        if isinstance(error, ReadOnly):
            return "read_only", None
        return ("away", error) if error else ("ok", None)


class Readiness:
    """What this process knows of its parts; asks at most once a `KEPT_FOR_S`, however often it is asked."""

    def __init__(self) -> None:
        self._threads = {alias: DatabaseThread(f"health-{alias}") for alias in connections}
        self._databases = {alias: Part(alias, self._asking(alias)) for alias in connections}
        self._layer = Part("layer", _ask_layer)
        self._lock = asyncio.Lock()
        self._report: Report | None = None
        self._asked_at = 0.0

    async def report(self) -> Report:
        """The newest report, not older than `KEPT_FOR_S`."""
        async with self._lock:  # whoever comes meanwhile takes the same answer
            if self._report is None or time.monotonic() - self._asked_at > KEPT_FOR_S:
                self._report = await self._ask_all()
                self._asked_at = time.monotonic()
            return self._report

    async def _ask_all(self) -> Report:
        layer, *databases = await asyncio.gather(
            self._layer.state(), *(part.state() for part in self._databases.values())
        )
        states = dict(zip(self._databases, databases, strict=True))
        oldest_wait_s = metrics.oldest_wait_s()
        committer: State = "behind" if oldest_wait_s > OLDEST_WAIT_S_MAX else "ok"
        ready = states["default"] == "ok" and committer == "ok"
        degraded = layer != "ok" or set(states.values()) != {"ok"}
        parts: dict[str, dict[str, Any]] = {
            "database": {"state": states.pop("default")},
            "committer": {
                "state": committer,
                "oldest_wait_s": round(oldest_wait_s, 3),
                "queue_depth": metrics.queue_depth(),
            },
            "layer": {"state": layer},
            **{alias: {"state": state} for alias, state in states.items()},
        }
        status = "not_ready" if not ready else "degraded" if degraded else "ready"
        return Report(ready, {"status": status, "parts": parts})

    def _asking(self, alias: str) -> Callable[[], Awaitable[None]]:
        return lambda: self._threads[alias].run(_ask_database, alias)

    async def close(self) -> None:
        """Give the connections back."""
        for thread in self._threads.values():
            await thread.close()


def _ask_database(alias: str) -> None:
    """Whether a statement comes back; on PostgreSQL also whether it is the one that takes writes."""
    try:
        standby = _is_standby(alias)
    except (OperationalError, InterfaceError):  # perhaps only this connection, from before a restart
        connections[alias].close()
        standby = _is_standby(alias)
    if standby and alias == "default":
        raise ReadOnly


def _is_standby(alias: str) -> bool:
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()" if connection.vendor == "postgresql" else "SELECT 0")
        return bool(cursor.fetchone()[0])


async def _ask_layer() -> None:
    await get_channel_layer().group_send(LAYER_GROUP, {"type": "health"})


readiness = PerLoop(Readiness)
