"""A Redis that goes and comes back: selling goes on, the feeds catch up from the log."""

import asyncio
import uuid

import pytest

from tests.faults.conftest import node
from tests.faults.dashboards import Watcher, today_of
from tests.faults.load import DEADLINE_S, Load, SellingTill

pytestmark = [pytest.mark.slow, pytest.mark.faults]


async def test_selling_goes_on_without_redis_and_the_other_nodes_dashboard_misses_nothing(postgresql, redis):
    shop = postgresql.shop
    with node(postgresql.database, REDIS_URL=redis.url) as first, first.sibling() as second:
        async with Watcher(shop, second.ws_url) as before, Load(shop, first.ws_url) as load:
            await load.sold()
            await asyncio.to_thread(redis.kill)
            await load.sold()
            async with Watcher(shop, second.ws_url) as meanwhile:  # new ones come in all the same
                newcomer = SellingTill(shop, shop.cards[-1], [second.ws_url])
                await newcomer.sell(str(uuid.uuid4()))
                await newcomer.hang_up()
                for watcher in (before, meanwhile):
                    assert watcher.cursor is not None
                    await watcher.reached(watcher.cursor + 1)
                await asyncio.to_thread(redis.start)
                await load.sold()
                assert (newcomer.lost, newcomer.busy, load.lost, load.busy) == (0, 0, 0, 0)
                await load.stop()
                load.tills.append(newcomer)
                head = len(load.outcomes) + len(shop.cards)
                for watcher in (before, meanwhile):
                    await watcher.reached(head)
                    assert watcher.today == await today_of(shop, first.ws_url)
        await load.prove(second)


async def test_a_dashboard_opened_without_redis_hears_of_terminals_once_it_is_back(postgresql, redis):
    """What the log doesn't tell comes by the layer alone: so who began to listen while it was away has joined since."""
    shop, other = postgresql.shops
    with node(postgresql.database, REDIS_URL=redis.url) as first, first.sibling() as second:
        async with Watcher(shop, second.ws_url):  # the process listens already, to another merchant
            await asyncio.to_thread(redis.kill)
            async with Watcher(other, second.ws_url) as watcher:
                await asyncio.to_thread(redis.start)
                till = SellingTill(other, other.cards[0], [first.ws_url])
                async with asyncio.timeout(DEADLINE_S):
                    while not watcher.terminals:
                        await till.sell(str(uuid.uuid4()))
                        await till.hang_up()  # came and went
                        await asyncio.sleep(0.2)
