"""A PostgreSQL that restarts, refuses connections or lets statements wait, in the middle of commits."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import time
from collections.abc import Iterator

import psycopg
import pytest

from deploy.clusters import wait_until
from tests.faults.conftest import node
from tests.faults.load import DEADLINE_S, Load, read
from tests.servers import RunningServer

pytestmark = [pytest.mark.slow, pytest.mark.faults]


@contextlib.contextmanager
def cards_locked(url: str, uids: list[str]) -> Iterator[psycopg.Connection]:
    """Somebody else's transaction holds these cards' accounts, for the length of the block."""
    asked = (
        "SELECT 1 FROM transactions_cardaccount a JOIN merchants_card c ON c.id = a.card_id "
        "WHERE c.uid = ANY(%s) ORDER BY a.account_id FOR UPDATE OF a"
    )
    with psycopg.connect(url) as connection:
        connection.execute(asked, [uids])
        yield connection


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_restarted_database_loses_no_sale_and_doubles_none(postgresql, cluster, mode):
    with node(postgresql.database) as server:
        async with Load(postgresql.shop, server.ws_url) as load:
            for _ in range(2):
                await load.sold()
                await asyncio.to_thread(cluster.restart, mode)
            await load.sold()
        assert load.busy + load.lost > 0
        await load.prove(server)


async def test_while_the_database_is_away_the_phone_is_told_busy_and_sells_on_when_it_is_back(postgresql, cluster):
    with node(postgresql.database) as server:
        async with Load(postgresql.shop, server.ws_url) as load:
            await load.sold()
            await asyncio.to_thread(cluster.stop)
            await load.until(lambda: all(till.busy >= 3 for till in load.tills))
            assert load.lost == 0  # the line stands: nobody has to sign in again when thousands come back
            await asyncio.to_thread(cluster.start)
            await load.sold()
        await load.prove(server)


async def test_every_connection_taken_is_busy_and_not_an_outcome(postgresql, cluster):
    name = postgresql.database.url.rpartition("/")[2]
    with node(postgresql.database) as server:
        async with Load(postgresql.shop, server.ws_url) as load:
            await load.sold()
            # As if others had taken them all: no new ones, and the ones that stand are ended.
            cluster.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            cluster.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
            before = load.busy + load.lost
            await load.until(lambda: load.busy + load.lost > before + 2 * len(load.tills))
            cluster.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            await load.sold()
        await load.prove(server)


async def test_a_card_somebody_holds_is_busy_and_keeps_no_other_merchant_waiting(postgresql):
    held, other = postgresql.shops
    with node(postgresql.database) as server:
        async with Load(held, server.ws_url, tills=2) as waiting, Load(other, server.ws_url, tills=4) as selling:
            await waiting.sold()
            with cards_locked(postgresql.database.url, [card.uid for card in waiting.cards]):
                await waiting.until(lambda: all(till.busy for till in waiting.tills))
                await selling.sold(5)
            await waiting.sold()
        await waiting.prove(server)
        await selling.prove(server)


async def test_a_sqlite_file_that_somebody_writes_to_for_long_is_busy(sqlite):
    path = sqlite.database.url.removeprefix("sqlite:///")
    with node(sqlite.database) as server:
        async with Load(sqlite.shop, server.ws_url) as load:
            await load.sold()
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
                writer.execute("BEGIN IMMEDIATE")
                await load.until(lambda: all(till.busy for till in load.tills))
                assert load.lost == 0  # told so while it still listens
            await load.sold()
        await load.prove(server)


async def test_a_node_that_froze_in_the_middle_of_a_batch_gives_its_locks_back(postgresql):
    """A paused virtual machine, a network that swallows packets: nobody answers, nobody hangs up."""
    with node(postgresql.database) as frozen, frozen.sibling() as other:
        async with Load(postgresql.shop, frozen.ws_url, cards=2) as load:
            await load.sold()
            await asyncio.to_thread(freeze_in_the_middle, frozen, postgresql.database.url)
            for till in load.tills:
                till.nodes = [other.ws_url]
            try:
                await load.sold(5)
            finally:
                os.kill(frozen.pid, signal.SIGCONT)
            await load.sold(5)
        await load.prove(frozen)


def freeze_in_the_middle(server: RunningServer, url: str) -> None:
    """Stop the process at a moment when its transaction is open and holds locks."""
    asked = """SELECT count(*) FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid
        WHERE a.datname = current_database() AND a.state = 'idle in transaction' AND l.mode = 'RowExclusiveLock'"""

    def holds_locks() -> bool:
        os.kill(server.pid, signal.SIGSTOP)
        time.sleep(0.05)  # what PostgreSQL was still doing for it is done
        if read(url, asked) > [(0,)]:
            return True
        os.kill(server.pid, signal.SIGCONT)
        return False

    wait_until(holds_locks, DEADLINE_S)
