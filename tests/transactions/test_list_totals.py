"""The totals above a list, from the running totals or bounded, and where a period lies in the log."""

import uuid
from datetime import date
from itertools import product
from typing import Any

import pytest
from django.db.models import Max, Min
from django.utils import timezone

from merchants.models import Member
from tests.factories import make_card, make_member, make_merchant, make_terminal, sell
from transactions import list_totals, listing, selectors
from transactions.filters import SalesFilter
from transactions.models import Transaction
from transactions.spans import NOTHING, span_of

KINDS = ("", "all", "sales", "purchase", "top_up", "adjustment", "balance", "refund")
STATUSES = ("", "all", "approved", "declined", "cancelled")


@pytest.fixture
def owner(db: None) -> Member:
    """Who has sold on two terminals, topped up, been declined and asked for a balance."""
    owner = make_member(make_merchant(), "owner")
    card = make_card(owner.merchant, balance=300_00)
    for number, terminal in enumerate(make_terminal(owner.merchant, name) for name in ("one", "two")):
        sell(card, 12_50 + number, owner, terminal)
        sell(card, 0, owner, terminal, kind="balance")
    sell(card, 999_00, owner, terminal)
    sell(card, 20_00, owner, terminal, kind="top_up")
    return owner


def found(member: Member, **query: Any) -> tuple[Any, Any]:
    """The rows of a filter and its totals."""
    chosen = SalesFilter(query, queryset=selectors.visible_to(member), merchant=member.merchant)
    assert chosen.is_valid(), chosen.errors
    return chosen.qs, list_totals.totals_of(chosen.qs, chosen.asked, member)


def test_the_totals_are_those_of_the_rows_whatever_is_asked(owner: Member) -> None:
    terminals = ("", *owner.merchant.terminals.values_list("id", flat=True), uuid.uuid4(), uuid.UUID(int=0))
    days = ("", timezone.now().date().isoformat(), "2020-01-01")
    card = owner.merchant.programmes.get().cards.get().uid[-4:]
    wheres = list(product(terminals, days, ("", card)))
    whats = list(product(KINDS, STATUSES))
    for n, (kind, status) in enumerate([*whats, *[("all", "all")] * len(wheres)]):
        terminal, day, digits = wheres[n % len(wheres)]
        query = {"kind": kind, "status": status, "terminal": str(terminal), "from": day, "to": day, "card": digits}
        rows, totals = found(owner, **query)
        assert totals == {**listing.totals_of(rows), "counted_max": 0, "summed_max": 0}, query


def test_a_cashiers_totals_are_of_their_own_sales(owner: Member) -> None:
    cashier = make_member(owner.merchant)
    sell(make_card(owner.merchant), 1_00, cashier, owner.merchant.terminals.all()[0])
    _, totals = found(cashier, kind="all", status="all")
    assert (totals["count"], totals["gross"]) == (1, 1_00)


def test_counting_stops_at_a_bound_and_says_so(owner: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    card, terminal = make_card(owner.merchant, balance=1), owner.merchant.terminals.all()[0]
    for _ in range(3):
        sell(card, 5_00, owner, terminal)
    monkeypatch.setattr(list_totals, "ROWS_COUNTED_MAX", 4)
    _, totals = found(owner, status="declined")
    assert (totals["count"], totals["counted_max"], totals["summed_max"]) == (4, 0, 0)
    monkeypatch.setattr(list_totals, "ROWS_COUNTED_MAX", 3)
    _, totals = found(owner, status="all")
    assert (totals["count"], totals["counted_max"], totals["summed_max"]) == (2 + 3, 3, 0)
    assert totals["gross"] == 12_50 + 12_51
    _, totals = found(owner, status="all", kind="all", card=card.uid)
    assert (totals["count"], totals["counted_max"], totals["summed_max"]) == (3, 3, 3)


@pytest.mark.breaks_the_books
def test_a_period_is_found_whatever_the_clocks_said(owner: Member) -> None:
    """A machine a month ahead, then set right; a sale committed a moment after the cut-off."""
    days = [date(2026, 1, 1), date(2026, 2, 1), date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 1), date(2026, 1, 3)]
    merchant = make_merchant()
    Transaction.objects.bulk_create(
        Transaction(
            id=uuid.uuid4(),
            merchant=merchant,
            sequence=number,
            start_id=uuid.uuid4(),
            kind="purchase",
            status="declined",
            amount=1,
            net=1,
            currency="CNY",
            occurred_at=timezone.now(),
            business_date=day,
        )
        for number, day in enumerate(days, start=1)
    )
    bounds = (None, date(2025, 1, 1), *sorted(set(days)), date(2026, 1, 20), date(2027, 1, 1))
    for first, last in product(bounds, bounds):
        rows = Transaction.objects.filter(merchant=merchant)
        rows = rows.filter(business_date__gte=first) if first else rows
        rows = rows.filter(business_date__lte=last) if last else rows
        ends = rows.aggregate(Min("sequence"), Max("sequence"))
        expected = (ends["sequence__min"], ends["sequence__max"]) if rows else NOTHING
        assert span_of(merchant.pk, first, last, using="default") == expected, (first, last)
