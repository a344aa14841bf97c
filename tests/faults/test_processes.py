"""A Daphne that is killed, stopped or races another one, under load."""

import asyncio
import os
import signal
import uuid
from collections.abc import Callable

import pytest

from tests.faults.conftest import node
from tests.faults.dashboards import Watcher, today_of
from tests.faults.load import DEADLINE_S, Load, SellingTill, read
from tests.faults.test_database import cards_locked

pytestmark = [pytest.mark.slow, pytest.mark.faults]


async def test_a_killed_daphne_loses_no_sale_and_doubles_none(place):
    with node(place.database) as server:
        async with Load(place.shop, server.ws_url) as load:
            for _ in range(2):
                await load.sold()
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
            await load.sold()
        assert load.lost >= 2 * len(load.tills)
        await load.prove(server)


async def test_the_tills_of_a_killed_node_go_on_at_the_other(postgresql):
    with node(postgresql.database) as first, first.sibling() as second:
        async with Load(postgresql.shop, first.ws_url, second.ws_url) as load:
            await load.sold()
            await asyncio.to_thread(first.kill)
            await load.sold()
            await asyncio.to_thread(first.start)
            await asyncio.to_thread(second.kill)
            await load.sold()
        await load.prove(first)


async def test_two_nodes_share_one_card_while_a_dashboard_at_each_sees_every_sale_once_and_in_order(postgresql, redis):
    with node(postgresql.database, REDIS_URL=redis.url) as first, first.sibling() as second:
        nodes = [first.ws_url, second.ws_url]
        async with Watcher(postgresql.shop, nodes[0]) as here, Watcher(postgresql.shop, nodes[1]) as there:
            async with Load(postgresql.shop, *nodes, cards=1) as load:
                await load.sold(40)
            results = [outcome["result"] for outcome in load.outcomes.values()]
            assert "approved" in results  # others lost the race for the card: a replayed tap
            head = len(results) + len(postgresql.shop.cards)  # before the sales the cards were loaded
            for watcher in (here, there):
                await watcher.reached(head)
                assert watcher.seen == list(range(len(postgresql.shop.cards) + 1, head + 1))
                assert watcher.today == await today_of(postgresql.shop, nodes[0])
        await load.prove(second)


async def test_a_daphne_told_to_stop_leaves_nothing_half_done(place):
    with node(place.database) as server:
        async with Load(place.shop, server.ws_url) as load:
            for _ in range(2):
                await load.sold()
                await asyncio.to_thread(server.restart)
            await load.sold()
        await load.prove(server)


async def test_a_tap_that_waits_when_daphne_is_told_to_stop_is_answered_on_its_line(postgresql):
    url, shop = postgresql.database.url, postgresql.shop
    waiting = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity a USING (pid) WHERE NOT granted AND a.datname = "
    with node(postgresql.database) as server:
        till, other = (SellingTill(shop, card, [server.ws_url]) for card in shop.cards[:2])
        for each in (till, other):
            await each.sell(str(uuid.uuid4()))
        with cards_locked(url, [till.card.uid]):
            work = [asyncio.create_task(till.sell(str(uuid.uuid4())))]
            await until(lambda: read(url, waiting + "current_database()") > [(0,)])
            os.kill(server.pid, signal.SIGTERM)
            work.append(asyncio.create_task(other.sell(str(uuid.uuid4()))))
            await until(lambda: other.busy or other.lost or till.busy)  # nothing new is taken any more
        await until(lambda: len(till.told) == 2 or till.busy or till.lost)
        assert till.lost == 0
        await asyncio.to_thread(server.restart)
        await asyncio.gather(*work)
        assert {told["result"] for told in till.told.values()} == {"approved"}
        assert "The books are true." in await asyncio.to_thread(server.manage, "check_ledger")


async def test_a_daphne_whose_database_hangs_can_be_stopped(postgresql, cluster):
    with node(postgresql.database) as server:
        async with Load(postgresql.shop, server.ws_url) as load:
            await load.sold()
            cluster.pause()
            try:
                await asyncio.sleep(0.5)  # for the tills to wait for it
                await asyncio.to_thread(server.stop)  # within its own deadline
            finally:
                cluster.resume()
            await asyncio.to_thread(server.start)
            await load.sold()
        await load.prove(server)


async def until(holds: Callable[[], object]) -> None:
    """Asked again and again, in the event loop."""
    async with asyncio.timeout(DEADLINE_S):
        while not holds():  # noqa: ASYNC110 - of another process or its database: no event tells
            await asyncio.sleep(0.01)
