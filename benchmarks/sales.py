"""Selling: the product and the yardstick in turns, then it and itself on SQLite, then paced at a third of its maximum.

All of it in one run on the same cores, PostgreSQL and the load generator among them: ratios travel, figures don't.
"""

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any
from urllib.error import HTTPError

import psycopg

from benchmarks import yardstick
from benchmarks.load import Measured, Till, close_all, open_all, percentile, sell, tills_of
from benchmarks.machine import QUIET, cpu_seconds
from benchmarks.rounds import Round, rounds
from benchmarks.world import World, prepare
from tests.databases import ROOT, manage, new_database
from tests.servers import RunningServer

PACED_SHARE = 1 / 3
SHARES = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    merchants: int
    cards: int
    slice_s: int
    rounds: int
    paced_s: int


@dataclass(frozen=True, slots=True)
class Shop:
    """A server with open tills."""

    server: RunningServer
    tills: list[Till]


@contextlib.asynccontextmanager
async def shop(database: str, size: Size, redis_url: str = "") -> AsyncIterator[Shop]:
    """A server of its own with every till open; its books are proven at the end."""
    with RunningServer(database=database, redis_url=redis_url, demo=False, env=QUIET) as server:
        world = prepare(server.env, merchants=size.merchants, cards=size.cards, terminals=size.cards)
        tills = tills_of(world, server.ws_url)
        await open_all(tills)
        yield Shop(server, tills)
        close_all(tills)
        prove(server.env)


def prove(env: dict[str, str]) -> None:
    """Raises `CommandFailed` unless the books are true: what is fast and wrong isn't measured."""
    manage("check_ledger", env=env, seconds_max=600)


@dataclass(frozen=True, slots=True)
class Taken:
    """One slice of a server at its maximum: what it sold, and what a tap cost in CPU microseconds."""

    measured: Measured
    server_us: float
    generator_us: float


async def at_maximum(of: Shop, seconds: float) -> Taken:
    """Sell as fast as it goes."""
    began_at, server_s, generator_s = time.perf_counter(), cpu_seconds(of.server.pid), time.process_time()
    measured = await sell(of.tills, seconds)
    measured.insist()
    taps = measured.taps_per_s * (time.perf_counter() - began_at)  # the warm-up's are paid for too
    return Taken(
        measured,
        (cpu_seconds(of.server.pid) - server_s) / taps * 1e6,
        (time.process_time() - generator_s) / taps * 1e6,
    )


@dataclass(frozen=True, slots=True)
class Turn:
    """One round: somebody else's slice, and right after it the product's."""

    pace: yardstick.Pace | None
    other: Taken | None
    product: Taken

    @property
    def times(self) -> float:
        """The product's taps per second as a multiple of the other's."""
        other = self.pace.taps_per_s if self.pace else self.other.measured.taps_per_s if self.other else 0.0
        return self.product.measured.taps_per_s / other


async def compare(size: Size) -> dict[str, Any]:
    """The whole section."""
    database = new_database("postgresql")
    try:
        async with shop("postgresql", size) as product, shop("sqlite", size) as small:
            env = {**product.server.env, "DATABASE_URL": database.url}
            world = prepare(env, merchants=size.merchants, cards=size.cards, terminals=size.cards)
            yardstick.install(database.url)
            before = batches(product.server)
            beside_pgbench = {
                clients: await rounds(
                    size.rounds, partial(_beside_pgbench, database.url, world, clients, product, size)
                )
                for clients in yardstick.CLIENTS
            }
            beside_sqlite = await rounds(size.rounds, partial(_beside_sqlite, small, product, size))
            found = _found(beside_pgbench, beside_sqlite) | _of_batches(before, batches(product.server))
            paced = await at_pace(product, size, found["taps_per_s"] * PACED_SHARE)
            found |= statements(env)
            prove(env)
    finally:
        database.drop()
    return found | paced


async def _beside_pgbench(url: str, world: World, clients: int, product: Shop, size: Size) -> Turn:
    pace = await asyncio.to_thread(yardstick.run, url, world, clients=clients, seconds=size.slice_s)
    return Turn(pace, None, await at_maximum(product, size.slice_s))


async def _beside_sqlite(small: Shop, product: Shop, size: Size) -> Turn:
    return Turn(None, await at_maximum(small, size.slice_s), await at_maximum(product, size.slice_s))


def _found(beside_pgbench: dict[int, list[Round[Turn]]], beside_sqlite: list[Round[Turn]]) -> dict[str, Any]:
    ratios = {clients: median(each.result.times for each in turns) for clients, turns in beside_pgbench.items()}
    best = min(ratios, key=lambda clients: ratios[clients])  # pgbench's better number of clients
    turns = beside_pgbench[best]
    paces = [each.result.pace for each in turns if each.result.pace]
    product = [each.result.product for each in turns]
    small = [each.result.other.measured for each in beside_sqlite if each.result.other]
    every = [*turns, *beside_sqlite]
    return {
        "pgbench_taps_per_s": round(median(pace.taps_per_s for pace in paces)),
        "pgbench_clients": best,
        "pgbench_p99_ms": round(median(pace.p99_ms for pace in paces), 1),
        "taps_per_s": round(median(taken.measured.taps_per_s for taken in product)),
        "ratio_to_pgbench": round(ratios[best], 2),
        "ratios_of_the_rounds": " ".join(f"{each.result.times:.2f}" for each in turns),
        **{
            f"p{share}_ms": round(median(each.measured.wait_ms(share / 100) for each in product), 1) for share in SHARES
        },
        "server_cpu_us_per_tap": round(median(taken.server_us for taken in product)),
        "generator_cpu_us_per_tap": round(median(taken.generator_us for taken in product)),
        "sqlite_taps_per_s": round(median(measured.taps_per_s for measured in small)),
        "sqlite_p99_ms": round(median(measured.wait_ms(0.99) for measured in small), 1),
        "postgresql_to_sqlite": round(median(each.result.times for each in beside_sqlite), 2),
        "rounds": len(turns),
        "others_cores": round(max(each.others for each in every), 2),
    }


async def at_pace(of: Shop, size: Size, rate: float) -> dict[str, Any]:
    """The waits when nobody is in a hurry."""

    async def one() -> Measured:
        measured = await sell(of.tills, size.paced_s, rate)
        measured.insist()
        return measured

    quiet = await rounds(size.rounds, one)
    return {
        "paced_taps_per_s": round(rate),
        **{f"paced_p{share}_ms": round(median(r.result.wait_ms(share / 100) for r in quiet), 1) for share in SHARES},
        "paced_generator_late_p99_ms": round(median(percentile(r.result.late_s, 0.99) for r in quiet) * 1_000, 1),
        "paced_others_cores": round(max(r.others for r in quiet), 2),
    }


def batches(server: RunningServer) -> tuple[float, float]:
    """Batches decided so far and the attempts in them: as the server says, else as commits the database counted."""
    told = ""
    with contextlib.suppress(HTTPError), urllib.request.urlopen(f"{server.url}/metrics") as answer:
        told = answer.read().decode()
    count, total = (re.search(rf"^softpos_batch_size_{part} (\S+)", told, re.MULTILINE) for part in ("count", "sum"))
    if count and total:  # from the first batch on: the two ways count from different beginnings
        return float(count[1]), float(total[1])
    with psycopg.connect(server.database.url) as connection:
        row = connection.execute(
            "SELECT xact_commit, (SELECT sum(sequence) FROM transactions_merchantlog) FROM pg_stat_database "
            "WHERE datname = current_database()"
        ).fetchone()
    assert row is not None
    return float(row[0]), float(row[1] or 0)


def statements(env: dict[str, str]) -> dict[str, Any]:
    """How many statements a batch costs, counted in a process of its own on this database."""
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.statements"], cwd=ROOT, env=env, check=True, capture_output=True, text=True
    )
    counted = list(json.loads(finished.stdout).values())
    return {"statements_per_batch": counted[-1], "statements_of_a_lone_tap": counted[0]}


def _of_batches(before: tuple[float, float], after: tuple[float, float]) -> dict[str, Any]:
    return {"taps_per_batch": round((after[1] - before[1]) / max(1.0, after[0] - before[0]), 1)}
