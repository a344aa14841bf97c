"""The live feed: one hub per process reads each new stretch of a merchant's log once and fans it out.

The transaction log is the event log; a cursor is a sequence number. A channel layer delivers at most once, so its
message only says "look": what has happened is read from the database, and the hub also looks by itself now and then.
What a page reaches by applying events equals what it gets by reloading (Zulip's rule, held by a test).
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import orjson
from django.db import connection, transaction
from django.utils import timezone

from merchants.business_day import business_date
from merchants.groups import merchant_group
from merchants.models import Merchant, Terminal
from transactions import metrics, selectors
from transactions.database_thread import DatabaseThread
from transactions.layer import layer
from transactions.models import MerchantLog, Transaction
from transactions.per_loop import PerLoop
from transactions.selectors import DayTotals
from transactions.wire import transaction_object

STRETCH_MAX = 500  # events read at once
REPLAY_MAX = 10_000  # events a page that comes back may have missed; Daphne buffers what is sent
WAITING_MAX = 1_000  # messages a slow dashboard may owe before it is dropped
LOOK_EVERY_S = 5.0

# An event of the log, encoded once for everybody; or what is not of the log and gets each page's own cursor.
Told = str | dict[str, Any]

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Snapshot:
    """A merchant's day at one cursor, all read from one state of the database."""

    cursor: int
    totals: DayTotals
    recent: list[Transaction]
    terminals: list[dict[str, str]]


class SlowDashboard(Exception):
    """This dashboard reads slower than the merchant sells: it is dropped and may come back with its cursor."""


@dataclass(slots=True, eq=False)
class Subscription:
    """One dashboard's place in the feed."""

    merchant: Merchant
    cursor: int
    waiting: asyncio.Queue[tuple[int, Told]] = field(default_factory=lambda: asyncio.Queue(WAITING_MAX))
    dropped: bool = False

    def offer(self, sequence: int, told: Told) -> None:
        """Queue a message; a full queue drops the dashboard instead of waiting for it."""
        if self.dropped:
            return
        try:
            self.waiting.put_nowait((sequence, told))
        except asyncio.QueueFull:
            self.dropped = True


class _Feed:
    """One merchant's dashboards on this process, and how far their log has been read."""

    def __init__(self, merchant: Merchant, snapshot: Snapshot) -> None:
        self.merchant = merchant
        self.head = snapshot.cursor
        self.totals = snapshot.totals
        self.counted = snapshot.cursor  # what the totals hold already
        self.terminals = {terminal["id"]: terminal for terminal in snapshot.terminals}
        self.subscriptions: set[Subscription] = set()

    def take(self, rows: list[Transaction]) -> None:
        """Encode each new transaction once and offer it to every dashboard."""
        for row in rows:
            self.head = row.sequence
            if row.sequence > self.counted:
                self.totals.apply(row)
            self.offer(row.sequence, event(row, self.merchant, self.totals.wire()))

    def day_after(self, rows: list[Transaction]) -> date:
        """The business day to show: today's, or that of a process whose clock has come to the next one already."""
        today = business_date(timezone.now(), self.merchant.zone, self.merchant.day_cut_off_hour)
        return max(today, rows[-1].business_date)

    def offer(self, sequence: int, told: Told) -> None:
        """Offer to every dashboard."""
        for subscription in self.subscriptions:
            subscription.offer(sequence, told)

    def show(self, terminal: dict[str, str]) -> None:
        """Tell of a terminal whose state, or name, is another than was told last."""
        if self.terminals.get(terminal["id"]) != terminal:
            self.terminals[terminal["id"]] = terminal
            self.offer(0, {"type": "terminal", "terminal": terminal})


class Hub:
    """Reads for all dashboards of the process, on a database thread of its own."""

    def __init__(self) -> None:
        self._database = DatabaseThread("hub")
        self._feeds: dict[int, _Feed] = {}
        self._reading = asyncio.Lock()
        self._looking: asyncio.Task[None] | None = None

    async def messages(self, merchant: Merchant, after: int | None) -> AsyncIterator[str]:
        """A snapshot, then every event after its cursor, each once and in order, without end.

        With `after`, the snapshot stands at that cursor and what came since is replayed from the log; who is more
        than `REPLAY_MAX` behind begins at now instead. Raises `SlowDashboard`.
        """
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look_around())
        subscription, snapshot = await self._subscribe(merchant)
        try:
            cursor = snapshot.cursor if after is None else min(max(after, 0), snapshot.cursor)
            if snapshot.cursor - cursor > REPLAY_MAX:
                cursor = snapshot.cursor
            yield snapshot_message(merchant, snapshot, cursor)
            today = snapshot.totals.wire()
            while cursor < snapshot.cursor:
                rows = await self._database.run(_stretch, merchant.pk, cursor, snapshot.cursor)
                for row in rows:
                    cursor = row.sequence
                    yield event(row, merchant, today)
                if not rows:
                    break
            while not subscription.dropped:
                sequence, told = await subscription.waiting.get()
                if isinstance(told, dict):  # not of the log: a terminal came or went
                    yield _encoded({**told, "cursor": cursor})
                elif sequence > cursor:
                    cursor = sequence
                    yield told
            metrics.dashboard_dropped()
            raise SlowDashboard
        finally:
            await self._unsubscribe(subscription)

    async def _subscribe(self, merchant: Merchant) -> tuple[Subscription, Snapshot]:
        async with self._reading:
            snapshot = await self._database.run(read_snapshot, merchant)
            feed = self._feeds.get(merchant.pk)
            subscription = Subscription(merchant, snapshot.cursor)
            if feed is not None:
                feed.subscriptions.add(subscription)
                return subscription, snapshot
            feed = self._feeds[merchant.pk] = _Feed(merchant, snapshot)
            feed.subscriptions.add(subscription)
        try:
            await layer().listen(merchant_group(merchant.pk), self._hear)
            await self._catch_up([merchant.pk])  # what was committed before the layer listened
        except BaseException:
            await self._unsubscribe(subscription)
            raise
        return subscription, snapshot

    async def _unsubscribe(self, subscription: Subscription) -> None:
        feed = self._feeds.get(subscription.merchant.pk)
        if feed is None:
            return
        feed.subscriptions.discard(subscription)
        if not feed.subscriptions:
            del self._feeds[subscription.merchant.pk]
            await layer().unlisten(merchant_group(subscription.merchant.pk))

    async def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "log.moved":
            await self._catch_up([message["merchant_id"]])
        elif message["type"] == "terminal.changed":
            await self._tell_terminal(message["terminal_id"])

    async def _look_around(self) -> None:
        """Now and then look for what no message told of: sales, and terminals whose process died."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                merchants = list(self._feeds)
                heads = await self._database.run(_heads, merchants)
                await self._catch_up([pk for pk, feed in self._feeds.items() if heads.get(pk, 0) > feed.head])
                for merchant_id, terminal in await self._database.run(_terminals, merchants):
                    if merchant_id in self._feeds:
                        self._feeds[merchant_id].show(terminal)
            except Exception:
                log.warning("the feed could not look into the log", exc_info=True)

    async def _catch_up(self, merchant_ids: list[int]) -> None:
        for merchant_id in merchant_ids:
            async with self._reading:
                while (feed := self._feeds.get(merchant_id)) is not None:
                    rows = await self._database.run(_stretch, merchant_id, feed.head, None)
                    if rows and (day := feed.day_after(rows)) != feed.totals.day:  # also after a clock was set back
                        feed.counted, feed.totals = await self._database.run(_totals, feed.merchant, day)
                    feed.take(rows)
                    if rows:
                        metrics.event_told((timezone.now() - rows[0].occurred_at).total_seconds())
                    if len(rows) < STRETCH_MAX:
                        break

    async def _tell_terminal(self, terminal_id: str) -> None:
        terminal = await self._database.run(Terminal.objects.filter(pk=terminal_id).first)
        feed = self._feeds.get(terminal.merchant_id) if terminal else None
        if feed is not None and terminal is not None:
            feed.show(_terminal(terminal))

    async def close(self) -> None:
        """Stop looking and give the database connection back."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self._database.close()


def event(row: Transaction, merchant: Merchant, today: dict[str, Any]) -> str:
    """The `transaction` message of one row of the log."""
    shown = transaction_object(row, merchant.zone)
    return _encoded({"type": "transaction", "cursor": row.sequence, "transaction": shown, "today": today})


def snapshot_message(merchant: Merchant, snapshot: Snapshot, cursor: int) -> str:
    """The `snapshot` message; `recent` holds nothing after the cursor."""
    return _encoded(
        {
            "type": "snapshot",
            "cursor": cursor,
            "merchant": {
                "name": merchant.name,
                "currency": merchant.currency,
                "time_zone": merchant.time_zone,
            },
            "today": snapshot.totals.wire(),
            "recent": [transaction_object(row, merchant.zone) for row in snapshot.recent if row.sequence <= cursor],
            "terminals": snapshot.terminals,
        }
    )


@contextlib.contextmanager
def one_state() -> Iterator[None]:
    """Reads inside see one state of the database, without taking SQLite's write lock."""
    if connection.in_atomic_block:
        yield  # a test's own transaction
    elif connection.vendor == "postgresql":
        with transaction.atomic():
            connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("COMMIT")


def read_snapshot(merchant: Merchant) -> Snapshot:
    """The merchant's day, newest transactions and terminals as of one cursor. A fixed number of statements."""
    now = timezone.now()
    with one_state():
        cursor = _heads([merchant.pk]).get(merchant.pk, 0)
        terminals = Terminal.objects.filter(merchant=merchant)
        return Snapshot(
            cursor=cursor,
            totals=selectors.day_totals(merchant, business_date(now, merchant.zone, merchant.day_cut_off_hour)),
            recent=selectors.recent(merchant, cursor),
            terminals=[_terminal(terminal) for terminal in terminals],
        )


def _terminal(terminal: Terminal) -> dict[str, str]:
    state = terminal.state_at(timezone.now())
    return {"id": str(terminal.id), "name": terminal.name, "state": state}


def _terminals(merchant_ids: list[int]) -> list[tuple[int, dict[str, str]]]:
    found = Terminal.objects.filter(merchant__in=merchant_ids)
    return [(terminal.merchant_id, _terminal(terminal)) for terminal in found]


def _heads(merchant_ids: list[int]) -> dict[int, int]:
    return dict(MerchantLog.objects.filter(merchant__in=merchant_ids).values_list("merchant_id", "sequence"))


def _totals(merchant: Merchant, day: date) -> tuple[int, DayTotals]:
    with one_state():
        return _heads([merchant.pk]).get(merchant.pk, 0), selectors.day_totals(merchant, day)


def _stretch(merchant_id: int, after: int, upto: int | None) -> list[Transaction]:
    rows = Transaction.objects.filter(merchant=merchant_id, sequence__gt=after)
    if upto is not None:
        rows = rows.filter(sequence__lte=upto)
    return list(selectors.with_names(rows).order_by("sequence")[:STRETCH_MAX])


def _encoded(message: dict[str, Any]) -> str:
    return orjson.dumps(message).decode()


hub = PerLoop(Hub)
