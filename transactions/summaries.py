"""Sums over a period, grouped by hour, day, method or terminal: from the running totals, never from the log.

The totals are committed with the transactions they count, so a summary costs the number of hours it spans, not
of sales. Gross, fees and net are those of the dashboard and the CSV, to the minor unit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

from django.db.models import Sum

from merchants.business_day import hours_of_day
from merchants.models import Merchant, Terminal
from transactions.models import HourTotal, Transaction
from transactions.models.log import NO_TERMINAL
from transactions.selectors import reported
from transactions.wording import MONEY_BACK

By = Literal["hour", "day", "method", "terminal"]
BY_FIELD: dict[By, str] = {
    "hour": "hour",
    "day": "business_date",
    "method": "method",
    "terminal": "terminal_key",
}
Key = int | date | str | UUID


@dataclass(slots=True)
class Sums:
    """Approved movements summed. Minor units; `count` is of purchases; `fees` less those given back."""

    sales: int = 0
    count: int = 0
    refunds: int = 0
    fees: int = 0
    top_ups: int = 0

    @property
    def net(self) -> int:
        """What the merchant gets."""
        return self.sales - self.refunds - self.fees

    @property
    def average(self) -> int:
        """The average purchase, rounded down; 0 without any."""
        return self.sales // self.count if self.count else 0

    def add(self, kind: str, *, gross: int, fee: int, count: int) -> None:
        """Count approved movements of one kind in. Other kinds move no money of the merchant's."""
        if kind == Transaction.Kind.PURCHASE:
            self.sales += gross
            self.fees += fee
            self.count += count
        elif kind in MONEY_BACK:
            self.refunds += gross
            self.fees -= fee
        elif kind == Transaction.Kind.TOP_UP:
            self.top_ups += gross


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a summary: an hour of the day, a date, a method or a terminal (None: without a terminal)."""

    key: int | date | str | UUID | None
    name: str | None
    sums: Sums


@dataclass(frozen=True, slots=True)
class Summary:
    """The totals of a period and its rows; rows only for keys where something moved."""

    totals: Sums
    rows: list[Line]


def summarise(*, merchant: Merchant, first: date, last: date, by: By) -> Summary:
    """Sum the business dates `first` to `last`, inclusive. One statement, two when grouped by terminal."""
    field = BY_FIELD[by]
    period = HourTotal.objects.filter(merchant=merchant, business_date__gte=first, business_date__lte=last)
    found = reported(period).order_by().values_list(field, "kind").annotate(Sum("gross"), Sum("fee"), Sum("count"))
    totals, grouped = Sums(), dict[Any, Sums]()
    for key, kind, gross, fee, count in found:
        for sums in (totals, grouped.setdefault(key, Sums())):
            sums.add(kind, gross=gross, fee=fee, count=count)
    return Summary(totals, _lines(merchant, by, grouped))


def _lines(merchant: Merchant, by: By, grouped: dict[Any, Sums]) -> list[Line]:
    moved = {key: sums for key, sums in grouped.items() if sums != Sums()}
    if by == "hour":  # in the order the hours of a business day pass
        return [Line(hour, None, moved[hour]) for hour in hours_of_day(merchant.day_cut_off_hour) if hour in moved]
    if by == "terminal":
        return _terminal_lines(merchant, moved)
    return [Line(key, None, moved[key]) for key in sorted(moved)]


def _terminal_lines(merchant: Merchant, moved: dict[UUID, Sums]) -> list[Line]:
    names = dict(_names(merchant, moved))
    lines = [Line(None if key == NO_TERMINAL else key, names.get(key, ""), sums) for key, sums in moved.items()]
    return sorted(lines, key=lambda line: (line.key is None, line.name or "", str(line.key)))


def _names(merchant: Merchant, keys: Iterable[UUID]) -> Iterable[tuple[UUID, str]]:
    return Terminal.objects.filter(merchant=merchant, pk__in=list(keys)).values_list("id", "name")
