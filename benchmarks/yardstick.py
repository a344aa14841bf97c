"""The yardstick: how many taps a second pgbench makes when each is one statement that does what the product does.

    python -m benchmarks.yardstick --seconds 10      # on a database of its own, its books proven at the end

The statement is `yardstick.sql`, run on the product's migrated schema with as many merchants and cards as the product's
run. It is given every advantage that costs nothing: prepared statements and the plan settings of the authoriser, the
merchant's rules as parameters (the product remembers them for a second), and clients that never touch each other's
cards, nor, with as many clients as merchants, each other's merchants.
"""

import argparse
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.load import percentile
from benchmarks.world import AMOUNT, Stall, World, prepare
from tests.databases import environment, manage, new_database

SQL = Path(__file__).with_name("yardstick.sql")
CLIENTS = (8, 16)
THREADS = 2
SAMPLED = 0.1  # of the latencies; writing down all of them would slow it down
# What `transactions.database_thread` tells the authoriser's connection.
SETTINGS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}


@dataclass(frozen=True, slots=True)
class Pace:
    """What one run of pgbench reached; latencies in milliseconds, from a sample."""

    clients: int
    taps_per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


def install(url: str) -> None:
    """Create the function in this database."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SQL.read_bytes())


def last_counter(url: str) -> int:
    """The highest counter any card has shown: the next run counts on from there."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT max(last_counter) FROM transactions_cardaccount").fetchone()
    assert row is not None
    return max(0, row[0])


def statement(world: World) -> str:
    """The one statement of a tap at till `:till` (from 1) of merchant `:stall` (from 1), with counter `:n`."""

    def listed(values: Iterable[object], kind: str, by: str) -> str:
        return f"('{{{','.join(map(str, values))}}}'::{kind}[])[:{by}]"

    def of_stall(read: Callable[[Stall], object], kind: str = "bigint") -> str:
        return listed(map(read, world.stalls), kind, "stall")

    first = int.from_bytes(world.purses[0].card.uid)
    stall = world.stalls[0]  # what is the same for all of them
    return "SELECT yardstick_tap({});".format(
        ", ".join(
            (
                of_stall(lambda stall: stall.merchant),
                "gen_random_uuid()",
                "gen_random_uuid()",
                str(AMOUNT),
                f"'{stall.currency}'",
                f"'0' || upper(to_hex({first - 1} + :till))",
                of_stall(lambda stall: stall.programme),
                str(stall.key_version),
                ":n",
                listed((phone.terminal for phone, _ in world.pairs()), "uuid", "till"),
                of_stall(lambda stall: stall.cashier.user),
                f"'{stall.currency}'",
                f"'{stall.zone}'",
                str(stall.cut_off_hour),
                of_stall(lambda stall: stall.settlement),
                of_stall(lambda stall: stall.fees),
                of_stall(lambda stall: stall.schedule),
                f"{stall.rate_ppm}, 0, 0, NULL",
                f"'{stall.fee_rule}'",
            )
        )
    )


def script(world: World) -> str:
    """pgbench's script: each client goes about its own tills at random; counters only ever go up."""
    return "\n".join(
        (
            r"\set n :n + 1",
            r"\set till 1 + :client_id + :clients * random(0, :tills / :clients - 1)",
            rf"\set stall 1 + (:till - 1) % {len(world.stalls)}",
            statement(world),
            "",
        )
    )


def run(url: str, world: World, *, clients: int, seconds: int) -> Pace:
    """One run of pgbench. Raises RuntimeError when a tap failed."""
    with tempfile.TemporaryDirectory(prefix="softpos-yardstick-") as folder:
        path = Path(folder) / "tap.sql"
        path.write_text(script(world))
        variables = {"n": last_counter(url), "clients": clients, "tills": len(world.purses)}
        command = ["pgbench", "--no-vacuum", "--protocol=prepared", f"--client={clients}", f"--jobs={THREADS}"]
        command += [f"--time={seconds}", f"--file={path}", "--log", f"--sampling-rate={SAMPLED}"]
        command += [f"--define={name}={value}" for name, value in variables.items()]
        finished = subprocess.run(
            [*command, url],
            cwd=folder,
            env=environment(PGOPTIONS=" ".join(f"-c {name}={value}" for name, value in SETTINGS.items())),
            text=True,
            capture_output=True,
            check=False,
        )
        told = re.search(r"^tps = ([\d.]+)", finished.stdout, re.MULTILINE)
        if finished.returncode or told is None or "aborted" in finished.stderr:
            raise RuntimeError(f"pgbench failed:\n{finished.stdout}{finished.stderr}")
        waits_ms = [int(line.split()[2]) / 1_000 for log in Path(folder).glob("pgbench_log.*") for line in log.open()]
    p50, p95, p99 = (percentile(waits_ms, share) for share in (0.50, 0.95, 0.99))
    return Pace(clients, float(told[1]), p50, p95, p99)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--merchants", type=int, default=8)
    parser.add_argument("--cards", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=10, help="for each number of clients")
    arguments = parser.parse_args()
    database = new_database("postgresql")
    try:
        with tempfile.TemporaryDirectory(prefix="softpos-yardstick-") as folder:
            env = environment(DATABASE_URL=database.url, SOFTPOS_VAR_DIR=folder, SOFTPOS_LOG_LEVEL="WARNING")
            world = prepare(env, merchants=arguments.merchants, cards=arguments.cards, terminals=arguments.cards)
            install(database.url)
            for clients in CLIENTS:
                pace = run(database.url, world, clients=clients, seconds=arguments.seconds)
                print(
                    f"{clients:>3} clients {pace.taps_per_s:8.0f} taps/s   "
                    f"p50 {pace.p50_ms:.2f}  p95 {pace.p95_ms:.2f}  p99 {pace.p99_ms:.2f} ms"
                )
            print(manage("check_ledger", env=env).splitlines()[-1])
    finally:
        database.drop()


if __name__ == "__main__":
    main()
