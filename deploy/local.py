"""The parts of `deploy/compose.yaml` without a container engine, to try them or to test on: `python -m deploy.local`.

PostgreSQL and Redis of one's own (`deploy.clusters`), n processes of Daphne on ports one after the other, and Caddy
before them with the same Caddyfile, if it is installed. Demo mode, over plain HTTP on this machine only; everything
is gone when it ends. An operator's installation is compose.yaml or systemd/.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from deploy.clusters import PostgresCluster, RedisServer
from deploy.parts import free_port, wait_until

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "softpos"
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 35


class Site:
    """Everything that serves, as a context manager: `url` is where people go, `processes` their own addresses.

    `standby`: with a second PostgreSQL that money waits for and reports are read from. `env`: settings on top.
    """

    def __init__(self, *, processes: int = 2, standby: bool = False, env: Mapping[str, str] | None = None) -> None:
        self._count = processes
        self._wants_standby = standby
        self._env = dict(env or {})
        self._stack = ExitStack()
        self._running: list[subprocess.Popen[bytes]] = []
        self.processes: list[str] = []
        self.url = ""

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def manage(self, *arguments: str) -> None:
        """Run a management command of this installation."""
        subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.env, check=True)

    def stop_process(self, index: int) -> None:
        """End one Daphne, as for an upgrade; Caddy leaves it out."""
        _end(self._running[index])

    def _start(self) -> None:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="softpos-local-")))
        self.primary = self._stack.enter_context(PostgresCluster())
        self.redis = self._stack.enter_context(RedisServer())
        settings = {
            "DATABASE_URL": self.primary.create_database(DATABASE),
            "REDIS_URL": self.redis.url,
            "SOFTPOS_VAR_DIR": str(self.folder),
            "SOFTPOS_DEMO": "1",
            "SOFTPOS_METRICS_FROM": "127.0.0.1",
        }
        if self._wants_standby:
            self.standby = self._stack.enter_context(self.primary.standby())
            settings["REPORTS_DATABASE_URL"] = self.standby.url(DATABASE)
            settings["SOFTPOS_SYNCHRONOUS_COMMIT"] = "remote_apply"
        caddy = shutil.which("caddy")
        settings["SOFTPOS_PROXIES"] = "1" if caddy else "0"
        self.env = {**os.environ, **settings, **self._env}
        self.manage("migrate", "--verbosity=0")
        ports = [free_port() for _ in range(self._count)]
        self.processes = [f"http://127.0.0.1:{port}" for port in ports]
        for port in ports:
            self._run(f"daphne-{port}", [sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port),
                                         "softpos.asgi:application"], cwd=ROOT)  # fmt: skip
        for url in self.processes:
            self._wait_for(f"{url}/ready")
        self.url = self._start_caddy(caddy, ports) if caddy else self.processes[0]

    def _start_caddy(self, caddy: str, ports: Sequence[int]) -> str:
        url = f"http://127.0.0.1:{free_port()}"
        self.env |= {
            "SOFTPOS_SITE": url,
            "SOFTPOS_UPSTREAMS": " ".join(f"127.0.0.1:{port}" for port in ports),
            "SOFTPOS_UPSTREAMS_FROM": "ports",
            "SOFTPOS_CADDY_ADMIN": "off",
            "HOME": str(self.folder),
            "XDG_DATA_HOME": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder),
        }
        command = [caddy, "run", "--config", str(ROOT / "deploy" / "Caddyfile"), "--adapter", "caddyfile"]
        self._run("caddy", command, cwd=ROOT / "deploy")
        self._wait_for(f"{url}/sign-in/")
        return url

    def _run(self, name: str, command: Sequence[str], *, cwd: Path) -> None:
        log = self._stack.enter_context((self.folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(
            command, cwd=cwd, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        self._running.append(process)
        self._stack.callback(_end, process)

    def _wait_for(self, url: str) -> None:
        with suppress(TimeoutError):
            wait_until(
                lambda: _answers(url) or any(part.poll() is not None for part in self._running), START_SECONDS_MAX
            )
        if not _answers(url):
            logs = "".join(path.read_text(errors="replace")[-3000:] for path in sorted(self.folder.glob("*.log")))
            raise RuntimeError(f"nothing answers at {url}:\n{logs}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--processes", type=int, default=2, help="how many Daphnes (2)")
    parser.add_argument("--standby", action="store_true", help="with a hot standby for reports and fail-over")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Site(processes=options.processes, standby=options.standby) as site:
            site.manage("demo")
            print(f"\n  {site.url}   before   {'  '.join(site.processes)}")
            print(f"  PostgreSQL {site.primary.url(DATABASE)}   Redis {site.redis.url}   logs {site.folder}")
            print("  Ctrl-C ends it and forgets everything.", flush=True)
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
