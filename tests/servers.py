"""A real server: Daphne in a process of its own, over a database of its own, on a free port.

For tests that need sockets, signals or several processes, for the browser tests, benchmarks and pictures.

    with RunningServer() as server:
        server.url, server.ws_url, server.demo["cards"], server.manage("check_ledger")

    with RunningServer(database="postgresql", redis_url=…) as first, first.sibling() as second: …
"""

import base64
import functools
import http.client
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from tests.databases import ROOT, Database, environment, manage, new_database

START_SECONDS_MAX = 40
STOP_SECONDS_MAX = 15
# Below the range from which the system gives ports to clients, so that a restarted server finds its own free.
PORTS = range(20_000, 32_000)
LOG_CHARACTERS_SHOWN = 6_000


class RunningServer:
    """A server under test; use it as a context manager.

    `database`: "sqlite", "postgresql", a `Database` that somebody else drops, or None for the kind the tests
    themselves run on. `redis_url`: None as the tests themselves, "" for the in-memory layer. `demo`: whether
    to make the demo merchant (then `.demo` holds what `manage.py demo --json` said). `env`: settings on top.
    """

    def __init__(
        self,
        *,
        database: str | Database | None = None,
        redis_url: str | None = None,
        demo: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._own_database = not isinstance(database, Database)
        self.database = database if isinstance(database, Database) else new_database(database)
        self._folder = tempfile.TemporaryDirectory(prefix="softpos-server-")
        self._log_path = Path(self._folder.name) / "server.log"
        self._log: IO[bytes] = self._log_path.open("wb")
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.redis_url = redis_url_of_tests() if redis_url is None else redis_url
        self.env = environment(
            DATABASE_URL=self.database.url,
            REDIS_URL=self.redis_url,
            SECRET_KEY="secret-of-a-server-under-test-and-of-no-other",
            SOFTPOS_KEY_ENCRYPTION_KEY=base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("="),
            SOFTPOS_VAR_DIR=self._folder.name,
            SOFTPOS_LAYER_PREFIX=f"test-{secrets.token_hex(6)}",
            SOFTPOS_DEMO="1",
        )
        self.env.update(env or {})
        self._wants_demo = demo

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not running"
        return self._process.pid

    @property
    def log(self) -> str:
        """What the server has written so far."""
        return self._log_path.read_text(errors="replace")

    @functools.cached_property
    def demo(self) -> Any:
        """What `manage.py demo --json` said (protocol, section 5)."""
        return json.loads(self.manage("demo", "--json"))

    def person(self, role: str) -> dict[str, str]:
        """The demo merchant's owner, cashier or accountant: `username`, `password`, `token`."""
        return next(person for person in self.demo["people"] if person["role"] == role)

    def manage(self, *arguments: str) -> str:
        """What a management command printed, run beside the server on the same database."""
        return manage(*arguments, env=self.env)

    def sibling(self, **env: str) -> "RunningServer":
        """One more process over the same database and channel layer."""
        return RunningServer(database=self.database, redis_url=self.redis_url, demo=False, env={**self.env, **env})

    def start(self) -> None:
        """Returns when the server answers; raises with the end of its log when it does not."""
        assert self._process is None, "the server is running already"
        command = [sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(
            [*command, "softpos.asgi:application"],
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C belongs to the tests, which then stop their servers in order
        )
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the server did not start:\n{self.log[-LOG_CHARACTERS_SHOWN:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask it to end, as an operator would."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop it and start it again on the same port and database."""
        self.stop()
        self.start()

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(
                f"the server did not stop within {STOP_SECONDS_MAX} s:\n{self.log[-LOG_CHARACTERS_SHOWN:]}"
            ) from None

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/sign-in/")
            return connection.getresponse().status < 500
        except OSError:
            return False
        finally:
            connection.close()

    def __enter__(self) -> Self:
        try:
            if self._wants_demo:
                assert self.demo
            self.start()
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            if error is not None:
                print(f"\n--- log of the server at {self.url} ---\n{self.log[-LOG_CHARACTERS_SHOWN:]}")
            self._clean_up()

    def _clean_up(self) -> None:
        self.kill()
        self._log.close()
        if self._own_database:
            self.database.drop()
        self._folder.cleanup()


def free_port() -> int:
    """A port of this machine that nobody listens on right now."""
    for _ in range(100):
        port = random.choice(PORTS)
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port between {PORTS.start} and {PORTS.stop}")


def redis_url_of_tests() -> str:
    """What the tests themselves run on: empty for the in-memory layer."""
    return os.environ.get("REDIS_URL", "")
