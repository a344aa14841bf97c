"""What a benchmark runs on: its own PostgreSQL and Redis or the ones given, and who else uses the machine.

With `DATABASE_URL` (PostgreSQL's) and `REDIS_URL` set, those are used. Else both are started from Debian's packages
over temporary folders; where their programs are missing, the machine's standard ports are asked.
"""

import atexit
import contextlib
import os
import platform
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.clusters import PostgresCluster, RedisServer, postgresql_programs
from tests import databases
from tests.services import find_services, postgresql_url, without_password

# For servers under load: no line per socket, and their metrics for us to read.
QUIET = {"SOFTPOS_LOG_LEVEL": "WARNING", "SOFTPOS_METRICS_FROM": "127.0.0.1"}
CLOCK_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Services:
    """Where both answer; `started` names what is ours."""

    database_url: str
    redis_url: str
    started: tuple[str, ...]


@contextlib.contextmanager
def services() -> Iterator[Services]:
    """PostgreSQL and Redis; `DATABASE_URL` and `REDIS_URL` name them inside, for whatever starts servers."""
    before = {name: os.environ.get(name) for name in ("DATABASE_URL", "REDIS_URL")}
    started: list[str] = []
    with contextlib.ExitStack() as stack:
        if not (before["DATABASE_URL"] or "").startswith("postgres"):
            with contextlib.suppress(RuntimeError):
                postgresql_programs()
                cluster = stack.enter_context(PostgresCluster(settings={"shared_buffers": "128MB"}))
                os.environ["DATABASE_URL"] = cluster.url("softpos")
                started.append("PostgreSQL")
        if not before["REDIS_URL"]:
            with contextlib.suppress(FileNotFoundError):
                os.environ["REDIS_URL"] = stack.enter_context(RedisServer()).url
                started.append("Redis")
        found = find_services()
        if found.missing:
            raise SystemExit("Missing: " + "; ".join(found.missing))
        os.environ |= {"DATABASE_URL": found.database_url, "REDIS_URL": found.redis_url}
        try:
            yield Services(found.database_url, found.redis_url, tuple(started))
        finally:
            if "PostgreSQL" in started:  # it takes its databases along: nothing is left to drop when we end
                atexit.unregister(databases._drop_postgresql)
                databases._postgresql_template.cache_clear()
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def describe() -> dict[str, str]:
    """The machine, and the versions that matter."""
    names = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = next((line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "0")
    return {
        "cores": str(os.cpu_count()),
        "processor": names[0] if names else platform.machine(),
        "memory": f"{int(memory) / 1024 / 1024:.0f} GiB",
        "python": platform.python_version(),
        "pgbench": _first_line("pgbench", "--version"),
        "postgresql": without_password(postgresql_url()),
        "commit": _first_line("git", "describe", "--always", "--dirty"),
        "at": time.strftime("%Y-%m-%d %H:%M %Z"),
    }


class Others:
    """CPU that neither we nor our children used: other people's load on a shared machine, in cores.

    Counts what is ours by session: everything started here descends from this process.
    """

    def __init__(self) -> None:
        self._at, self._all, self._own = time.monotonic(), _busy_s(), _own_s()

    def cores(self) -> float:
        """Since this object was made."""
        others = (_busy_s() - self._all) - (_own_s() - self._own)
        return max(0.0, others / (time.monotonic() - self._at))


def cpu_seconds(pid: int) -> float:
    """User and system time of the process, with what its ended children used (proc(5), fields 14 to 17 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / CLOCK_TICKS_PER_S


def memory_bytes(pid: int) -> int:
    """Resident memory of the process."""
    sizes = dict(line.split(":", 1) for line in _lines(f"/proc/{pid}/status") if ":" in line)
    return int(sizes["VmRSS"].split()[0]) * 1024


def _busy_s() -> float:
    user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(int, _lines("/proc/stat")[0].split()[1:])
    return (user + nice + system + irq + softirq + steal) / CLOCK_TICKS_PER_S


def _own_s() -> float:
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    total, waiting = 0.0, [os.getpid()]
    while waiting:
        pid = waiting.pop()
        waiting += children.get(pid, [])
        with contextlib.suppress(OSError):
            total += cpu_seconds(pid)
    return total


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _first_line(*command: str) -> str:
    try:
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "missing"
    return (finished.stdout.splitlines() or ["unknown"])[0]
