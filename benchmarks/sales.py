"""Selling: the product against the yardstick in turns, then paced at a third of its maximum, then on SQLite.

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
    """One round: the yardstick with few clients, the product, the yardstick with many, the product again, SQLite."""

    paces: dict[int, yardstick.Pace]
    taken: list[Taken]
    sqlite: Taken


async def compare(size: Size) -> dict[str, Any]:
    """The whole section."""
    database = new_database("postgresql")
    try:
        async with shop("postgresql", size) as product, shop("sqlite", size) as small:
            env = {**product.server.env, "DATABASE_URL": database.url}
            world = prepare(env, merchants=size.merchants, cards=size.cards, terminals=size.cards)
            yardstick.install(database.url)
            before = batches(product.server)

            async def turn() -> Turn:
                paces, taken = {}, []
                for clients in yardstick.CLIENTS:
                    paces[clients] = await _pace(database.url, world, clients, size.slice_s)
                    taken.append(await at_maximum(product, size.slice_s))
                return Turn(paces, taken, await at_maximum(small, size.slice_s))

            turns = await rounds(size.rounds, turn)
            after = batches(product.server)
            found = _found(turns) | _of_batches(before, after)
            paced = await at_pace(product, size, found["taps_per_s"] * PACED_SHARE)
            found |= statements(env)
            prove(env)
    finally:
        database.drop()
    return found | paced


async def _pace(url: str, world: World, clients: int, seconds: int) -> yardstick.Pace:
    return await asyncio.to_thread(yardstick.run, url, world, clients=clients, seconds=seconds)


def _found(turns: list[Round[Turn]]) -> dict[str, Any]:
    taken = [taken for round_ in turns for taken in round_.result.taken]
    per_clients = {
        clients: median([round_.result.paces[clients].taps_per_s for round_ in turns]) for clients in yardstick.CLIENTS
    }
    best = max(per_clients, key=lambda clients: per_clients[clients])
    taps = median([each.measured.taps_per_s for each in taken])
    sqlite = median([round_.result.sqlite.measured.taps_per_s for round_ in turns])
    return {
        "pgbench_taps_per_s": round(per_clients[best]),
        "pgbench_clients": best,
        "pgbench_p99_ms": round(median([round_.result.paces[best].p99_ms for round_ in turns]), 1),
        "taps_per_s": round(taps),
        "ratio_to_pgbench": round(taps / per_clients[best], 2),
        **{
            f"p{share}_ms": round(median([each.measured.wait_ms(share / 100) for each in taken]), 1) for share in SHARES
        },
        "server_cpu_us_per_tap": round(median([each.server_us for each in taken])),
        "generator_cpu_us_per_tap": round(median([each.generator_us for each in taken])),
        "sqlite_taps_per_s": round(sqlite),
        "sqlite_p99_ms": round(median([round_.result.sqlite.measured.wait_ms(0.99) for round_ in turns]), 1),
        "postgresql_to_sqlite": round(taps / sqlite, 2),
        "rounds": len(turns),
        "others_cores": round(max(round_.others for round_ in turns), 2),
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
        **{f"paced_p{share}_ms": round(median([r.result.wait_ms(share / 100) for r in quiet]), 1) for share in SHARES},
        "paced_generator_late_p99_ms": round(median([percentile(r.result.late_s, 0.99) for r in quiet]) * 1_000, 1),
        "paced_others_cores": round(max(r.others for r in quiet), 2),
    }


def batches(server: RunningServer) -> tuple[float, float]:
    """Batches decided so far and the attempts in them: as the server says, else as commits the database counted."""
    told = ""
    with contextlib.suppress(HTTPError), urllib.request.urlopen(f"{server.url}/metrics") as answer:
        told = answer.read().decode()
    count, total = (re.search(rf"^softpos_batch_size_{part} (\S+)", told, re.MULTILINE) for part in ("count", "sum"))
    if count and total and float(count[1]):
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
