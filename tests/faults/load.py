"""Tills under load that honour the contract as the phone does, and the proof that nothing was lost or doubled.

A till sells one id after the other. It remembers what each id was answered, sends the same id again after every lost
connection and every `busy`, and gives an id up only when an outcome is known. Waiting is for things to happen, never
for time to pass; the deadlines are only there to end a test that hangs.
"""

import asyncio
import contextlib
import json
import random
import sqlite3
import uuid
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import psycopg
import websockets

from tests.clients import Till
from tests.faults.world import Chip, Shop
from tests.servers import RunningServer

AMOUNT = 1_00
TILLS = 8
ANSWER_WITHIN_S = 8  # as static/js/sale.js: then the till looks for another line
AGAIN_AFTER_S = 0.1
AGAIN_AFTER_S_MAX = 1.0  # a little later each time and not in step, as the phone
DEADLINE_S = 90
LOST = (OSError, TimeoutError, websockets.WebSocketException)

Outcome = dict[str, Any]


class _Line:
    """A WebSocket whose silence is a lost connection too."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket

    async def send(self, content: dict[str, Any] | str | bytes) -> None:
        await self.socket.send(json.dumps(content))

    async def receive(self) -> dict[str, Any]:
        return dict(json.loads(await asyncio.wait_for(self.socket.recv(), ANSWER_WITHIN_S)))


async def connect(node: str, path: str, token: str) -> websockets.ClientConnection:
    """A signed-in socket at a node (`ws://host:port`)."""
    return await websockets.connect(
        node + path, additional_headers={"Authorization": f"Token {token}"}, open_timeout=ANSWER_WITHIN_S, proxy=None
    )


class SellingTill:
    """A phone that sells to one card; moves on to the next node when it loses its line."""

    def __init__(self, shop: Shop, card: Chip, nodes: Sequence[str], first: int = 0) -> None:
        self.shop, self.card = shop, card
        self.nodes = list(nodes)
        self.at = first
        self.told: dict[str, Outcome] = {}  # by start id
        self.busy = 0  # times it was told so
        self.lost = 0  # lines it lost
        self._line: _Line | None = None

    async def sell_until(self, over: asyncio.Event, sold: asyncio.Condition) -> None:
        """One sale after the other."""
        while not over.is_set():
            await self.sell(str(uuid.uuid4()))
            async with sold:
                sold.notify_all()

    async def sell(self, start_id: str) -> Outcome:
        """The outcome of a sale, whatever it takes to learn it. Never two different ones."""
        tap: dict[str, Any] | None = None
        refused = 0  # times in a row
        start = {"type": "start", "id": start_id, "kind": "purchase", "amount": AMOUNT, "currency": "CNY"}
        message = start
        while True:
            try:
                answer = await self._ask(message)
            except LOST:
                await self.hang_up()
                self.lost += 1
                self.at += 1
                await asyncio.sleep(AGAIN_AFTER_S)
                message = start
                continue
            match answer:
                case {"type": "present_card"} | {"result": "try_again"}:
                    fresh = tap is None or answer["type"] == "outcome"
                    tap = {"type": "tap", "id": start_id, "tap": str(uuid.uuid4()), **self.card.tap()} if fresh else tap
                    assert tap is not None
                    message = tap
                case {"type": "error", "code": "busy"}:
                    self.busy += 1
                    refused += 1
                    await asyncio.sleep(min(AGAIN_AFTER_S_MAX, AGAIN_AFTER_S * 2**refused) * random.uniform(0.5, 1))
                    continue
                case {"type": "error", "code": "not_armed"}:
                    message = start
                case {"type": "outcome", "result": "approved" | "declined"}:
                    assert self.told.setdefault(start_id, answer) == answer, "told otherwise than before"
                    return answer
                case _:
                    raise AssertionError(f"a till can't go on after {answer}")
            refused = 0

    async def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        if self._line is None:
            node = self.nodes[self.at % len(self.nodes)]
            line = _Line(await connect(node, "/ws/terminal/", self.shop.cashier))
            self._line = line
            ready = await Till(line, self.shop.phone, self.shop.phone.enrolled_as).ready()
            assert ready["type"] == "ready", ready
        await self._line.send(message)
        while True:
            answer = await self._line.receive()
            if answer.get("id") == message["id"]:
                return answer

    async def hang_up(self) -> None:
        """Leave the line, if there is one."""
        line, self._line = self._line, None
        if line is not None:
            with contextlib.suppress(*LOST):
                await line.socket.close()


class Load:
    """Tills that sell for as long as the `async with` lasts; then `prove`.

    `cards`: one for each till, or fewer that they share in turn.
    """

    def __init__(self, shop: Shop, *nodes: str, tills: int = TILLS, cards: int | None = None) -> None:
        self.shop = shop
        self.cards = shop.cards[: cards or tills]
        self.tills = [SellingTill(shop, self.cards[n % len(self.cards)], nodes, n) for n in range(tills)]
        self._over = asyncio.Event()
        self._sold = asyncio.Condition()
        self._work: list[asyncio.Task[None]] = []

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """What all tills were told."""
        return {start_id: outcome for till in self.tills for start_id, outcome in till.told.items()}

    @property
    def busy(self) -> int:
        return sum(till.busy for till in self.tills)

    @property
    def lost(self) -> int:
        return sum(till.lost for till in self.tills)

    async def sold(self, each: int = 10) -> None:
        """Return when every till has come to know so many more outcomes."""
        wanted = {till: len(till.told) + each for till in self.tills}
        await self.until(lambda: all(len(till.told) >= wanted[till] for till in self.tills))

    async def until(self, holds: Any) -> None:
        """Return when `holds()`, which is asked after every sale and now and then; raises what broke a till."""
        async with asyncio.timeout(DEADLINE_S), self._sold:
            while not holds():
                for task in self._work:
                    if task.done():
                        task.result()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._sold.wait(), AGAIN_AFTER_S)

    async def __aenter__(self) -> Self:
        self._work = [asyncio.create_task(till.sell_until(self._over, self._sold)) for till in self.tills]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            for task in self._work:
                task.cancel()
        with contextlib.suppress(*([] if error is None else [BaseException])):
            await self.stop()
        for till in self.tills:
            await till.hang_up()

    async def stop(self) -> None:
        """Let every till come to know the outcome of what it began, and begin no more."""
        self._over.set()
        await asyncio.wait_for(asyncio.gather(*self._work), DEADLINE_S)

    async def prove(self, server: RunningServer) -> None:
        """No outcome lost, none doubled, the sequence without gaps, the books true. `server` runs."""
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.gather(*(self._ask_again(till, server) for till in self.tills))
        rows = read(
            server.database.url,
            "SELECT sequence, kind, status, start_id FROM transactions_transaction "
            f"WHERE merchant_id = {self.shop.pk} ORDER BY sequence",
        )
        assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
        stored = [(str(uuid.UUID(str(start_id))), status) for _, kind, status, start_id in rows if kind == "purchase"]
        assert sorted(stored) == sorted((start_id, told["result"]) for start_id, told in self.outcomes.items())
        for card in self.cards:
            sold = [till for till in self.tills if till.card is card]
            spent = sum(o["amount"] for till in sold for o in till.told.values() if o["result"] == "approved")
            assert balance(server.database.url, card) == card.balance - spent
        assert "The books are true." in await asyncio.to_thread(server.manage, "check_ledger")

    async def _ask_again(self, till: SellingTill, server: RunningServer) -> None:
        till.nodes = [server.ws_url]
        for start_id in list(till.told):
            await till.sell(start_id)
        await till.hang_up()


def read(url: str, statement: str) -> list[tuple[Any, ...]]:
    """What the database itself says."""
    if url.startswith("sqlite:///"):
        with contextlib.closing(sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True)) as file:
            return file.execute(statement).fetchall()
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement).fetchall()  # type: ignore[call-overload,no-any-return]


def balance(url: str, card: Chip) -> int:
    """What is on a card, in the database."""
    asked = (
        "SELECT balance FROM transactions_cardaccount a JOIN merchants_card c ON c.id = a.card_id WHERE c.uid = '{}'"
    )
    ((found,),) = read(url, asked.format(card.uid))
    return int(found)
