"""`make bench`: everything that is measured of a running server, as tables, beside the targets.

    python -m benchmarks.suite                       # all of it, some ten minutes
    python -m benchmarks.suite --quick               # under three minutes, rougher
    python -m benchmarks.suite --only tap,feed       # some sections
    python -m benchmarks.suite --json now.json --against before.json
    python -m benchmarks.suite --compare HEAD~3      # the same at another commit first, then both side by side

Starts its own PostgreSQL and Redis, or uses those of DATABASE_URL and REDIS_URL. What each number means:
benchmarks/README.md.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import feed, memory, sales, slow_report, tables
from benchmarks.machine import describe, services
from benchmarks.rounds import patience
from tests.databases import ROOT

# What this suite needs beside the product, taken along to another commit.
OWN = ("benchmarks", "deploy", "tests/__init__.py", "tests/servers.py", "tests/services.py", "tests/databases.py")

QUICK = sales.Size(merchants=8, cards=200, slice_s=3, rounds=2, paced_s=4)
FULL = sales.Size(merchants=8, cards=200, slice_s=4, rounds=5, paced_s=6)

Section = Callable[[bool], dict[str, Any]]


def _size(quick: bool) -> sales.Size:
    return QUICK if quick else FULL


def _crowd(quick: bool) -> dict[str, int]:
    return {"dashboards": 200, "events": 60 if quick else 200, "turns": 1 if quick else 3}


SECTIONS: dict[str, Section] = {
    "tap": lambda quick: asyncio.run(sales.compare(_size(quick))),
    "report": lambda quick: asyncio.run(slow_report.compare(_size(quick), 100_000 if quick else 1_000_000)),
    "memory": lambda quick: memory.measure(200 if quick else 500),
    "feed_memory": lambda quick: feed.measure("memory", **_crowd(quick)),
    "feed_redis": lambda quick: feed.measure("redis", **_crowd(quick)),
}


def chosen(names: str) -> list[str]:
    """Sections whose name begins with one of these, comma-separated; all when there are none. Raises SystemExit."""
    wanted = [name for name in names.split(",") if name]
    unknown = [name for name in wanted if not any(section.startswith(name) for section in SECTIONS)]
    if unknown:
        raise SystemExit(f"No section {', '.join(unknown)}; there are: {', '.join(SECTIONS)}")
    return [name for name in SECTIONS if not wanted or any(name.startswith(want) for want in wanted)]


def measure(names: list[str], quick: bool) -> dict[str, Any]:
    """Run the sections, one after the other."""
    found: dict[str, Any] = {"machine": describe(), "quick": quick, "sections": {}}
    for name in names:
        began_at = time.monotonic()
        print(f"measuring {name} …", end=" ", file=sys.stderr, flush=True)
        found["sections"][name] = SECTIONS[name](quick)
        print(f"{time.monotonic() - began_at:.0f} s", file=sys.stderr, flush=True)
    return found


def at_commit(revision: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """The same measurements with the product of another commit: this suite over a copy of that tree."""
    with tempfile.TemporaryDirectory(prefix="softpos-bench-") as folder:
        tree, result = Path(folder) / "tree", Path(folder) / "result.json"
        tree.mkdir()
        archive = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", str(tree)], input=archive, check=True)
        for name in OWN:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-r", "-T", str(ROOT / name), str(tree / name)], check=True)
        command = [sys.executable, "-m", "benchmarks.suite", "--json", str(result), "--only", arguments.only]
        command += ["--quick"] if arguments.quick else [f"--patience={arguments.patience}"]
        print(f"--- at {revision} ---", file=sys.stderr)
        subprocess.run(command, cwd=tree, check=True, stdout=subprocess.DEVNULL)
        found: dict[str, Any] = json.loads(result.read_text())
    found["machine"]["commit"] = revision
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under three minutes")
    parser.add_argument("--only", default="", metavar="SECTIONS", help=f"of {','.join(SECTIONS)}")
    parser.add_argument("--json", metavar="FILE", help="write what was measured to this file as well")
    parser.add_argument(
        "--patience",
        type=float,
        default=0,
        metavar="S",
        help="wait so long, altogether, for other people's load to end",
    )
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--compare", metavar="REV", help="measure this commit too, first")
    other.add_argument("--against", metavar="FILE", help="beside what an earlier run wrote with --json")
    arguments = parser.parse_args()
    names = chosen(arguments.only)
    os.chdir(ROOT)
    # However it is ended, what it started ends with it: a signal becomes an exception, which closes everything.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))

    patience.seconds = arguments.patience
    patience.runs_per_round = 1 if arguments.quick else 3
    with services():
        before = at_commit(arguments.compare, arguments) if arguments.compare else None
        if arguments.against:
            before = json.loads(Path(arguments.against).read_text())
        found = measure(names, arguments.quick)
    print(tables.report(found))
    if before:
        print(tables.side_by_side(before, found))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
