"""The process's front desk: what sockets hand in, and where the outcome is announced from.

One desk per event loop. It owns the two batchers (decisions, and looking up what was decided), a thread for the
sockets' other reads, and tells the channel layer, after the commit, which merchants' logs have moved.
"""

import asyncio
import logging
from uuid import UUID
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer

from merchants.groups import merchant_group
from transactions.authorisation import BATCH_MAX, Authorised, authorise, stored_outcomes
from transactions.batching import Batcher
from transactions.database_thread import DatabaseThread
from transactions.decision import Attempt
from transactions.store import Recorded

log = logging.getLogger(__name__)


class Desk:
    """Takes attempts one by one, has them decided in batches."""

    def __init__(self) -> None:
        self._decisions: Batcher[Attempt, Authorised] = Batcher(authorise, name="authoriser", batch_max=BATCH_MAX)
        self._lookups: Batcher[tuple[int, UUID], Recorded | None] = Batcher(
            stored_outcomes, name="outcomes", batch_max=BATCH_MAX
        )
        self.reads = DatabaseThread("reads")
        self._moved: set[int] = set()
        self._announcing: asyncio.Task[None] | None = None

    async def authorise(self, attempt: Attempt) -> Authorised:
        """Decide one attempt. Raises `Busy`, `OutcomeUnknown`."""
        outcome = await self._decisions.submit(attempt)
        if not outcome.again:
            self._announce(attempt.merchant_id)
        return outcome

    async def stored_outcome(self, merchant_id: int, start_id: UUID) -> Recorded | None:
        """What was decided under this id before, if anything."""
        return await self._lookups.submit((merchant_id, start_id))

    def _announce(self, merchant_id: int) -> None:
        """Tell the group once for all of a batch: outcomes of one batch arrive here in one turn of the loop."""
        self._moved.add(merchant_id)
        if self._announcing is None or self._announcing.done():
            self._announcing = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        layer = get_channel_layer()
        while self._moved:
            moved, self._moved = self._moved, set()
            for merchant_id in moved:
                try:
                    await layer.group_send(
                        merchant_group(merchant_id), {"type": "log.moved", "merchant_id": merchant_id}
                    )
                except Exception:  # selling goes on without the layer; the hubs look for themselves now and then
                    log.warning("the channel layer is away; dashboards will catch up", exc_info=True)

    async def close(self) -> None:
        """Drain and release threads and connections."""
        await self._decisions.close()
        await self._lookups.close()
        await self.reads.close()
        if self._announcing is not None:
            await asyncio.wait([self._announcing])


_desks: WeakKeyDictionary[asyncio.AbstractEventLoop, Desk] = WeakKeyDictionary()


def desk() -> Desk:
    """The desk of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _desks:
        _desks[loop] = Desk()
    return _desks[loop]


async def close_desk() -> None:
    """Close the running loop's desk, if it has one."""
    closing = _desks.pop(asyncio.get_running_loop(), None)
    if closing is not None:
        await closing.close()
