"""The process's front desk: takes attempts one by one and has them decided in batches.

It owns the two batchers (decisions, and looking up what was decided) and a thread for the sockets' other reads, and
tells the channel layer, after the commit, which merchants' logs have moved.
"""

from uuid import UUID

from merchants.groups import log_moved, merchant_group
from transactions.authorisation import BATCH_MAX, Authorised, authorise_each, stored_outcomes
from transactions.batching import Batcher
from transactions.database_thread import DatabaseThread
from transactions.decision import Attempt
from transactions.layer import layer
from transactions.per_loop import PerLoop
from transactions.store import Recorded


class Desk:
    """What sockets hand their attempts to."""

    def __init__(self) -> None:
        self._decisions: Batcher[Attempt, Authorised] = Batcher(authorise_each, name="authoriser", batch_max=BATCH_MAX)
        self._lookups: Batcher[tuple[int, UUID], Recorded | None] = Batcher(
            stored_outcomes, name="outcomes", batch_max=BATCH_MAX
        )
        self.reads = DatabaseThread("reads")

    async def authorise(self, attempt: Attempt) -> Authorised:
        """Decide one attempt. Raises `Busy`, `DatabaseLost`."""
        outcome = await self._decisions.submit(attempt)
        if not outcome.again:
            # Once for all of a batch: its outcomes arrive here in one turn of the loop.
            layer().tell(merchant_group(attempt.merchant_id), log_moved(attempt.merchant_id))
        return outcome

    async def stored_outcome(self, merchant_id: int, start_id: UUID) -> Recorded | None:
        """What was decided under this id before, if anything. Raises `Busy`, `DatabaseLost`."""
        return await self._lookups.submit((merchant_id, start_id))

    async def close(self) -> None:
        """Work off what waits, then release threads and connections."""
        await self._decisions.close()
        await self._lookups.close()
        await self.reads.close()


desk = PerLoop(Desk)
