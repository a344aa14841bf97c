"""Where a period lies in the log: business dates as sequence numbers.

Lists and files go by sequence number and are asked for by business date. The two run together but for the hours
around a cut-off and clocks that were wrong, so nothing is assumed: each day of the period is looked up in the index
by day, a few steps for each, and what is between the numbers is still compared by its date.
"""

from datetime import date

from django.db import connections

from transactions.models import Transaction

_LOG = Transaction._meta.db_table
_OF_DAY = f"FROM {_LOG} WHERE merchant_id = %s AND business_date = days.day"
# From one day that has transactions to the next, never through them.
_SPAN = f"""
WITH RECURSIVE days (day) AS (
  SELECT MIN(business_date) FROM {_LOG} WHERE merchant_id = %s AND business_date >= %s
  UNION ALL
  SELECT (SELECT MIN(business_date) FROM {_LOG} WHERE merchant_id = %s AND business_date > days.day)
  FROM days WHERE days.day < %s
)
SELECT MIN((SELECT MIN(sequence) {_OF_DAY})), MAX((SELECT MAX(sequence) {_OF_DAY}))
FROM days WHERE days.day <= %s"""

Span = tuple[int, int]
NOTHING: Span = (0, -1)


def span_of(merchant_id: int, first: date | None, last: date | None, using: str) -> Span:
    """The least and the greatest sequence number of the business dates, inclusive; `NOTHING` when there is none.

    One statement. None leaves the period open.
    """
    database = connections[using]
    begin, end = (database.ops.adapt_datefield_value(day) for day in (first or date.min, last or date.max))
    with database.cursor() as cursor:
        cursor.execute(_SPAN, [merchant_id, begin, merchant_id, end, merchant_id, merchant_id, end])
        lowest, highest = cursor.fetchone()
    return NOTHING if lowest is None else (lowest, highest)
