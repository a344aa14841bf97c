"""Real Daphne processes over one database: races between them, and what a crash must not lose."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.clients import RealLine, Till, gather
from tests.factories import Phone
from tests.servers import RunningServer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[RunningServer, RunningServer]]:
    """Two processes, one database, one channel layer (or none between them, with the in-memory one)."""
    with ExitStack() as stack:
        first = stack.enter_context(RunningServer())
        yield first, stack.enter_context(first.sibling())


@pytest.fixture
def phone(servers: tuple[RunningServer, RunningServer]) -> Phone:
    return enrolled(servers[0])


def enrolled(server: RunningServer) -> Phone:
    phone = Phone()
    told = server.manage(
        *("enrol_terminal", "--merchant", server.demo["merchant"]["id"], "--name", f"phone {uuid.uuid4().hex[:8]}"),
        *("--public-key", json.dumps(phone.jwk), "--json"),
    )
    phone.enrolled_as = json.loads(told)["id"]
    return phone


async def till_at(server: RunningServer, phone: Phone) -> Till:
    line = await RealLine(f"{server.ws_url}/ws/terminal/", token=server.person("cashier")["token"]).open()
    till = Till(line, phone, phone.enrolled_as)
    assert (await till.ready())["type"] == "ready"
    return till


def card_with(server: RunningServer, balance: int) -> str:
    return str(json.loads(server.manage("issue_card", "--virtual", "--balance", str(balance), "--json"))["uid"])


def taps_of(server: RunningServer, uid: str, count: int) -> list[dict]:
    return list(json.loads(server.manage("virtual_tap", uid, "--count", str(count), "--json")))


async def test_one_card_on_twenty_sockets_of_two_servers_with_money_for_seven(servers, phone):
    uid = card_with(servers[0], 7_00)
    tills = await gather(*(till_at(servers[n % 2], phone) for n in range(20)))
    approved = 0
    for _ in range(4):  # the two processes race; a tap that lost the race is a replay, and the card is tapped again
        armed = await gather(*(till.start(1_00) for till in tills))
        taps = taps_of(servers[0], uid, 20)
        outcomes = await gather(*(t.tap(a["id"], tap) for t, a, tap in zip(tills, armed, taps, strict=True)))
        approved += [outcome["result"] for outcome in outcomes].count("approved")
        assert {o["reason"] for o in outcomes if o["result"] == "declined"} <= {"insufficient_funds", "replayed_tap"}
    assert approved == 7
    await gather(*(till.line.close() for till in tills))
    assert "The books are true." in servers[0].manage("check_ledger")


async def test_one_sale_sent_to_both_servers_at_once_is_one_sale(servers, phone):
    uid = card_with(servers[0], 100_00)
    tills = await gather(*(till_at(server, phone) for server in servers * 5))
    for _ in range(5):
        start_id = str(uuid.uuid4())
        armed = await gather(*(till.start(3_00, start_id) for till in tills))
        assert {answer["type"] for answer in armed} == {"present_card"}
        taps = taps_of(servers[0], uid, len(tills))
        outcomes = await gather(*(till.tap(start_id, tap) for till, tap in zip(tills, taps, strict=True)))
        assert len({outcome["transaction"] for outcome in outcomes}) == 1
        assert {outcome["result"] for outcome in outcomes} == {"approved"}
    balance = await tills[0].start(None, kind="balance")
    told = await tills[0].tap(balance["id"], taps_of(servers[0], uid, 2)[1])
    assert told["balance"] == 85_00
    await gather(*(till.line.close() for till in tills))
    assert "The books are true." in servers[0].manage("check_ledger")


async def test_what_a_killed_server_had_decided_is_told_by_the_next(servers):
    with RunningServer() as server:
        phone = enrolled(server)
        uid = card_with(server, 100_00)
        tills = await gather(*(till_at(server, phone) for _ in range(10)))
        armed = await gather(*(till.start(1_00) for till in tills))
        taps = taps_of(server, uid, 10)
        for till, answer, tap in zip(tills, armed, taps, strict=True):
            await till.line.send({"type": "tap", "id": answer["id"], "tap": str(uuid.uuid4()), **tap})
        first = await tills[0].line.receive()  # some are decided, some on their way
        server.kill()
        server.start()
        again = await till_at(server, phone)
        assert await again.start(1_00, armed[0]["id"]) == first
        results = []
        for answer in armed:
            told = await again.start(1_00, answer["id"])
            if told["type"] == "present_card":  # never decided: nothing moved, and it still can
                told = await again.tap(answer["id"], taps_of(server, uid, 2)[1])
            results.append(told["result"])
        assert results.count("approved") == 10
        assert "The books are true." in server.manage("check_ledger")


async def test_a_sale_at_one_server_is_seen_on_the_dashboard_of_the_other(servers, phone):
    uid = card_with(servers[0], 10_00)
    token = servers[1].person("owner")["token"]
    dashboard = await RealLine(f"{servers[1].ws_url}/ws/dashboard/", token=token).open()
    snapshot = await dashboard.receive()
    till = await till_at(servers[0], phone)
    outcome = await till.sell(1_00, taps_of(servers[0], uid, 2)[1])
    while (told := await dashboard.receive())["type"] != "transaction":
        assert told["type"] == "terminal"
    assert told["transaction"]["id"] == outcome["transaction"]
    assert told["cursor"] > snapshot["cursor"]
    await asyncio.gather(till.line.close(), dashboard.close())
