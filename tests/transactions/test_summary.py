"""Sums over a period from the running totals: by hour, day, method and terminal, the same as everywhere."""

import uuid
from datetime import date, timedelta

import pytest
from django.utils import timezone

from merchants.business_day import business_date, local_hour
from tests.factories import make_card, make_member, make_merchant, make_terminal, sell
from tests.rest import get
from transactions import selectors
from transactions.models import HourTotal
from transactions.models.log import NO_TERMINAL
from transactions.summaries import Sums, summarise

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 22)


@pytest.fixture
def owner():
    return make_member(make_merchant(), "owner")


def total(merchant, **fields) -> None:
    """One running total, as the authoriser would have written it."""
    row = {"business_date": DAY, "hour": 9, "method": "prepaid", "kind": "purchase", "count": 1, "gross": 0, "fee": 0}
    HourTotal.objects.create(merchant=merchant, **{**row, **fields})


def test_the_summary_of_today_is_the_dashboards_today(owner):
    merchant = owner.merchant
    card, terminal = make_card(merchant), make_terminal(merchant, "Counter")
    for amount in (12_50, 1_00, 9_99):
        sell(card, amount, owner, terminal)
    sell(card, 3_00, owner, terminal, kind="top_up")
    sell(card, 0, owner, terminal, kind="balance")
    today = selectors.today(merchant, timezone.now()).wire()
    for by in ("hour", "day", "method", "terminal"):
        summary = get(owner, "summary/", by=by)
        for name in ("sales", "count", "refunds", "fees", "net", "average", "top_ups"):
            assert summary["totals"][name] == today[name], (by, name)
        (only,) = summary["rows"]
        assert {name: only[name] for name in ("sales", "count", "fees", "top_ups")} == {
            name: today[name] for name in ("sales", "count", "fees", "top_ups")
        }


def test_a_summary_says_what_it_sums(owner):
    card, terminal = make_card(owner.merchant), make_terminal(owner.merchant, "Counter")
    now = timezone.now()
    sell(card, 12_50, owner, terminal)
    day = business_date(now, owner.merchant.zone, 0).isoformat()
    row = {"sales": 12_50, "count": 1, "refunds": 0, "fees": 8, "net": 12_42, "top_ups": 0}
    assert get(owner, "summary/", by="terminal") == {
        "from": day,
        "to": day,
        "by": "terminal",
        "currency": "CNY",
        "totals": {**row, "average": 12_50},
        "rows": [{"key": str(terminal.pk), "name": "Counter", **row}],
    }
    assert get(owner, "summary/", by="day")["rows"] == [{"key": day, **row}]
    assert get(owner, "summary/")["by"] == "day"
    assert get(owner, "summary/", by="method")["rows"] == [{"key": "prepaid", **row}]
    assert get(owner, "summary/", by="hour")["rows"] == [{"key": local_hour(now, owner.merchant.zone), **row}]


@pytest.mark.breaks_the_books
def test_refunds_and_voids_lower_net_and_fees_and_nothing_else_counts(owner):
    merchant = owner.merchant
    total(merchant, gross=100_00, fee=60, count=4)
    total(merchant, kind="refund", gross=33_33, fee=20)
    total(merchant, kind="void", gross=10_00, fee=6)
    total(merchant, kind="top_up", gross=50_00)
    total(merchant, kind="balance", count=9)
    total(merchant, kind="payout", gross=7_00)
    total(merchant, kind="adjustment", gross=8_00)
    found = summarise(merchant=merchant, first=DAY, last=DAY, by="day").totals
    assert found == Sums(sales=100_00, count=4, refunds=43_33, fees=34, top_ups=50_00)
    assert (found.net, found.average) == (56_33, 25_00)


@pytest.mark.breaks_the_books
def test_hours_come_in_the_order_a_business_day_passes():
    merchant = make_merchant(day_cut_off_hour=4)
    for hour in (0, 3, 4, 23):
        total(merchant, hour=hour, gross=1)
    rows = summarise(merchant=merchant, first=DAY, last=DAY, by="hour").rows
    assert [row.key for row in rows] == [4, 23, 0, 3]


@pytest.mark.breaks_the_books
def test_terminals_come_by_name_and_none_comes_last(owner):
    merchant = owner.merchant
    terminals = [make_terminal(merchant, name) for name in ("B", "A")]
    for key in (NO_TERMINAL, *(terminal.pk for terminal in terminals)):
        total(merchant, terminal_key=key, gross=1)
    rows = get(owner, "summary/", by="terminal", **{"from": DAY, "to": DAY})["rows"]
    assert [(row["key"], row["name"]) for row in rows] == [
        (str(terminals[1].pk), "A"),
        (str(terminals[0].pk), "B"),
        (None, ""),
    ]


@pytest.mark.breaks_the_books
def test_days_are_inclusive_and_another_merchants_do_not_count(owner):
    for days in (-1, 0, 1):
        total(owner.merchant, business_date=DAY + timedelta(days=days), gross=10 ** (days + 1))
    total(make_merchant(), gross=5_000)
    for first, last, sales in [(-1, 1, 111), (0, 1, 110), (0, 0, 10), (2, 3, 0)]:
        query = {"from": DAY + timedelta(days=first), "to": DAY + timedelta(days=last)}
        summary = get(owner, "summary/", **query)
        assert summary["totals"]["sales"] == sales == sum(row["sales"] for row in summary["rows"])


@pytest.mark.parametrize(("by", "statements"), [("hour", 1), ("day", 1), ("method", 1), ("terminal", 2)])
@pytest.mark.breaks_the_books
def test_a_summary_costs_the_same_for_a_day_and_a_year(owner, by, statements, django_assert_num_queries):
    for day in range(365):
        total(owner.merchant, business_date=DAY - timedelta(days=day), gross=1, terminal_key=uuid.uuid4())
    for first in (DAY, DAY - timedelta(days=364)):
        with django_assert_num_queries(statements):
            summarise(merchant=owner.merchant, first=first, last=DAY, by=by)


def test_one_end_of_the_period_is_enough(owner):
    assert [get(owner, "summary/", to="2026-01-02")[end] for end in ("from", "to")] == ["2026-01-02"] * 2
    early = get(owner, "summary/", **{"from": "2026-01-02"})
    assert early["from"] == "2026-01-02"
    assert early["to"] == business_date(timezone.now(), owner.merchant.zone, 0).isoformat()
    assert get(owner, "summary/", **{"from": "2099-01-02"})["to"] == "2099-01-02"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"by": "week"}, "by"),
        ({"from": "x"}, "from"),
        ({"to": "2026-13-01"}, "to"),
        ({"from": "2026-02-02", "to": "2026-02-01"}, "to"),
        ({"from": "2016-01-01", "to": "2026-01-09"}, "to"),
    ],
)
def test_what_makes_no_sense_is_named(owner, query, field):
    assert list(get(owner, "summary/", expect=400, **query)["errors"]) == [field]


def test_ten_years_are_not_too_many(owner):
    get(owner, "summary/", **{"from": "2016-01-01", "to": "2026-01-07"})
