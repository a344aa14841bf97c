"""The CSV of a million transactions on PostgreSQL: how fast beside `psql \\copy`, in how much memory, at whose cost.

    python -m benchmarks.csv_export
    python -m benchmarks.csv_export --rows 200000 --json csv.json

Starts its own Daphne over a database of its own with a loaded history. `\\copy` writes the stored columns as they are,
ordered, which is less than the CSV of the protocol holds. Meanwhile cashiers sell on other sockets. At last a client
that reads slowly shows what the server keeps in memory for it.
"""

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from benchmarks.load import Measured, Till, close_all, open_all, sell, tills_of
from benchmarks.machine import Others, describe, memory_bytes, services
from benchmarks.world import prepare
from tests.databases import ROOT, new_database
from tests.servers import RunningServer

PATH = "/api/v1/transactions/export.csv?kind=all&status=all"
TILLS = 10
TAPS_PER_S = 100.0
SELLING_S = 6.0
SLOW_BYTES = 64 * 1024
SLOW_READS = 20
MIB = 1 << 20
COPY = "\\copy (SELECT * FROM transactions_transaction WHERE merchant_id = {} ORDER BY sequence) TO '/dev/null' CSV"


def loaded(env: Mapping[str, str], count: int) -> dict[str, Any]:
    """A merchant with so many transactions in the database of this environment: what `history_load` printed."""
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.history_load", str(count)],
        cwd=ROOT,
        env=dict(env),
        text=True,
        capture_output=True,
        check=False,
    )
    if finished.returncode:
        raise RuntimeError(f"no history:\n{finished.stderr}")
    made: dict[str, Any] = json.loads(finished.stdout)
    return made


@dataclass(frozen=True, slots=True)
class Download:
    """One file as its client saw it."""

    rows: int
    size: int
    first_byte_s: float
    seconds: float


def download(url: str, token: str, slowly: bool = False) -> Download:
    """Fetch the CSV by a bare socket, which costs least. `slowly`: some blocks at ten a second, then hang up."""
    host = urlsplit(url).netloc
    asked_at = time.perf_counter()
    with socket.create_connection(tuple(host.rsplit(":", 1))) as line:  # type: ignore[arg-type]
        if slowly:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BYTES)
        head = f"GET {PATH} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Token {token}\r\n\r\n"
        line.sendall(head.encode())
        received = line.recv(MIB)
        first_byte_s, size = time.perf_counter() - asked_at, 0
        rows = -received.partition(b"\r\n\r\n")[0].count(b"\n") - 3  # without the answer's head and the header row
        if not received.startswith((b"HTTP/1.0 200", b"HTTP/1.1 200")):
            raise RuntimeError(f"no file: {received[:200]!r}")
        while received and (not slowly or size < SLOW_READS * SLOW_BYTES):
            rows += received.count(b"\n")  # the loaded notes have none
            size += len(received)
            if slowly:
                time.sleep(0.1)
            received = line.recv(SLOW_BYTES if slowly else MIB)
    return Download(rows, size, first_byte_s, time.perf_counter() - asked_at)


class Peak:
    """The most memory a process held while this was open, bytes."""

    def __init__(self, pid: int) -> None:
        self._pid, self.bytes = pid, memory_bytes(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.bytes = max(self.bytes, memory_bytes(self._pid))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        self._thread.join()


def copied_s(database_url: str, merchant: int) -> float:
    """How long `psql` takes for the stored columns."""
    began_at = time.perf_counter()
    subprocess.run(["psql", database_url, "-qc", COPY.format(merchant)], check=True)
    return time.perf_counter() - began_at


async def selling_beside(tills: list[Till], fetch: Any = None) -> tuple[Measured, list[Download]]:
    """Sell at a pace, and while it lasts fetch one file after the other, if any."""
    fetched: list[Download] = []
    over = False

    async def fetching() -> None:
        while not over:
            fetched.append(await fetch())

    task = asyncio.create_task(fetching()) if fetch else None
    measured = await sell(tills, SELLING_S, TAPS_PER_S)
    over = True
    if task:
        await task
    return measured, fetched


async def beside_taps(server: RunningServer, token: str, clients: ProcessPoolExecutor) -> dict[str, Measured]:
    """The waits of taps, first alone, then beside exports."""
    tills = tills_of(prepare(server.env, merchants=1, cards=TILLS, terminals=TILLS), server.ws_url)
    await open_all(tills)
    loop = asyncio.get_running_loop()
    alone, _ = await selling_beside(tills)
    beside, _ = await selling_beside(tills, lambda: loop.run_in_executor(clients, download, server.url, token))
    close_all(tills)
    return {"alone": alone, "beside": beside}


def measure(rows: int, rounds: int) -> dict[str, Any]:
    """Everything, by name."""
    database = new_database("postgresql")
    try:
        with (
            ProcessPoolExecutor(1) as clients,
            RunningServer(database=database, redis_url="", demo=False) as server,
        ):
            made = loaded(server.env, rows)
            fetch = lambda slowly=False: clients.submit(download, server.url, made["token"], slowly).result()  # noqa: E731
            resting = memory_bytes(server.pid)
            files, copies = [], []
            with Peak(server.pid) as peak:
                for _ in range(rounds):
                    files.append(fetch())
                    copies.append(copied_s(database.url, made["merchant"]))
            if {file.rows for file in files} != {rows}:
                raise RuntimeError(f"not every row came: {files}")
            with Peak(server.pid) as slow_peak:
                fetch(slowly=True)
            taps = asyncio.run(beside_taps(server, made["token"], clients))
            books = server.manage("check_ledger").splitlines()[-1]
    finally:
        database.drop()
    csv_s, copy_s = statistics.median(file.seconds for file in files), statistics.median(copies)
    return {
        "rows": rows,
        "file_mib": round(files[0].size / MIB),
        "csv_rows_per_s": round(rows / csv_s),
        "copy_rows_per_s": round(rows / copy_s),
        "ratio": round(copy_s / csv_s, 2),
        "first_byte_ms": round(max(file.first_byte_s for file in files) * 1_000),
        "server_resting_mib": round(resting / MIB),
        "server_peak_mib": round(peak.bytes / MIB),
        "peak_with_a_slow_client_mib": round(slow_peak.bytes / MIB),
        **{
            f"taps_{name}_{what}_ms": round(measured.wait_ms(share), 1)
            for name, measured in taps.items()
            for what, share in (("p50", 0.5), ("p99", 0.99))
        },
        "taps_per_s": round(taps["beside"].taps_per_s),
        "books": books,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="files and copies in turn; the median is printed")
    parser.add_argument("--json", help="write what was measured to this file as well")
    arguments = parser.parse_args()
    others = Others()
    with services():
        found = measure(arguments.rows, arguments.rounds) | {"others_cores": round(others.cores(), 2)}
        found["machine"] = describe()
    for name, value in found.items():
        print(f"{name:>28}  {value}")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(found, file, indent=2)


if __name__ == "__main__":
    main()
