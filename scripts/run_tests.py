"""`make test`: every test, each on what it is for, and at the end what ran and what did not.

1. everything but the browser on SQLite and the in-memory channel layer;
2. the browser, in a process of its own (Playwright's loop and the asynchronous tests do not share one);
3. everything that has a database again, on PostgreSQL and Redis.

`--fast`: the first, less what is slow. `--browser`: the second. Further arguments go to pytest.
SOFTPOS_REQUIRE_SERVICES=1 makes it a failure that the third could not run; CI sets it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.packages import install_debian_package
from tests.browser.harness.chromium import chromium_path
from tests.databases import ROOT, environment
from tests.services import find_services

# As many as there are cores; each worker has its own database.
PARALLEL = ("-n", "auto")
# A test that hangs shows where and fails, instead of keeping everybody waiting.
NO_HANGING = ("-o", "faulthandler_timeout=180", "-o", "faulthandler_exit_on_timeout=true")


@dataclass(frozen=True)
class Run:
    """One call of pytest and how it ended: `why` is empty when it passed."""

    name: str
    seconds: float
    why: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--fast", action="store_true", help="no browser, no services, nothing slow")
    only.add_argument("--browser", action="store_true", help="only the tests that drive Chromium")
    only.add_argument("--long", action="store_true", help="only the faults: processes and services killed for real")
    options, rest = parser.parse_known_args()
    started = time.monotonic()
    if options.fast:
        runs = [on_sqlite(["-m", "not browser and not services and not slow", *rest])]
    elif options.browser:
        runs = [in_the_browser(rest)]
    elif options.long:
        runs = [with_faults(rest)]
    else:
        runs = [
            on_sqlite(["-m", "not browser and not services and not faults", *rest]),
            in_the_browser(rest),
            on_postgresql(rest),
        ]
    return report(runs, time.monotonic() - started)


def on_sqlite(arguments: Sequence[str]) -> Run:
    return pytest("SQLite", [*PARALLEL, "--ignore=tests/browser", *arguments], environment())


def in_the_browser(arguments: Sequence[str]) -> Run:
    if chromium_path() is None:
        install_debian_package("chromium", "the browser tests need Chromium (CHROMIUM=… says where another one is)")
        chromium_path.cache_clear()
    if chromium_path() is None:
        return Run("Browser", 0, "did NOT run: Chromium is missing, see above")
    return pytest("Browser", ["tests/browser", *arguments], environment())


def with_faults(arguments: Sequence[str]) -> Run:
    if not any(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")):
        install_debian_package("faketime", "the test that sets the clock back needs libfaketime")
    return pytest("Faults", ["tests/faults", *arguments], environment())


def on_postgresql(arguments: Sequence[str]) -> Run:
    name = "PostgreSQL and Redis"
    services = find_services()
    if services.missing:
        return Run(name, 0, "did NOT run: " + "; ".join(services.missing))
    env = environment(DATABASE_URL=services.database_url, REDIS_URL=services.redis_url)
    # The kernel knows no database: once is enough for it.
    left_out = ["--ignore=tests/browser", "--ignore=tests/kernel"]
    return pytest(name, [*PARALLEL, *left_out, "-m", "not browser and not faults", *arguments], env)


def pytest(name: str, arguments: Sequence[str], env: Mapping[str, str]) -> Run:
    print(f"\n=== {name} ===", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="softpos-tests-") as folder:
        code = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *NO_HANGING, *arguments],
            cwd=ROOT,
            env={**env, "SOFTPOS_VAR_DIR": folder, "PYTEST_PLUGINS": "tests.workers"},
            check=False,
        ).returncode
    return Run(name, time.monotonic() - started, f"FAILED (pytest's exit code {code})" if code else "")


def report(runs: Sequence[Run], seconds: float) -> int:
    print("\n=== What ran ===")
    for run in runs:
        print(f"  {run.name:<22} {run.why or f'passed in {run.seconds:.0f} s'}")
    print(f"  {'altogether':<22} {seconds:.0f} s", flush=True)
    required = os.environ.get("SOFTPOS_REQUIRE_SERVICES") == "1"
    left_out = [run for run in runs if run.name.startswith("PostgreSQL") and "did NOT run" in run.why]
    if left_out and not required:
        print(f"\n  PostgreSQL tests did NOT run{left_out[0].why.removeprefix('did NOT run')}")
        print("  Start both, or name them in DATABASE_URL and REDIS_URL, and call `make test` again.")
        runs = [run for run in runs if run not in left_out]
    return 1 if any(run.why for run in runs) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
