"""What a cashier feels of a report: paced taps alone, and beside one that never ends.

The reports are those of a merchant with a long history: its whole CSV, and its summary by hour over all its days, each
asked for again as soon as it came. Their client is a process of its own, so that only the server is disturbed.

    python -m benchmarks.slow_report URL TOKEN       # that client
"""

import asyncio
import sys
from asyncio.subprocess import PIPE
from statistics import median
from typing import Any

from benchmarks.csv_export import loaded
from benchmarks.load import Measured, Till, close_all, open_all, sell, tills_of
from benchmarks.machine import QUIET
from benchmarks.rounds import rounds
from benchmarks.sales import PACED_SHARE, Shop, Size, at_maximum
from benchmarks.world import prepare
from tests.databases import ROOT
from tests.servers import RunningServer

REPORTS = {"csv": "/api/v1/transactions/export.csv?kind=all&status=all", "summary": "/api/v1/summary/?by=hour"}
BLOCK = 1 << 20


async def compare(size: Size, transactions: int) -> dict[str, Any]:
    """Waits of paced taps alone and beside each report."""
    with RunningServer(database="postgresql", redis_url="", demo=False, env=QUIET) as server:
        past = loaded(server.env, transactions)
        world = prepare(server.env, merchants=size.merchants, cards=size.cards, terminals=size.cards)
        tills = tills_of(world, server.ws_url)
        await open_all(tills)
        most = await at_maximum(Shop(server, tills), size.slice_s)
        rate = most.measured.taps_per_s * PACED_SHARE
        period = f"&from={past['first_day']}&to={past['last_day']}"

        async def turn() -> dict[str, float]:
            found = _waits("alone", await sell(tills, size.paced_s, rate))
            for name, path in REPORTS.items():
                found |= await _beside(name, server.url + path + period, past["token"], tills, size, rate)
            return found

        turns = await rounds(size.rounds, turn)
        close_all(tills)
    return {
        "rows": transactions,
        "taps_per_s": round(rate),
        **{name: round(median(each.result[name] for each in turns), 1) for name in turns[0].result},
        "rounds": len(turns),
        "others_cores": round(max(each.others for each in turns), 2),
    }


async def _beside(name: str, url: str, token: str, tills: list[Till], size: Size, rate: float) -> dict[str, float]:
    reader = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.slow_report", url, token), cwd=ROOT, stdin=PIPE, stdout=PIPE
    )
    try:
        measured = await sell(tills, size.paced_s, rate)
    finally:
        told, _ = await reader.communicate(b"stop\n")
    reports, size_bytes = (int(word) for word in told.split())
    if not size_bytes:
        raise RuntimeError(f"no {name} came")
    return _waits(name, measured) | {f"{name}_reports": reports, f"{name}_mib_read": size_bytes / BLOCK}


def _waits(name: str, measured: Measured) -> dict[str, float]:
    measured.insist()
    return {f"{name}_p{share}_ms": measured.wait_ms(share / 100) for share in (50, 99)}


def read_on(url: str, token: str) -> None:
    """Read the report again and again until something comes on standard input; then say how often and how much."""
    import select
    import urllib.request

    request = urllib.request.Request(url, headers={"Authorization": f"Token {token}"})
    reports = size = 0
    over = False
    while not over:
        with urllib.request.urlopen(request) as answer:
            while not over and (block := answer.read(BLOCK)):
                size += len(block)
                over = bool(select.select([sys.stdin], [], [], 0)[0])
        reports += 1
        over = over or bool(select.select([sys.stdin], [], [], 0)[0])
    print(reports, size)


if __name__ == "__main__":
    read_on(*sys.argv[1:3])
