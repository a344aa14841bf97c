"""A Daphne that is killed, stopped or races another one, under load."""

import asyncio

import pytest

from tests.faults.conftest import node
from tests.faults.dashboards import Watcher, today_of
from tests.faults.load import Load

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
