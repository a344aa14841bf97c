"""A service in a process of its own, over a folder of its own: started, stopped, killed, frozen.

What `deploy.clusters` builds PostgreSQL and Redis on. Everything lives in a temporary folder and on a free loopback
port; leaving the `with` block leaves nothing behind.
"""

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 60
PORTS = range(32_000, 32_700)  # below what the system gives to clients, above what the tests' servers take
LOG_CHARACTERS_SHOWN = 4_000
# PostgreSQL refuses to run as root: then it, and all else here, runs as the user that Debian made for it.
SERVICE_USER = "postgres"


class Part:
    """One service in a process of its own, over a folder of its own."""

    name: str

    def __init__(self, folder: Path | None = None, *, port: int | None = None) -> None:
        self._own_folder = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix=f"softpos-{self.name}-"))
        self.port = port or free_port()
        self._log_path = self.folder / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    # What a service says of itself.
    def _command(self) -> Sequence[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    def _prepare(self) -> None:
        """Before the first start."""

    @property
    def log(self) -> str:
        """What the service has written so far."""
        return self._log_path.read_text(errors="replace") if self._log_path.exists() else ""

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} is not running"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Returns when the service answers; raises with the end of its log when it does not."""
        assert not self.running, f"{self.name} is running already"
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C belongs to whoever started this, who then stops it in order
                **as_service_user(),
            )
        try:
            wait_until(lambda: not self.running or self._answers(), START_SECONDS_MAX)
            assert self.running
        except (AssertionError, TimeoutError):
            raise RuntimeError(f"{self.name} did not start:\n{self.log[-LOG_CHARACTERS_SHOWN:]}") from None

    def kill(self) -> None:
        """End it with all its processes at once, as a power cut would (what the kernel has written stays written)."""
        if self._process is None:
            return
        self._signal_all(signal.SIGSTOP)  # none of them gets to tidy up after another
        self._signal_all(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def pause(self) -> None:
        """Freeze it: connections stand, nothing answers, as when a machine hangs or the network swallows packets."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._signal_all(signal.SIGCONT)

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Stop it in order and start it again on the same port."""
        self.stop()
        self.start()

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{self.name} did not stop within {STOP_SECONDS_MAX} s") from None

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in (self.pid, *_children(self.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def __enter__(self) -> Self:
        try:
            self._prepare()
            self.start()
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            print(f"\n--- log of {self.name} on port {self.port} ---\n{self.log[-LOG_CHARACTERS_SHOWN:]}")
        self._clean_up()

    def _clean_up(self) -> None:
        self.kill()
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def free_port() -> int:
    """A port of this machine that nobody listens on right now."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                candidate.bind(("127.0.0.1", port))
                return port
    raise RuntimeError(f"no free port between {PORTS.start} and {PORTS.stop}")


def wait_until(holds: Callable[[], bool], seconds_max: float) -> None:
    """Ask again and again; raises `TimeoutError` when it never held."""
    deadline = time.monotonic() + seconds_max
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds_max} s")
        time.sleep(0.05)


def as_service_user() -> dict[str, Any]:
    """For `subprocess`: under whose name the services run."""
    if os.geteuid() != 0:
        return {}
    return {"user": SERVICE_USER, "group": SERVICE_USER, "extra_groups": []}


def give_to_service_user(folder: Path) -> None:
    """Make the folder, if need be, for the services to write to."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        entry = pwd.getpwnam(SERVICE_USER)
        os.chown(folder, entry.pw_uid, entry.pw_gid)


def _children(pid: int) -> list[int]:
    """PostgreSQL's processes are each a session of their own, so a signal to the group would miss them."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
