"""Every page and list over ten thousand transactions and over millions, side by side: is it as fast as on day one?

    python -m benchmarks.history                     # a million, two minutes
    python -m benchmarks.history --transactions 10000000 --json history.json

Loads each history into a PostgreSQL database of its own, proves its books, and times the reads of
`benchmarks.history_reads` in both, turn and turn about: the best of each, so that a busy neighbour counts for little.
Ten million transactions take 12 GB of disk and a quarter of an hour.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from typing import Any

from benchmarks.csv_export import loaded
from benchmarks.machine import Others, describe, services
from tests.databases import ROOT, environment, manage, new_database

SMALL = 10_000
ROUNDS = 3
PROOF_S_MAX = 3_600

Environment = dict[str, str]


def history_of(count: int, prove: bool, until: ExitStack) -> Environment:
    """The environment of a server over a history of so many transactions, which goes when `until` closes."""
    database = new_database("postgresql")
    until.callback(database.drop)
    folder = until.enter_context(tempfile.TemporaryDirectory(prefix="softpos-history-"))
    env = environment(DATABASE_URL=database.url, SOFTPOS_VAR_DIR=folder, SOFTPOS_LOG_LEVEL="WARNING")
    began_at = time.monotonic()
    loaded(env, count)
    print(f"{count:,} transactions loaded in {time.monotonic() - began_at:.0f} s", file=sys.stderr)
    if prove:
        began_at = time.monotonic()
        last = manage("check_ledger", env=env, seconds_max=PROOF_S_MAX).splitlines()[-1]
        print(f"{last} ({time.monotonic() - began_at:.0f} s)", file=sys.stderr)
    return env


def times(env: Environment) -> dict[str, float]:
    """Milliseconds by read."""
    command = [sys.executable, "-m", "benchmarks.history_reads"]
    finished = subprocess.run(command, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(finished.stdout)
    return found


def best(small: Environment, large: Environment) -> list[dict[str, float]]:
    """The least each read took over the small and over the large history."""
    found: list[list[dict[str, float]]] = [[], []]
    for _ in range(ROUNDS):
        for env, rounds in zip((small, large), found, strict=True):
            rounds.append(times(env))
    return [{name: min(one[name] for one in rounds) for name in rounds[0]} for rounds in found]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transactions", type=int, default=1_000_000)
    parser.add_argument("--no-proof", action="store_true", help="don't run check_ledger over the loaded books")
    parser.add_argument("--json", help="write what was measured to this file as well")
    arguments = parser.parse_args()
    others = Others()
    with services(), ExitStack() as until:
        counts = (SMALL, arguments.transactions)
        small, large = best(*(history_of(count, not arguments.no_proof, until) for count in counts))
        machine: dict[str, Any] = describe() | {"others_cores": round(others.cores(), 2)}
    print(f"{'ms':<30} {SMALL:>12,} {arguments.transactions:>12,}  ratio")
    for name, before in small.items():
        print(f"{name:<30} {before:>12.1f} {large[name]:>12.1f} {large[name] / before:>6.2f}")
    print(machine)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"small": small, "large": large, "machine": machine}, file, indent=2)


if __name__ == "__main__":
    main()
