"""What pages, sockets and REST read: scoped to a member, never written through.

Totals come from the running totals, which are committed with the transactions they count, so a summary costs the same
after the ten-millionth sale as after the first.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet

from merchants.business_day import business_date, day_end, hours_of_day
from merchants.models import Card, Member, Merchant, Terminal
from merchants.models.cards import LAST_DIGITS, LAST_DIGITS_COUNT
from merchants.permissions import may
from transactions.models import HourTotal, Transaction
from transactions.models.log import NO_TERMINAL

RECENT_COUNT = 50

Row = TypeVar("Row", bound=Model)


def with_names(transactions: QuerySet[Transaction]) -> QuerySet[Transaction]:
    """The same rows with everything `wire.transaction_object` names, in the one statement."""
    return transactions.select_related("card", "terminal", "operator").only(
        *(f.attname for f in Transaction._meta.concrete_fields),
        "card__uid",
        "terminal__name",
        "operator__username",
        "operator__first_name",
        "operator__last_name",
    )


def visible_to(member: Member) -> QuerySet[Transaction]:
    """The transactions a member may read: all of the merchant's, or only their own."""
    of_merchant = Transaction.objects.filter(merchant_id=member.merchant_id)
    return of_merchant if may(member.role, "read_all") else of_merchant.filter(operator_id=member.user_id)


def reported(rows: QuerySet[Row]) -> QuerySet[Row]:
    """The same rows for a report, where a moment's delay is no matter: from the standby, if there is one.

    What follows a sale at once (the live feed, a receipt, one transaction) is read from the primary.
    """
    return rows.using(settings.REPORTS_DATABASE)


def cards_ending_in(cards: QuerySet[Card], digits: str) -> QuerySet[Card]:
    """Of these cards, those whose uid ends so (hex); four digits or more are looked up in the index of endings."""
    ending = digits.upper()
    if len(ending) >= LAST_DIGITS_COUNT:
        cards = cards.alias(last_digits=LAST_DIGITS).filter(last_digits=ending[-LAST_DIGITS_COUNT:])
    return cards.filter(uid__endswith=ending)


def recent(merchant: Merchant, upto: int, count: int = RECENT_COUNT) -> list[Transaction]:
    """The newest transactions with a sequence of at most `upto`, newest first."""
    rows = Transaction.objects.filter(merchant=merchant, sequence__lte=upto).order_by("-sequence")
    return list(with_names(rows)[:count])


@dataclass(slots=True)
class Line:
    """A sum over purchases: minor units and a count."""

    sales: int = 0
    count: int = 0
    fees: int = 0

    def add(self, gross: int, fee: int, count: int) -> None:
        """Count some purchases in."""
        self.sales += gross
        self.fees += fee
        self.count += count

    def wire(self) -> dict[str, int]:
        """For the protocol."""
        return {"sales": self.sales, "count": self.count, "fees": self.fees}


@dataclass(slots=True)
class DayTotals:
    """The totals of one business day, made from the database or by applying transactions one after the other.

    Both ways end at the same value (a test holds them together): what a page reaches by applying events is what it
    gets by reloading.
    """

    merchant: Merchant
    day: date
    all: Line = field(default_factory=Line)
    refunds: int = 0
    refunded_fees: int = 0
    top_ups: int = 0
    by_hour: dict[int, Line] = field(default_factory=dict)
    by_method: dict[str, Line] = field(default_factory=dict)
    by_terminal: dict[str, Line] = field(default_factory=dict)
    terminal_names: dict[str, str] = field(default_factory=dict)

    def count_in(self, kind: str, gross: int, fee: int, count: int, *, hour: int, method: str, terminal: str) -> None:
        """Add approved movements of one kind. Other kinds than purchase, refund and top_up move no sales."""
        if kind == Transaction.Kind.PURCHASE:
            self.all.add(gross, fee, count)
            for lines, key in ((self.by_hour, hour), (self.by_method, method), (self.by_terminal, terminal)):
                lines.setdefault(key, Line()).add(gross, fee, count)  # type: ignore[arg-type]
        elif kind == Transaction.Kind.REFUND:
            self.refunds += gross
            self.refunded_fees += fee
        elif kind == Transaction.Kind.TOP_UP:
            self.top_ups += gross

    def apply(self, transaction: Transaction) -> None:
        """Count one transaction of the log in, if it is an approved one of this day."""
        if transaction.status != Transaction.Status.APPROVED or transaction.business_date != self.day:
            return
        terminal = str(transaction.terminal_id or NO_TERMINAL)
        if transaction.terminal:
            self.terminal_names[terminal] = transaction.terminal.name
        hour = transaction.occurred_at.astimezone(self.merchant.zone).hour
        self.count_in(
            transaction.kind,
            transaction.amount,
            transaction.fee,
            1,
            hour=hour,
            method=transaction.method,
            terminal=terminal,
        )

    def wire(self) -> dict[str, Any]:
        """The `today` of the protocol (section 2), with `top_ups`, `business_date`, `ends_at` and `currency`."""
        fees = self.all.fees - self.refunded_fees
        cut_off = self.merchant.day_cut_off_hour
        return {
            "business_date": self.day.isoformat(),
            "ends_at": day_end(self.day, self.merchant.zone, cut_off).isoformat(),
            "currency": self.merchant.currency,
            "sales": self.all.sales,
            "count": self.all.count,
            "refunds": self.refunds,
            "fees": fees,
            "net": self.all.sales - self.refunds - fees,
            "average": self.all.sales // self.all.count if self.all.count else 0,
            "top_ups": self.top_ups,
            "by_hour": [{"hour": hour, **self.by_hour.get(hour, Line()).wire()} for hour in hours_of_day(cut_off)],
            "by_method": {method: line.wire() for method, line in sorted(self.by_method.items())},
            "by_terminal": {
                terminal: {"name": self.terminal_names.get(terminal, ""), **line.wire()}
                for terminal, line in sorted(self.by_terminal.items())
            },
        }


def day_totals(merchant: Merchant, day: date) -> DayTotals:
    """The running totals of one business day. Two statements, whatever the number of transactions."""
    totals = DayTotals(merchant, day)
    _count_in(totals, HourTotal.objects.filter(merchant=merchant, business_date=day))
    totals.terminal_names = {
        str(identity): name for identity, name in Terminal.objects.filter(merchant=merchant).values_list("id", "name")
    }
    return totals


def today(merchant: Merchant, now: datetime) -> DayTotals:
    """The totals of the business day the instant falls on."""
    return day_totals(merchant, business_date(now, merchant.zone, merchant.day_cut_off_hour))


def _count_in(totals: DayTotals, rows: Iterable[HourTotal]) -> None:
    for row in rows:
        totals.count_in(
            row.kind,
            row.gross,
            row.fee,
            row.count,
            hour=row.hour,
            method=row.method,
            terminal=str(row.terminal_key),
        )
