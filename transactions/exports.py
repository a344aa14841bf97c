"""The CSV of protocol section 4: what the accountant downloads.

`export_rows` says what a line looks like; here the log is read in stretches of its sequence numbers. The log is
append-only and its last number is taken first, so an export is one consistent picture without a long transaction, in
bounded memory, however long it takes to send. PostgreSQL makes the bytes itself; elsewhere Python does.
"""

import asyncio
import csv
import io
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from django.core.exceptions import EmptyResultSet
from django.db import connections, transaction
from django.db.models import QuerySet
from psycopg.pq import Format

from merchants.models import Merchant
from transactions.database_thread import DatabaseThread
from transactions.export_rows import COLUMNS, FIELDS, Row, cells, sql_of_lines
from transactions.models import Transaction

BOM = b"\xef\xbb\xbf"  # without it Excel shows Chinese wrongly
STRETCH_ROWS = 2_000
STRETCH_ROWS_POSTGRESQL = 10_000  # 1.7 MB
STRETCHES_AHEAD = 2  # read while one is sent: two server processes of PostgreSQL make lines
READERS_MAX = 4  # exports beyond wait for each other's stretches; selling has other threads and connections
BLOCK_BYTES = 64 * 1024
CSV_MEDIA_TYPE = "text/csv"
_NOT_IN_A_FILE_NAME = str.maketrans(dict.fromkeys('/\\:*?"<>|', "-"))

Argument = TypeVar("Argument")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Export:
    """What is to be exported: the chosen rows of one merchant, between two sequence numbers, inclusive."""

    rows: QuerySet[Transaction]
    zone: ZoneInfo
    first: int
    last: int

    def stretch(self, start: int) -> range | None:
        """The next numbers of the log with as many of the rows as may be in memory; None behind the last row.

        One statement: it counts rows, so that a few rows in a long log are one stretch and not a thousand empty ones.
        """
        if start > self.last:
            return None
        size = STRETCH_ROWS_POSTGRESQL if self._by_postgresql else STRETCH_ROWS
        rest = self.rows.filter(sequence__gte=start, sequence__lte=self.last).order_by("sequence")
        behind = rest.values_list("sequence", flat=True)[size : size + 1].first()
        return range(start, self.last + 1 if behind is None else behind)

    def lines(self, stretch: range) -> bytes:
        """The lines of the rows in a stretch. One statement."""
        rows = self.rows.filter(sequence__gte=stretch.start, sequence__lt=stretch.stop).order_by("sequence")
        return self._made_by_postgresql(rows) if self._by_postgresql else self._made_here(rows)

    @property
    def _by_postgresql(self) -> bool:
        return connections[self.rows.db].vendor == "postgresql"

    def _made_here(self, rows: QuerySet[Transaction]) -> bytes:
        lines = io.StringIO()
        found = map(Row._make, rows.values_list(*FIELDS))
        csv.writer(lines, lineterminator="\r\n").writerows(cells(row, self.zone) for row in found)
        return lines.getvalue().encode()

    def _made_by_postgresql(self, rows: QuerySet[Transaction]) -> bytes:
        try:
            statement, values = rows.values_list(*FIELDS).query.get_compiler(rows.db).as_sql()
        except EmptyResultSet:
            return b""
        with transaction.atomic(using=rows.db), connections[rows.db].cursor() as cursor:
            # Compiling to machine code takes longer than a stretch does.
            cursor.execute("SELECT set_config('TimeZone', %s, true), set_config('jit', 'off', true)", [self.zone.key])
            cursor.cursor.format = Format.BINARY  # as text, bytes would come in hex
            cursor.execute(sql_of_lines(statement), values)
            (lines,) = cursor.fetchone()
        return lines or b""


def export_of(rows: QuerySet[Transaction], merchant: Merchant) -> Export:
    """Fix what an export of these rows (of this merchant, unordered) will hold, as of now. Two statements."""
    numbers = rows.values_list("sequence", flat=True)
    first, last = numbers.order_by("sequence").first(), numbers.order_by("-sequence").first()
    if first is None or last is None:
        first, last = 0, -1
    return Export(rows=rows, zone=merchant.zone, first=first, last=last)


def pages(export: Export) -> Iterator[bytes]:
    """The file in pieces, read in this thread: for commands, and for servers that are not asynchronous."""
    yield _head()
    stretch = export.stretch(export.first)
    while stretch is not None:
        yield export.lines(stretch)
        stretch = export.stretch(stretch.stop)


async def pages_async(export: Export) -> AsyncIterator[bytes]:
    """The same for ASGI, where a synchronous iterator would be read to its end before the first byte.

    Read in threads, a little ahead of what is sent and never more; whoever stops iterating stops the reading.
    """
    yield _head()
    async with _readers() as readers:
        coming: deque[asyncio.Task[bytes]] = deque()
        start = export.first

        async def read_on() -> None:
            nonlocal start
            while len(coming) < STRETCHES_AHEAD and (stretch := await readers.run(export.stretch, start)) is not None:
                start = stretch.stop
                coming.append(asyncio.create_task(readers.run(export.lines, stretch)))

        reading = asyncio.create_task(read_on())
        try:
            await reading
            while coming:
                lines = await coming.popleft()
                reading = asyncio.create_task(read_on())
                for begin in range(0, len(lines), BLOCK_BYTES):
                    yield lines[begin : begin + BLOCK_BYTES]
                await reading
        finally:
            for task in (reading, *coming):
                task.cancel()
            await asyncio.gather(reading, *coming, return_exceptions=True)


class _Readers:
    """The threads that read for this process's exports. They keep their connections while any export goes on."""

    def __init__(self) -> None:
        self._exports = 0
        self._free: list[DatabaseThread] = []
        self._places = asyncio.Semaphore(READERS_MAX)

    async def run(self, work: Callable[[Argument], Result], argument: Argument) -> Result:
        """The result of `work(argument)`, in the next free thread."""
        async with self._places:
            thread = self._free.pop() if self._free else DatabaseThread("export")
            try:
                return await thread.run(work, argument)
            finally:
                self._free.append(thread)

    async def __aenter__(self) -> "_Readers":
        self._exports += 1
        return self

    async def __aexit__(self, *_: Any) -> None:
        self._exports -= 1
        if not self._exports:
            free, self._free = self._free, []
            await asyncio.gather(*(thread.close() for thread in free))


_readers_of: WeakKeyDictionary[asyncio.AbstractEventLoop, _Readers] = WeakKeyDictionary()


def _readers() -> _Readers:
    """Those of the running event loop."""
    return _readers_of.setdefault(asyncio.get_running_loop(), _Readers())


def _head() -> bytes:
    return BOM + ",".join(COLUMNS).encode() + b"\r\n"


def file_name(merchant_name: str, first: str, last: str) -> str:
    """`Morning Coffee 2026-11-01 – 2026-11-30.csv`; a day only where the period has an end, and once if one."""
    days = " – ".join(dict.fromkeys(day for day in (first, last) if day))
    return f"{merchant_name} {days}".strip().translate(_NOT_IN_A_FILE_NAME) + ".csv"


def content_disposition(name: str) -> str:
    """RFC 6266: the name in full for who understands `filename*`, a plain one for who doesn't."""
    return f"attachment; filename=\"transactions.csv\"; filename*=UTF-8''{quote(name, safe='')}"
