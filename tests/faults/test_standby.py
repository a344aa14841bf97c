"""A hot standby: what is told as approved is there already, and stays when the primary is lost under load."""

import asyncio
import contextlib
import itertools
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from deploy.clusters import PostgresCluster, postgresql_programs, wait_until
from tests.clients import Till, gather
from tests.databases import Database, environment, manage
from tests.factories import Phone
from tests.servers import RunningServer
from tests.transactions.test_real_servers import card_with, enrolled, taps_of, till_at

pytestmark = [pytest.mark.slow, pytest.mark.faults]

AMOUNT = 1_00
TILLS = 6
TAPS_EACH = 1_000
SELLING_S = 3.0
CUT_OFF_S = 0.5
DATABASE = "softpos_ops"


@pytest.fixture
def primary() -> Iterator[PostgresCluster]:
    try:
        postgresql_programs()
    except RuntimeError as missing:
        pytest.skip(str(missing))
    with PostgresCluster() as cluster:
        url = cluster.create_database(DATABASE)
        with tempfile.TemporaryDirectory(prefix="softpos-standby-") as folder:
            manage("migrate", "--verbosity=0", env=environment(DATABASE_URL=url, SOFTPOS_VAR_DIR=folder))
        yield cluster


@pytest.fixture
def standby(primary: PostgresCluster) -> Iterator[PostgresCluster]:
    with primary.standby() as cluster:
        yield cluster


def server_on(cluster: PostgresCluster, reports: PostgresCluster, *, demo: bool) -> RunningServer:
    """As an operator would configure it: money waits for the standby, reports are read there."""
    settings = {
        "SOFTPOS_SYNCHRONOUS_COMMIT": "remote_apply",
        "REPORTS_DATABASE_URL": reports.url(DATABASE),
    }
    database = Database(url=cluster.url(DATABASE), drop=lambda: None)
    return RunningServer(database=database, redis_url="", demo=demo, env=settings)


@dataclass
class Seller:
    """A phone that sells to one card for as long as it is let, and remembers what it was told."""

    till: Till
    uid: str
    taps: Iterator[dict[str, Any]]
    told: dict[str, dict[str, Any]] = field(default_factory=dict)  # by start id: the approved outcome
    in_doubt: list[str] = field(default_factory=list)  # begun, and never answered

    async def sell_until(self, over: asyncio.Event) -> None:
        while not over.is_set():
            start_id = str(uuid.uuid4())
            self.in_doubt.append(start_id)
            if not await self.sold(start_id):
                return
            self.in_doubt.remove(start_id)

    async def sold(self, start_id: str) -> bool:
        """Whether the server said so. What it says of an id it knows counts as well."""
        answer = await self.till.start(AMOUNT, start_id)
        if answer["type"] == "present_card":
            answer = await self.till.tap(start_id, next(self.taps))
        if answer["type"] != "outcome":
            return False
        assert answer["result"] == "approved", answer
        assert self.told.setdefault(start_id, answer) == answer, "told otherwise than before"
        return True


async def seller_at(server: RunningServer, phone: Phone) -> Seller:
    uid = await asyncio.to_thread(card_with, server, AMOUNT * TAPS_EACH)
    taps = await asyncio.to_thread(taps_of, server, uid, TAPS_EACH)
    return Seller(await till_at(server, phone), uid, iter(taps))


def purchases(cluster: PostgresCluster) -> list[tuple[str]]:
    """The start ids of every approved sale in the log."""
    asked = "SELECT start_id::text FROM transactions_transaction WHERE kind = 'purchase' AND status = 'approved'"
    return cluster.execute(asked, database=DATABASE)


def sessions_at(cluster: PostgresCluster) -> int:
    """How often anybody has connected to the database there; asked through another one."""
    asked = f"SELECT sessions FROM pg_stat_database WHERE datname = '{DATABASE}'"
    ((count,),) = cluster.execute(asked)
    return int(count)


async def test_the_standby_takes_over_under_load_without_losing_or_doubling_a_sale(primary, standby):
    with server_on(primary, standby, demo=True) as server:
        phone, demo = enrolled(server), server.demo
        sellers = await gather(*(seller_at(server, phone) for _ in range(TILLS)))
        over = asyncio.Event()
        work = [asyncio.create_task(seller.sell_until(over)) for seller in sellers]
        await asyncio.sleep(SELLING_S)
        # The worst order: the standby hears nothing any more while the primary still could sell on its own.
        await asyncio.to_thread(standby.cut_off)
        await asyncio.sleep(CUT_OFF_S)
        await asyncio.to_thread(primary.kill)
        over.set()
        await asyncio.wait_for(asyncio.gather(*work, return_exceptions=True), 30)
        sold = sum(len(seller.told) for seller in sellers)
        assert sold > TILLS
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{server.url}/ready", timeout=10)).status_code == 503
        for seller in sellers:
            with contextlib.suppress(Exception):
                await seller.till.line.close()
    await asyncio.to_thread(standby.promote)
    with server_on(standby, standby, demo=False) as server:
        server.demo = demo  # the same people, with the tokens they had
        for seller in sellers:
            seller.till = await till_at(server, phone)
            for start_id in [*seller.told, *seller.in_doubt]:  # every phone asks again for what it began
                assert await seller.sold(start_id)
            assert await seller.sold(str(uuid.uuid4()))
            balance = await seller.till.start(None, kind="balance")
            told = await seller.till.tap(balance["id"], next(seller.taps))
            assert told["balance"] == AMOUNT * (TAPS_EACH - len(seller.told))
            await seller.till.line.close()
        approved = sorted(start_id for (start_id,) in purchases(standby))
        assert approved == sorted(itertools.chain.from_iterable(seller.told for seller in sellers))
        assert "The books are true." in server.manage("check_ledger")
    print(f"{sold} sales were told before the primary was lost, {len(approved)} stand after")


async def test_a_told_sale_can_be_read_at_the_standby_and_in_the_reports(primary, standby):
    with server_on(primary, standby, demo=True) as server:
        seller = await seller_at(server, enrolled(server))
        owner = {"Authorization": f"Token {server.person('owner')['token']}"}
        async with httpx.AsyncClient(base_url=server.url, headers=owner) as http:
            for _ in range(20):
                start_id = str(uuid.uuid4())
                assert await seller.sold(start_id)
                assert (start_id,) in purchases(standby)
            before = sessions_at(standby)
            rows = (await http.get("/api/v1/transactions/", params={"kind": "purchase"})).json()["results"]
            assert {row["id"] for row in rows} == {outcome["transaction"] for outcome in seller.told.values()}
            await asyncio.to_thread(wait_until, lambda: sessions_at(standby) > before, 10)
            state = (await http.get("/ready")).json()
            assert (state["status"], state["parts"]["reports"]) == ("ready", {"state": "ok"})
        await seller.till.line.close()
        elsewhere = {**server.env, "DATABASE_URL": standby.url(DATABASE)}
        assert "The books are true." in manage("check_ledger", env=elsewhere)  # the daily proof need not disturb tills


async def test_without_its_standby_a_sale_waits_until_the_operator_decides_to_go_on(primary, standby):
    with server_on(primary, primary, demo=True) as server:
        seller = await seller_at(server, enrolled(server))
        assert await seller.sold(str(uuid.uuid4()))
        await asyncio.to_thread(standby.kill)
        start_id = str(uuid.uuid4())
        selling = asyncio.create_task(seller.sold(start_id))
        _, waiting = await asyncio.wait([selling], timeout=2)
        assert waiting  # nothing is told that one machine alone has
        await asyncio.to_thread(primary.forget_standby)
        if not await selling:  # it was told "busy" meanwhile: the same id again
            assert await seller.sold(start_id)
        assert len(purchases(primary)) == 2
        await seller.till.line.close()
        assert "The books are true." in server.manage("check_ledger")
