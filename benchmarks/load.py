"""Tills that sell over real WebSockets, and what was measured of them: seconds from tap to outcome.

Shares the server's cores, so it does as little as it can: no library between it and the socket but
`benchmarks.websocket`, one task per till, taps made by the kernel's virtual card. Every outcome is looked at.
"""

import asyncio
import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from benchmarks.websocket import Connection, connect
from benchmarks.world import AMOUNT, Phone, Purse, World
from softpos.kernel import records_to_json
from softpos.kernel.virtual_card import PADDING_BYTES

WARM_UP_S = 1.0
OPENING_AT_ONCE = 50


@dataclass(slots=True)
class Measured:
    """What one run saw after its warm-up: waits in seconds, outcomes by result."""

    seconds: float
    waits_s: list[float] = field(default_factory=list)
    results: dict[str, int] = field(default_factory=dict)
    late_s: list[float] = field(default_factory=list)  # how late a paced sale began: the generator's own fault

    @property
    def taps_per_s(self) -> float:
        """Outcomes a second."""
        return len(self.waits_s) / self.seconds

    def wait_ms(self, share: float) -> float:
        """The wait that `share` of the taps stayed under, milliseconds."""
        return percentile(self.waits_s, share) * 1_000

    def add(self, result: str, wait_s: float) -> None:
        """Note one outcome."""
        self.results[result] = self.results.get(result, 0) + 1
        self.waits_s.append(wait_s)

    def insist(self) -> None:
        """Raises RuntimeError unless every tap was approved: what is refused costs less, and isn't a tap sold."""
        if set(self.results) != {"approved"}:
            raise RuntimeError(f"not every tap was approved: {self.results}")


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of them don't exceed. Raises IndexError when there is none."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


class Till:
    """One phone's socket with its own card."""

    def __init__(self, url: str, phone: Phone, purse: Purse | None = None) -> None:
        self.url, self.phone = f"{url}/ws/terminal/", phone
        self.card = purse.card if purse else None
        self.socket: Connection

    async def open(self) -> None:
        """Connect and prove the terminal: afterwards it is ready to sell."""
        self.socket = await connect(self.url, {"Authorization": f"Token {self.phone.stall.cashier.token}"}, Connection)
        challenge = orjson.loads(await self.socket.receive())
        signature = self.phone.sign(challenge["nonce"])
        ready = await self._ask({"type": "hello", "terminal": self.phone.terminal, "signature": signature})
        if ready["type"] != "ready":
            raise RuntimeError(f"not let in: {ready}")

    async def sell(self) -> tuple[str, float]:
        """One sale: the result, and the seconds from tap to outcome."""
        assert self.card is not None
        start_id = str(uuid.uuid4())
        sale = {"type": "start", "id": start_id, "kind": "purchase", "amount": AMOUNT, "currency": "CNY"}
        armed = await self._ask(sale)
        if armed["type"] != "present_card":
            return str(armed.get("code", armed)), 0.0
        self.card, url = self.card.tap(os.urandom(PADDING_BYTES))
        tap = {
            "type": "tap",
            "id": start_id,
            "tap": str(uuid.uuid4()),
            "serial_number": self.card.serial_number,
            "records": records_to_json(self.card.records(url)),
        }
        tapped_at = time.perf_counter()
        outcome = await self._ask(tap)
        return str(outcome.get("result", outcome.get("code"))), time.perf_counter() - tapped_at

    async def _ask(self, content: dict[str, Any]) -> dict[str, Any]:
        self.socket.send(orjson.dumps(content))
        answer: dict[str, Any] = orjson.loads(await self.socket.receive())
        return answer


def tills_of(world: World, url: str) -> list[Till]:
    """One till for each card, each with a phone of its own as far as there are phones."""
    return [Till(url, phone, purse) for phone, purse in world.pairs()]


async def open_all(tills: Sequence[Till]) -> None:
    """Connect them, some at a time."""
    for first in range(0, len(tills), OPENING_AT_ONCE):
        await asyncio.gather(*(till.open() for till in tills[first : first + OPENING_AT_ONCE]))


def close_all(tills: Sequence[Till]) -> None:
    """Hang up."""
    for till in tills:
        till.socket.close()


async def sell(tills: Sequence[Till], seconds: float, rate: float | None = None) -> Measured:
    """Sell on every open till, as fast as it goes or paced at `rate` taps a second over all of them."""
    measured = Measured(seconds)
    opened_at = time.perf_counter()
    begin = opened_at + WARM_UP_S
    end = begin + seconds
    gap_s = len(tills) / rate if rate else 0.0

    async def selling(till: Till, offset_s: float) -> None:
        due = opened_at + offset_s
        while (now := time.perf_counter()) < end:
            if gap_s:
                await asyncio.sleep(max(0.0, due - now))
                if time.perf_counter() >= begin:
                    measured.late_s.append(time.perf_counter() - due)
                due += gap_s
            result, wait_s = await till.sell()
            if begin <= time.perf_counter() < end:
                measured.add(result, wait_s)

    await asyncio.gather(*(selling(till, gap_s * n / len(tills)) for n, till in enumerate(tills)))
    return measured
