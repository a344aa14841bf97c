"""The arithmetic of a filtered list: which parameters are in force, their totals, and pages by key.

A page is found by key (older than, newer than), never by offset, so the thousandth costs what the first does and
a sale that arrives meanwhile moves nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.db.models import BigIntegerField, Case, Count, F, Model, Q, QuerySet, Sum, When
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from transactions.filters import OWN_MONEY
from transactions.models import Transaction
from transactions.wording import MONEY_BACK

PAGE_SIZE = 50
PARAMETERS = ("from", "to", "kind", "status", "terminal", "card")
KEY_DIGITS_MAX = 18  # fits the database's 64 bits

Row = TypeVar("Row", bound=Model)


def parameters_in_force(query: Mapping[str, str], today: date) -> dict[str, str]:
    """The filter of an address, with today for one that says nothing of days.

    `from` and `to` are always there; empty, they leave the period open. Of the others only what filters.
    """
    given = {name: query.get(name, "").strip() for name in PARAMETERS}
    if "from" not in query and "to" not in query:
        given["from"] = given["to"] = today.isoformat()
    return {name: value for name, value in given.items() if value or name in ("from", "to")}


def export_query(in_force: Mapping[str, str]) -> str:
    """The same filter for the CSV: `from=2026-11-01&to=2026-11-22&kind=purchase`."""
    return urlencode({name: value for name, value in in_force.items() if value})


@dataclass(frozen=True, slots=True)
class Preset:
    """A period one press away: what it is called, its address, whether it is the one on screen."""

    name: str | Promise
    address: str
    current: bool


def presets(in_force: Mapping[str, str], today: date) -> list[Preset]:
    """Today, yesterday, seven days, this month: business dates, the rest of the filter kept."""
    periods = (
        (_("Today"), today, today),
        (_("Yesterday"), today - timedelta(days=1), today - timedelta(days=1)),
        (_("7 days"), today - timedelta(days=6), today),
        (_("This month"), today.replace(day=1), today),
    )
    return [
        Preset(
            name=name,
            address="?" + urlencode({**in_force, "from": first.isoformat(), "to": last.isoformat()}),
            current=(in_force.get("from"), in_force.get("to")) == (first.isoformat(), last.isoformat()),
        )
        for name, first, last in periods
    ]


def totals_of(rows: QuerySet[Transaction]) -> dict[str, int]:
    """`count` of all rows, `approved` of them; `gross`, `fees` and `kept` of the approved ones. One statement.

    What is given back counts as negative and what was not approved as nothing: these are the sums of the CSV. `gross`
    is `sales` (less what was given back), `top_ups` and `issued` (put on cards at issue) together.
    """
    approved = Q(status=Transaction.Status.APPROVED)

    def sum_of(name: str, among: Q = approved) -> Sum:
        back = When(kind__in=MONEY_BACK, then=-F(name))
        return Sum(Case(back, default=F(name), output_field=BigIntegerField()), filter=among, default=0)

    # The names of the sums are not those of columns: within one statement they would be taken for each other.
    return rows.aggregate(
        count=Count("pk"),
        approved=Count("pk", filter=approved),
        gross=sum_of("amount"),
        fees=sum_of("fee"),
        kept=sum_of("net"),
        sales=sum_of("amount", approved & Q(kind__in=OWN_MONEY)),
        top_ups=sum_of("amount", approved & Q(kind=Transaction.Kind.TOP_UP)),
        issued=sum_of("amount", approved & Q(kind=Transaction.Kind.ADJUSTMENT)),
    )


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows, newest first, and the addresses of the neighbours (None: there is nothing)."""

    rows: list[Row]
    newer: str | None
    older: str | None


def page_of(
    rows: QuerySet[Row],
    query: Mapping[str, str],
    *,
    key: str,
    in_force: Mapping[str, str],
    size: int = PAGE_SIZE,
) -> Page[Row]:
    """The rows `before` or `after` the key in the address; without either, the newest. One statement."""
    before, after = _key(query.get("before")), _key(query.get("after"))
    if after is not None:
        found = list(rows.filter(**{f"{key}__gt": after}).order_by(key)[: size + 1])
        shown, newer, older = found[:size][::-1], len(found) > size, True
    else:
        if before is not None:
            rows = rows.filter(**{f"{key}__lt": before})
        found = list(rows.order_by(f"-{key}")[: size + 1])
        shown, newer, older = found[:size], before is not None, len(found) > size
    if not shown:  # an address that points past the end leads back to the newest
        return Page([], newer="?" + urlencode(in_force) if newer or after is not None else None, older=None)

    def address(name: str, row: Row) -> str:
        return "?" + urlencode({**in_force, name: getattr(row, key)})

    return Page(
        shown,
        newer=address("after", shown[0]) if newer else None,
        older=address("before", shown[-1]) if older else None,
    )


def _key(text: Any) -> int | None:
    """A key of an address; None when it is none that could be."""
    fits = isinstance(text, str) and text.isdecimal() and len(text) <= KEY_DIGITS_MAX
    return int(text) if fits else None
