"""Taps per second over real WebSockets, and how long a cashier waits from tap to outcome.

    python -m benchmarks.tap --cards 200 --seconds 10
    python -m benchmarks.tap --database postgresql --redis
    python -m benchmarks.tap --rate 300          # paced, for latencies without a queue

Starts its own Daphne over a database of its own. Every outcome is checked, the books are proven at the end
(`check_ledger`), and what is printed was measured in this run. `benchmarks.suite` compares it with pgbench.
"""

import argparse
import asyncio
import json
import os
import platform
import time
from typing import Any

from benchmarks.load import Measured, close_all, open_all, sell, tills_of
from benchmarks.machine import QUIET, cpu_seconds
from benchmarks.world import prepare
from tests.servers import RunningServer
from tests.services import find_services


async def run(server: RunningServer, arguments: argparse.Namespace) -> tuple[Measured, dict[str, float]]:
    """Sell; what was measured, and the CPU microseconds each side spent on a tap."""
    counts = {"merchants": arguments.merchants, "cards": arguments.cards, "terminals": arguments.terminals}
    tills = tills_of(prepare(server.env, **counts), server.ws_url)
    await open_all(tills)
    server_s, generator_s = cpu_seconds(server.pid), time.process_time()
    measured = await sell(tills, arguments.seconds, arguments.rate)
    taps = measured.taps_per_s * (arguments.seconds + 1)  # the warm-up's cost is in the seconds too
    spent = {
        "server": (cpu_seconds(server.pid) - server_s) / taps * 1e6,
        "generator": (time.process_time() - generator_s) / taps * 1e6,
    }
    close_all(tills)
    return measured, spent


def found(measured: Measured, spent: dict[str, float], arguments: argparse.Namespace) -> dict[str, Any]:
    """What is printed, by name."""
    return {
        "database": arguments.database,
        "layer": "redis" if arguments.redis else "in memory",
        "merchants": arguments.merchants,
        "sockets": arguments.cards,
        "rate_asked_per_s": arguments.rate,
        "seconds": arguments.seconds,
        "taps_per_s": round(measured.taps_per_s, 1),
        **{f"p{share}_ms": round(measured.wait_ms(share / 100), 2) for share in (50, 95, 99)},
        **{f"{side}_cpu_us_per_tap": round(spent_us) for side, spent_us in spent.items()},
        "results": measured.results,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--merchants", type=int, default=8)
    parser.add_argument("--cards", type=int, default=200, help="as many sockets sell, each with its own card")
    parser.add_argument("--terminals", type=int, default=200, help="phones that share the sockets")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=float, help="taps per second over all sockets; as fast as it goes when left out")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--redis", action="store_true", help="channel layer over Redis instead of in memory")
    parser.add_argument("--json", help="write what was measured to this file as well")
    arguments = parser.parse_args()

    redis_url = find_services().redis_url if arguments.redis else ""
    with RunningServer(database=arguments.database, redis_url=redis_url, demo=False, env=QUIET) as server:
        measured, spent = asyncio.run(run(server, arguments))
        result = found(measured, spent, arguments)
        for name, value in result.items():
            print(f"{name:>24}  {value}")
        print(server.manage("check_ledger").splitlines()[-1])
    measured.insist()
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(result, file, indent=2)


if __name__ == "__main__":
    main()
