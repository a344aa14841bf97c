"""A connection that is cut between the commit and its answer: the same id, sent again, tells."""

import itertools

import pytest

from tests.databases import Database
from tests.faults.conftest import node
from tests.faults.load import Load
from tests.faults.proxy import Cut, CuttingProxy

pytestmark = [pytest.mark.slow, pytest.mark.faults]

CUTS = 24


def every(count: int, *, holding: bytes = b""):
    """Cut at every so-manieth request that holds these bytes: in turn before and after it went through."""
    turns = itertools.cycle([*[None] * (count - 1), "before", *[None] * (count - 1), "after"])

    def cut(request: bytes) -> Cut | None:
        return next(turns) if holding in request else None

    return cut


async def test_the_line_between_phone_and_daphne_is_cut_before_and_after_the_sale_went_through(sqlite):
    with node(sqlite.database) as server, CuttingProxy(server.port) as line:
        line.cut = every(11)  # an odd number: handshakes, starts and taps all get their turn
        async with Load(sqlite.shop, f"ws://127.0.0.1:{line.port}") as load:
            await load.until(lambda: line.cuts >= CUTS)
            await load.sold()
        assert load.lost >= CUTS / 2
        await load.prove(server)


async def test_the_line_between_daphne_and_postgresql_is_cut_before_and_after_the_commit(postgresql, cluster):
    with CuttingProxy(cluster.port) as line:
        through_line = postgresql.database.url.replace(f":{cluster.port}/", f":{line.port}/")
        with node(Database(url=through_line, drop=lambda: None)) as server:
            async with Load(postgresql.shop, server.ws_url) as load:
                await load.sold()
                line.cut = every(3, holding=b"COMMIT")
                await load.until(lambda: line.cuts >= CUTS)
                line.cut = lambda request: None
                await load.sold()
            assert load.busy > 0
            await load.prove(server)


async def test_while_no_line_to_the_database_holds_the_phone_keeps_its_own(postgresql, cluster):
    with CuttingProxy(cluster.port) as line:
        through_line = postgresql.database.url.replace(f":{cluster.port}/", f":{line.port}/")
        with node(Database(url=through_line, drop=lambda: None)) as server:
            async with Load(postgresql.shop, server.ws_url) as load:
                await load.sold()
                line.cut = lambda request: "before"  # nothing gets through, not even a new connection
                await load.until(lambda: all(till.busy >= 2 for till in load.tills))
                line.cut = lambda request: None
                await load.sold()
            await load.prove(server)
