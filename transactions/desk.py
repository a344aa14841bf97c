"""The process's front desk: takes attempts one by one and has them decided in batches.

It owns the two batchers (decisions, and looking up what was decided) and a thread for the sockets' other reads, and
tells the channel layer, after the commit, which merchants' logs have moved.
"""

from collections.abc import Sequence
from time import perf_counter
from uuid import UUID

from merchants.groups import log_moved, merchant_group
from transactions import decision_log, metrics
from transactions.authorisation import BATCH_MAX, Authorised, authorise_each, stored_outcomes
from transactions.batching import Batcher, Busy
from transactions.database_thread import DatabaseLost, DatabaseThread
from transactions.decision import Attempt
from transactions.layer import layer
from transactions.per_loop import PerLoop
from transactions.store import Recorded


def _decided(attempts: Sequence[Attempt]) -> list[Authorised | DatabaseLost]:
    """`authorise_each`, counted."""
    began = perf_counter()
    outcomes = authorise_each(attempts)
    metrics.batch_decided(outcomes, perf_counter() - began)
    decision_log.note(outcomes)
    return outcomes


class Desk:
    """What sockets hand their attempts to."""

    def __init__(self) -> None:
        self._decisions: Batcher[Attempt, Authorised] = Batcher(_decided, name="authoriser", batch_max=BATCH_MAX)
        self._lookups: Batcher[tuple[int, UUID], Recorded | None] = Batcher(
            stored_outcomes, name="outcomes", batch_max=BATCH_MAX
        )
        self.reads = DatabaseThread("reads")
        metrics.watch_queue(depth=self._decisions.depth, oldest_wait_s=self._decisions.oldest_wait_s)

    async def authorise(self, attempt: Attempt) -> Authorised:
        """Decide one attempt. Raises `Busy`, `DatabaseLost`."""
        try:
            outcome = await self._decisions.submit(attempt)
        except Busy:
            metrics.refused_busy()
            raise
        except DatabaseLost:
            metrics.outcome_unknown()
            raise
        if not outcome.again:
            # Once for all of a batch: its outcomes arrive here in one turn of the loop.
            layer().tell(merchant_group(attempt.merchant_id), log_moved(attempt.merchant_id))
        return outcome

    async def stored_outcome(self, merchant_id: int, start_id: UUID) -> Recorded | None:
        """What was decided under this id before, if anything. Raises `Busy`, `DatabaseLost`."""
        return await self._lookups.submit((merchant_id, start_id))

    async def drain(self) -> None:
        """Take nothing more (`Busy`), and see what waits decided."""
        await self._decisions.drain()

    async def close(self) -> None:
        """Work off what waits, then release threads and connections."""
        await self._decisions.close()
        await self._lookups.close()
        await self.reads.close()


desk = PerLoop(Desk)
