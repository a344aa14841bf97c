"""The totals above a filtered list, at the same cost after ten million transactions as after ten.

What was approved is in the running totals; the rest of the log is counted up to a bound. Where the running totals
don't tell (one card, one cashier), the newest rows up to that bound are added up.
"""

from django.db.models import QuerySet, Sum

from merchants.models import Member
from merchants.permissions import may
from transactions import listing
from transactions.filters import OWN_MONEY, Asked
from transactions.models import HourTotal, Transaction
from transactions.models.log import NO_TERMINAL
from transactions.wording import MONEY_BACK

ROWS_COUNTED_MAX = 10_000
SHOWN_AS = {
    **dict.fromkeys(OWN_MONEY, "sales"),
    Transaction.Kind.TOP_UP: "top_ups",
    Transaction.Kind.ADJUSTMENT: "issued",
}
Totals = dict[str, int]


def totals_of(rows: QuerySet[Transaction], asked: Asked | None, member: Member) -> Totals:
    """The totals of `listing.totals_of`, of the rows a filter lets through to the member (None: it isn't valid).

    Two more say where counting stopped, or 0: `counted_max`, when there are more rows than `count`; `summed_max`, when
    the sums are those of the newest rows only. At most two statements.
    """
    if asked is None or asked.card or asked.terminal == NO_TERMINAL or not may(member.role, "read_all"):
        return _of_the_newest(rows)
    totals = _running(asked, member.merchant_id, using=rows.db)
    refused = 0
    if asked.statuses != (Transaction.Status.APPROVED,):
        others = rows.exclude(status=Transaction.Status.APPROVED)
        refused = others.order_by("-sequence")[: ROWS_COUNTED_MAX + 1].count()
    counted_max = ROWS_COUNTED_MAX if refused > ROWS_COUNTED_MAX else 0
    count = totals["approved"] + (counted_max or refused)
    return {**totals, "count": count, "counted_max": counted_max, "summed_max": 0}


def _of_the_newest(rows: QuerySet[Transaction]) -> Totals:
    totals = listing.totals_of(rows.order_by("-sequence")[: ROWS_COUNTED_MAX + 1])
    bound = ROWS_COUNTED_MAX if totals["count"] > ROWS_COUNTED_MAX else 0
    return {**totals, "count": bound or totals["count"], "counted_max": bound, "summed_max": bound}


def _running(asked: Asked, merchant_id: int, using: str) -> Totals:
    """Of what was approved: from the running totals."""
    hours = HourTotal.objects.using(using).filter(merchant=merchant_id)
    if asked.statuses is not None and Transaction.Status.APPROVED not in asked.statuses:
        hours = hours.none()
    wanted = {
        "business_date__gte": asked.first,
        "business_date__lte": asked.last,
        "kind__in": asked.kinds,
        "terminal_key": asked.terminal,
    }
    hours = hours.filter(**{condition: value for condition, value in wanted.items() if value is not None})
    totals = dict.fromkeys(("approved", "gross", "fees", "kept", *SHOWN_AS.values()), 0)
    for kind, count, gross, fee in (
        hours.order_by().values_list("kind").annotate(Sum("count"), Sum("gross"), Sum("fee"))
    ):
        sign = -1 if kind in MONEY_BACK else 1
        totals["approved"] += count
        totals["gross"] += sign * gross
        totals["fees"] += sign * fee
        totals["kept"] += sign * (gross - fee)
        if kind in SHOWN_AS:
            totals[SHOWN_AS[kind]] += sign * gross
    return totals
