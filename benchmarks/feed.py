"""One sale and two hundred dashboards: how long until the last of them has it.

Sales come one at a time, so that nothing but the fan-out is measured. The clock starts when the tap is sent (what a
cashier's hand did) and, as a second figure, when the phone has its outcome (the money is committed).
"""

import asyncio
import time
from statistics import median
from typing import Any, NamedTuple

from benchmarks.load import Till, close_all, open_all, percentile
from benchmarks.machine import QUIET
from benchmarks.rounds import Round, rounds
from benchmarks.websocket import Connection, connect
from benchmarks.world import Stall, prepare
from tests.servers import RunningServer
from tests.services import find_services

OPENING_AT_ONCE = 20
GAP_S = 0.05  # between sales
WARMING_UP = 10  # sales
EVENT = b'{"type":"transaction"'
WAIT_S_MAX = 10.0


class Crowd:
    """Dashboards that only note when an event has reached all of them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._missing = 0
        self._complete: asyncio.Future[float]

    def expect(self) -> asyncio.Future[float]:
        """Resolves to the time at which the last one had the next event."""
        assert not self._missing, "one event at a time"
        self._missing = self.size
        self._complete = asyncio.get_running_loop().create_future()
        return self._complete

    def saw(self, payload: bytes) -> None:
        """Called for every message to any of them."""
        if payload.startswith(EVENT):
            self._missing -= 1
            if not self._missing:
                self._complete.set_result(time.perf_counter())


class Dashboard(Connection):
    """A dashboard's socket; tells its crowd instead of keeping messages."""

    crowd: Crowd | None = None

    def arrived(self, payload: bytes) -> None:
        if self.crowd is None:
            super().arrived(payload)
        else:
            self.crowd.saw(payload)


async def _dashboards(url: str, stall: Stall, size: int) -> tuple[Crowd, list[Dashboard]]:
    crowd = Crowd(size)

    async def opened() -> Dashboard:
        headers = {"Authorization": f"Token {stall.owner.token}"}
        dashboard = await connect(f"{url}/ws/dashboard/", headers, Dashboard)
        await dashboard.receive()  # the snapshot
        dashboard.crowd = crowd
        return dashboard

    made: list[Dashboard] = []
    while len(made) < size:
        at_once = min(OPENING_AT_ONCE, size - len(made))
        made += await asyncio.gather(*(opened() for _ in range(at_once)))
    return crowd, made


class Fanned(NamedTuple):
    """Seconds until the last dashboard had each event."""

    last_of_all: list[float]  # since the tap was sent
    after_the_outcome: list[float]  # since the phone had its outcome


async def _sell(till: Till, crowd: Crowd, events: int) -> Fanned:
    fanned = Fanned([], [])
    for _ in range(events):
        complete = crowd.expect()
        result, wait_s = await till.sell()
        told_at = time.perf_counter()
        if result != "approved":
            raise RuntimeError(f"not sold: {result}")
        complete_at = await asyncio.wait_for(complete, WAIT_S_MAX)
        fanned.last_of_all.append(complete_at - told_at + wait_s)
        fanned.after_the_outcome.append(max(0.0, complete_at - told_at))
        await asyncio.sleep(GAP_S)
    return fanned


def measure(layer: str, *, dashboards: int, events: int, turns: int) -> dict[str, Any]:
    """On this channel layer: "memory" or "redis"."""
    redis_url = find_services().redis_url if layer == "redis" else ""
    with RunningServer(database="postgresql", redis_url=redis_url, demo=False, env=QUIET) as server:
        world = prepare(server.env, merchants=1, cards=1, terminals=1)
        till = Till(server.ws_url, world.phones[0], world.purses[0])

        async def run() -> list[Round[Fanned]]:
            await open_all([till])
            crowd, opened = await _dashboards(server.ws_url, till.phone.stall, dashboards)
            await _sell(till, crowd, WARMING_UP)
            done = await rounds(turns, lambda: _sell(till, crowd, events))
            close_all([till])
            for dashboard in opened:
                dashboard.close()
            return done

        done = asyncio.run(run())
    found: dict[str, Any] = {"dashboards": dashboards, "events": events * len(done)}
    for share in (50, 99):
        for name in Fanned._fields:
            each = [percentile(getattr(turn.result, name), share / 100) for turn in done]
            found[f"{name}_p{share}_ms"] = round(median(each) * 1_000, 1)
    return found | {"others_cores": round(max(turn.others for turn in done), 2)}
