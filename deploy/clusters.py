"""A PostgreSQL cluster and a Redis of one's own, from Debian's packages: started, stopped, killed, frozen, replicated.

For machines without a container engine (`deploy/local.py`) and for tests of what an outage does. Everything lives in
a temporary folder and on a free loopback port; nothing else on the machine is touched, and leaving the `with` block
leaves nothing behind.

    with PostgresCluster() as primary, primary.standby() as standby, RedisServer() as redis:
        url = primary.create_database("softpos")
        primary.kill()                 # as a power cut would
        standby.promote()
        standby.url("softpos"), redis.url
"""

import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg import sql

from deploy.parts import START_SECONDS_MAX, Part, as_service_user, free_port, give_to_service_user, wait_until

__all__ = ["PostgresCluster", "RedisServer", "free_port", "postgresql_programs", "wait_until"]

ANSWER_SECONDS_MAX = 3
SUPERUSER = "postgres"

StopMode = Literal["smart", "fast", "immediate"]
STOP_SIGNALS: dict[StopMode, signal.Signals] = {
    "smart": signal.SIGTERM,  # waits for every client to leave
    "fast": signal.SIGINT,  # what an operator's restart does: transactions under way are rolled back
    "immediate": signal.SIGQUIT,  # recovers at the next start, as after a crash
}


class PostgresCluster(Part):
    """A PostgreSQL cluster; use it as a context manager. The superuser is `postgres`, trusted from this machine.

    `settings`: lines of postgresql.conf on top. `folder`: where it lives instead of a temporary folder (made for it,
    and not removed), such as a small file system that a test wants to fill up.
    """

    name = "postgresql"

    def __init__(
        self, *, settings: Mapping[str, str] | None = None, folder: Path | None = None, port: int | None = None
    ) -> None:
        super().__init__(folder, port=port)
        self.settings = dict(settings or {})
        self.data = self.folder / "data"
        self.of: PostgresCluster | None = None  # whose standby this is
        self._replicates_as = ""

    def url(self, database: str = "postgres") -> str:
        """What `DATABASE_URL` says for a database of this cluster."""
        return f"postgres://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, *, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement outside a transaction; its rows, if it has any."""
        with psycopg.connect(
            self.url(database), autocommit=True, connect_timeout=ANSWER_SECONDS_MAX, application_name="softpos-clusters"
        ) as connection:
            cursor = connection.execute(sql.SQL(statement))
            return cursor.fetchall() if cursor.description else []

    def create_database(self, name: str) -> str:
        """Make an empty database and say its URL."""
        self.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def configure(self, **settings: str) -> None:
        """`ALTER SYSTEM SET …` and reload: in force at once for what needs no restart."""
        for name, value in settings.items():
            self.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        self.execute("SELECT pg_reload_conf()")

    def stop(self, mode: StopMode = "fast") -> None:
        """End it in order; `immediate` leaves the recovery to the next start."""
        self._end(STOP_SIGNALS[mode])

    def restart(self, mode: StopMode = "fast") -> None:
        """Stop it and start it again on the same port."""
        self.stop(mode)
        self.start()

    def standby(self, *, name: str = "standby1", synchronous: bool = True) -> "PostgresCluster":
        """A hot standby of this running cluster, to be entered with `with`: base backup, then streaming replication.

        When it has started it streams. `synchronous`: from then on a commit of this cluster waits for the standby as
        far as its `synchronous_commit` says (`remote_apply`: until it can be read there); with the standby gone,
        commits wait until `forget_standby()`.
        """
        standby = PostgresCluster(settings=self.settings)
        standby.of, standby._replicates_as = self, name
        standby._synchronous = synchronous
        return standby

    def forget_standby(self) -> None:
        """Stop waiting for a standby that will not come back: what an operator does to go on selling without it."""
        self.configure(synchronous_standby_names="")

    def cut_off(self) -> None:
        """Have a standby receive nothing any more, as when the network between the two is the first to go."""
        self.configure(primary_conninfo="")
        wait_until(lambda: self.execute("SELECT count(*) FROM pg_stat_wal_receiver") == [(0,)], START_SECONDS_MAX)

    def promote(self) -> None:
        """Make a standby the primary; returns when it takes writes."""
        self.execute(f"SELECT pg_promote(true, {START_SECONDS_MAX})")
        wait_until(lambda: self.execute("SELECT pg_is_in_recovery()") == [(False,)], START_SECONDS_MAX)
        self.configure(synchronous_standby_names="")
        self.of = None

    _synchronous = False

    def start(self) -> None:
        """Returns when it answers, and as a standby when it streams."""
        super().start()
        if self.of is not None:
            self._wait_for_streaming(self.of)

    def _wait_for_streaming(self, primary: "PostgresCluster") -> None:
        if self._synchronous:
            primary.configure(synchronous_standby_names=self._replicates_as)
        states = [("streaming", "sync")] if self._synchronous else [("streaming", "async"), ("streaming", "sync")]
        asked = f"SELECT state, sync_state FROM pg_stat_replication WHERE application_name = '{self._replicates_as}'"
        wait_until(lambda: any(row in states for row in primary.execute(asked)), START_SECONDS_MAX)

    def _prepare(self) -> None:
        give_to_service_user(self.folder)
        if self.of is None:
            self.run("initdb", "--pgdata", self.data, "--username", SUPERUSER, "--auth=trust", "--encoding=UTF8")
        else:
            primary = f"host=127.0.0.1 port={self.of.port} user={SUPERUSER} application_name={self._replicates_as}"
            self.run("pg_basebackup", "-D", self.data, "-d", primary, "-R", "-X", "stream", "-c", "fast")
            (self.data / "postgresql.auto.conf").open("a").write("synchronous_standby_names = ''\n")
        lines = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "dynamic_shared_memory_type": "mmap",  # within the folder, so that a killed cluster leaves nothing behind
            "shared_buffers": "64MB",
            **self.settings,
        }
        conf = self.data / "postgresql.conf"
        conf.write_text(conf.read_text() + "".join(f"{name} = '{value}'\n" for name, value in lines.items()))

    def run(self, program: str, *arguments: object) -> None:
        """Run one of PostgreSQL's own programs, as the user it runs as; raises with what it printed."""
        finished = subprocess.run(
            [str(postgresql_programs() / program), *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            text=True,
            capture_output=True,
            check=False,
            **as_service_user(),
        )
        if finished.returncode:
            raise RuntimeError(f"{program} failed:\n{finished.stdout}{finished.stderr}")

    def _command(self) -> Sequence[str]:
        return [str(postgresql_programs() / "postgres"), "-D", str(self.data)]

    def _answers(self) -> bool:
        try:
            return bool(self.execute("SELECT 1"))
        except psycopg.Error:
            return False

    def _clean_up(self) -> None:
        memory = self._shared_memory()
        super()._clean_up()
        if memory:  # a killed cluster's segment stays until the next start, which does not come
            subprocess.run(["ipcrm", "-m", memory], capture_output=True, check=False)

    def _shared_memory(self) -> str:
        pid_file = self.data / "postmaster.pid"
        lines = pid_file.read_text().splitlines() if pid_file.exists() else []
        return lines[6].split()[-1] if len(lines) > 6 and lines[6].split() else ""


class RedisServer(Part):
    """A Redis that keeps nothing on disk, as the channel layer wants it; use it as a context manager."""

    name = "redis"

    @property
    def url(self) -> str:
        """What `REDIS_URL` says for it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def _prepare(self) -> None:
        give_to_service_user(self.folder)

    def _command(self) -> Sequence[str]:
        own = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder))
        return ["redis-server", *own, "--save", "", "--appendonly", "no"]

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=ANSWER_SECONDS_MAX) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def postgresql_programs() -> Path:
    """The folder with initdb and its like, of the newest PostgreSQL that Debian installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise RuntimeError("PostgreSQL's server programs are missing: apt-get install postgresql")
    return found[-1].parent
