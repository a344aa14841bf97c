"""The owner's socket: a snapshot, then every movement once and in order, and nothing missed."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from tests.factories import make_card, make_member, make_merchant, make_terminal, sell
from transactions import live, selectors
from transactions.live import hub
from transactions.models import Transaction


async def snapshot_of(line):
    told = await line.receive()
    assert told["type"] == "snapshot", told
    return told


async def next_transaction(line):
    while True:
        told = await line.receive()
        if told["type"] == "transaction":
            return told


async def test_a_sale_appears_with_its_fee_the_moment_it_is_committed(stall, open_line, open_till):
    owner = await open_line("/ws/dashboard/", stall.owner)
    before = await snapshot_of(owner)
    till = await open_till()
    outcome = await till.sell(12_50, await stall.tapped())
    told = await next_transaction(owner)
    assert told["cursor"] == before["cursor"] + 1
    shown = told["transaction"]
    assert (shown["id"], shown["amount"], shown["fee"], shown["net"]) == (outcome["transaction"], 12_50, 8, 12_42)
    today = told["today"]
    assert (today["sales"], today["count"], today["fees"], today["net"], today["average"]) == (
        12_50,
        1,
        8,
        12_42,
        12_50,
    )
    assert sum(hour["sales"] for hour in today["by_hour"]) == 12_50
    assert today["by_method"] == {"prepaid": {"sales": 12_50, "count": 1, "fees": 8}}
    assert today["by_terminal"][str(stall.phone.terminal.id)]["count"] == 1


async def test_a_page_that_applied_events_stands_where_a_reload_stands(stall, open_line, open_till):
    owner = await open_line("/ws/dashboard/", stall.owner)
    await snapshot_of(owner)
    till = await open_till()
    for amount in (10_00, 20_00, 500_00, 33_33):
        await till.sell(amount, await stall.tapped())
    await till.sell(5_00, await stall.tapped(), kind="top_up")
    told = [await next_transaction(owner) for _ in range(5)]
    reloaded = await snapshot_of(await open_line("/ws/dashboard/", stall.owner))
    assert told[-1]["cursor"] == reloaded["cursor"]
    assert told[-1]["today"] == reloaded["today"]
    assert [event["transaction"] for event in told[::-1]] == reloaded["recent"][:5]


async def test_a_reconnect_with_a_cursor_misses_nothing(stall, open_line, open_till):
    first = await snapshot_of(await open_line("/ws/dashboard/", stall.owner))
    till = await open_till()
    for _ in range(3):
        await till.sell(1_00, await stall.tapped())
    again = await open_line(f"/ws/dashboard/?after={first['cursor']}", stall.owner)
    assert (await snapshot_of(again))["cursor"] == first["cursor"]
    cursors = [(await next_transaction(again))["cursor"] for _ in range(3)]
    await till.sell(1_00, await stall.tapped())
    cursors.append((await next_transaction(again))["cursor"])
    assert cursors == [first["cursor"] + n for n in (1, 2, 3, 4)]


async def test_a_replay_longer_than_one_read_is_whole(stall, open_line, monkeypatch):
    monkeypatch.setattr(live, "STRETCH_MAX", 3)
    await sync_to_async(lambda: [make_card(stall.merchant) for _ in range(10)])()
    line = await open_line("/ws/dashboard/?after=0", stall.owner)
    assert (await snapshot_of(line))["cursor"] == 0
    assert [(await next_transaction(line))["cursor"] for _ in range(11)] == list(range(1, 12))


@pytest.mark.parametrize("after", ["-1", "x", "9" * 30, "99999", ""])
async def test_a_cursor_that_makes_no_sense_begins_at_now(stall, open_line, after):
    told = await snapshot_of(await open_line(f"/ws/dashboard/?after={after}", stall.owner))
    assert told["cursor"] == 1


async def test_events_under_a_storm_of_sales_come_once_and_in_order(stall, open_line, open_till):
    lines = [await open_line("/ws/dashboard/", stall.owner) for _ in range(5)]
    for line in lines:
        await snapshot_of(line)
    tills = [await open_till() for _ in range(6)]
    cards = await sync_to_async(lambda: [make_card(stall.merchant) for _ in tills])()

    async def selling(till, card):
        for _ in range(5):
            assert (await till.sell(1_00, await stall.tapped(card)))["result"] == "approved"

    await asyncio.gather(*(selling(till, card) for till, card in zip(tills, cards, strict=True)))
    for line in lines:
        cursors = [(await next_transaction(line))["cursor"] for _ in range(36)]
        assert cursors == list(range(cursors[0], cursors[0] + 36))


async def test_what_no_message_told_of_is_found_by_looking(stall, open_line, monkeypatch):
    monkeypatch.setattr(live, "LOOK_EVERY_S", 0.05)
    line = await open_line("/ws/dashboard/", stall.owner)
    await snapshot_of(line)
    # Straight into the database, as another process would with the channel layer away.
    await sync_to_async(sell)(stall.card, 7_00, stall.cashier, stall.phone.terminal)
    assert (await next_transaction(line))["transaction"]["amount"] == 7_00


async def test_a_slow_dashboard_is_dropped_and_the_others_go_on(stall, open_line, open_till, monkeypatch):
    monkeypatch.setattr(live, "WAITING_MAX", 2)
    slow = hub().messages(stall.merchant, None)
    await anext(slow)  # takes the snapshot and then nothing more
    fast = await open_line("/ws/dashboard/", stall.owner)
    await snapshot_of(fast)
    till = await open_till()
    for _ in range(6):
        await till.sell(1_00, await stall.tapped())
        await next_transaction(fast)
    with pytest.raises(live.SlowDashboard):
        async for _ in slow:
            pass


async def test_a_terminal_that_comes_and_goes_is_told(stall, open_line, open_till):
    owner = await open_line("/ws/dashboard/", stall.owner)
    assert (await snapshot_of(owner))["terminals"][0]["state"] == "offline"
    till = await open_till()
    came = await owner.receive()
    assert (came["type"], came["terminal"]["state"]) == ("terminal", "online")
    await till.line.close()
    went = await owner.receive()
    assert (went["type"], went["terminal"]["state"]) == ("terminal", "offline")


async def test_another_merchants_sales_are_never_told(stall, open_line):
    def elsewhere():
        other = make_merchant()
        sell(make_card(other), 10_00, make_member(other), make_terminal(other))

    line = await open_line("/ws/dashboard/", stall.owner)
    await snapshot_of(line)
    await sync_to_async(elsewhere)()
    assert await line.silent()


async def test_a_cashier_has_no_dashboard(stall, open_line):
    line = await open_line("/ws/dashboard/", stall.cashier)
    assert (await line.receive())["code"] == "unauthorised"
    assert await line.closed() == 4401


async def test_the_dashboard_socket_only_tells(stall, open_line):
    line = await open_line("/ws/dashboard/", stall.owner)
    await snapshot_of(line)
    await line.send({"type": "start"})
    assert (await line.receive())["code"] == "unknown_message"


@pytest.mark.django_db
def test_a_snapshot_costs_the_same_statements_however_much_was_sold(django_assert_num_queries):
    merchant = make_merchant()
    card, cashier, terminal = make_card(merchant, 1_000_00), make_member(merchant), make_terminal(merchant)
    for sales in (1, 60):
        for _ in range(sales):
            sell(card, 1_00, cashier, terminal)
        with django_assert_num_queries(5):
            snapshot = live.read_snapshot(merchant)
            live.snapshot_message(merchant, snapshot, snapshot.cursor)


@pytest.mark.django_db
def test_applying_the_log_equals_the_running_totals():
    merchant = make_merchant(day_cut_off_hour=4)
    card, cashier, terminal = make_card(merchant), make_member(merchant), make_terminal(merchant)
    for amount in (1, 83, 84, 9_99, 200_00):
        sell(card, amount, cashier, terminal)
    sell(card, 3_00, cashier, terminal, kind="top_up")
    stored = selectors.today(merchant, timezone.now())
    applied = selectors.DayTotals(merchant, stored.day, terminal_names=dict(stored.terminal_names))
    for row in selectors.with_names(Transaction.objects.order_by("sequence")):
        applied.apply(row)
    assert applied.wire() == stored.wire()
