"""The CSV of protocol section 4: what the accountant downloads.

`cells` says what a row looks like and is pure; `pages` reads the log in stretches by its sequence number. The log
is append-only and its last number is taken first, so an export is one consistent picture without a long
transaction, in bounded memory, however long it takes to send.
"""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from urllib.parse import quote
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connections
from django.db.models import Max, Min, QuerySet

from merchants.models import Merchant
from merchants.models.cards import masked_uid
from transactions.models import Transaction
from transactions.public_id import to_public
from transactions.wording import MONEY_BACK

COLUMNS = (
    "transaction_id",
    "occurred_at",
    "business_date",
    "kind",
    "status",
    "method",
    "card",
    "terminal",
    "operator",
    "order_reference",
    "original_transaction_id",
    "gross",
    "fee_rate",
    "fee",
    "net",
    "currency",
    "response_code",
    "settlement_id",
    "note",
)
BOM = b"\xef\xbb\xbf"  # without it Excel shows Chinese wrongly
PAGE_ROWS = 2_000
THREADS_MAX = 4  # exports beyond wait for each other's pages; selling has the other threads and connections
CSV_MEDIA_TYPE = "text/csv"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute (CVE-2021-41270)
_NOT_IN_A_FILE_NAME = str.maketrans(dict.fromkeys('/\\:*?"<>|', "-"))
_threads = ThreadPoolExecutor(max_workers=THREADS_MAX, thread_name_prefix="export")


class Row(NamedTuple):
    """One transaction as it is read for the CSV; amounts in minor units. In the order of `_FIELDS`."""

    sequence: int
    id: UUID
    occurred_at: datetime
    business_date: date
    kind: str
    status: str
    method: str
    uid: str | None
    terminal: str | None
    first_name: str | None
    last_name: str | None
    username: str | None
    order_reference: str
    original_id: UUID | None
    amount: int
    fee_rate_ppm: int
    fee: int
    net: int
    currency: str
    response_code: str
    note: str


_FIELDS = (
    "sequence",
    "id",
    "occurred_at",
    "business_date",
    "kind",
    "status",
    "method",
    "card__uid",
    "terminal__name",
    "operator__first_name",
    "operator__last_name",
    "operator__username",
    "order_reference",
    "original_id",
    "amount",
    "fee_rate_ppm",
    "fee",
    "net",
    "currency",
    "response_code",
    "note",
)


def cells(row: Row, zone: ZoneInfo) -> tuple[str, ...]:
    """One line of the CSV, in the order of `COLUMNS` (protocol, section 4).

    Money that goes back is negative. What was not approved has taken nothing: its gross, fee and net are 0.00, so
    that sums hold whatever was asked for.
    """
    sign = 0 if row.status != Transaction.Status.APPROVED else -1 if row.kind in MONEY_BACK else 1
    operator = f"{row.first_name or ''} {row.last_name or ''}".strip() or row.username or ""
    return (
        to_public(row.id),
        row.occurred_at.astimezone(zone).isoformat(timespec="seconds"),
        row.business_date.isoformat(),
        row.kind,
        row.status,
        guarded(row.method),
        masked_uid(row.uid) if row.uid else "",
        guarded(row.terminal or ""),
        guarded(operator),
        guarded(row.order_reference),
        to_public(row.original_id) if row.original_id else "",
        decimal(sign * row.amount),
        fraction(row.fee_rate_ppm),
        decimal(sign * row.fee),
        decimal(sign * row.net),
        row.currency,
        row.response_code,
        "",  # settlement_id: nothing is settled yet
        guarded(row.note),
    )


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula. Never for numbers: a minus is theirs."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def decimal(minor: int) -> str:
    """Minor units with two decimals: -1250 → -12.50."""
    whole, cents = divmod(abs(minor), 100)
    return f"{'-' if minor < 0 else ''}{whole}.{cents:02d}"


def fraction(ppm: int) -> str:
    """Parts per million as a decimal fraction: 6000 → 0.006000."""
    whole, millionths = divmod(ppm, 1_000_000)
    return f"{whole}.{millionths:06d}"


@dataclass(frozen=True, slots=True)
class Export:
    """What is to be exported: the chosen rows of one merchant, between two sequence numbers, inclusive."""

    rows: QuerySet[Transaction]
    zone: ZoneInfo
    first: int
    last: int

    def page(self, after: int) -> tuple[bytes, int | None]:
        """The lines behind sequence `after`, and the number to go on from; None: that was all. One statement."""
        behind = self.rows.filter(sequence__gt=after, sequence__lte=self.last).order_by("sequence")
        found = [Row._make(values) for values in behind.values_list(*_FIELDS)[:PAGE_ROWS]]
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\r\n").writerows(cells(row, self.zone) for row in found)
        return lines.getvalue().encode(), found[-1].sequence if len(found) == PAGE_ROWS else None


def export_of(rows: QuerySet[Transaction], merchant: Merchant) -> Export:
    """Fix what an export of these rows (of this merchant, unordered) will hold, as of now. One statement.

    Grouped by business date so that the log's index by day answers it: asked for the bare minimum, PostgreSQL
    would walk the whole log from its beginning in search of a late day.
    """
    days = rows.order_by().values("business_date").annotate(first=Min("sequence"), last=Max("sequence"))
    bounds = [(day["first"], day["last"]) for day in days]
    return Export(
        rows=rows,
        zone=merchant.zone,
        first=min((first for first, _ in bounds), default=0),
        last=max((last for _, last in bounds), default=-1),
    )


def pages(export: Export) -> Iterator[bytes]:
    """The file in pieces, read in this thread: for commands, and for servers that are not asynchronous."""
    yield _head()
    after: int | None = export.first - 1
    while after is not None:
        lines, after = export.page(after)
        yield lines


async def pages_async(export: Export) -> AsyncIterator[bytes]:
    """The same for ASGI, where a synchronous iterator would be read to its end before the first byte."""
    loop = asyncio.get_running_loop()
    yield _head()
    after: int | None = export.first - 1
    while after is not None:
        lines, after = await loop.run_in_executor(_threads, _page_in_thread, export, after)
        yield lines


def _page_in_thread(export: Export, after: int) -> tuple[bytes, int | None]:
    try:
        return export.page(after)
    finally:
        connections[export.rows.db].close()  # the thread's own: nothing stays open for an export that may never go on


def _head() -> bytes:
    return BOM + ",".join(COLUMNS).encode() + b"\r\n"


def file_name(merchant_name: str, first: str, last: str) -> str:
    """`Morning Coffee 2026-11-01 – 2026-11-30.csv`; a day only where the period has an end, and once if one."""
    days = " – ".join(dict.fromkeys(day for day in (first, last) if day))
    return f"{merchant_name} {days}".strip().translate(_NOT_IN_A_FILE_NAME) + ".csv"


def content_disposition(name: str) -> str:
    """RFC 6266: the name in full for who understands `filename*`, a plain one for who doesn't."""
    return f"attachment; filename=\"transactions.csv\"; filename*=UTF-8''{quote(name, safe='')}"
