"""Fresh databases for servers that tests start: migrated once, then copied.

Migrating takes seconds, copying a file or `CREATE DATABASE … TEMPLATE` takes milliseconds. Each database is
dropped by whoever asked for it, the templates when the process ends.
"""

import atexit
import functools
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from tests import services

ROOT = Path(__file__).resolve().parent.parent
# Whatever configures a server is said by the test, never inherited from the shell the tests were started in.
CONFIGURING = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS")


@dataclass(frozen=True)
class Database:
    """One database of its own: what `DATABASE_URL` says for it, and how to get rid of it."""

    url: str
    drop: Callable[[], None]


class CommandFailed(AssertionError):
    """A management command exited with another code than 0; carries what it printed."""

    def __init__(self, arguments: tuple[str, ...], finished: "subprocess.CompletedProcess[str]") -> None:
        self.returncode = finished.returncode
        self.output = finished.stdout
        self.errors = finished.stderr
        super().__init__(f"manage.py {' '.join(arguments)} exited {finished.returncode}\n{self.output}{self.errors}")


def new_database(kind: str | None = None) -> Database:
    """A migrated, empty database: "sqlite", "postgresql", or None for the kind the tests run on."""
    if kind is None:
        kind = "postgresql" if os.environ.get("DATABASE_URL", "").startswith("postgres") else "sqlite"
    return {"sqlite": _new_sqlite, "postgresql": _new_postgresql}[kind]()


def environment(**settings: str) -> dict[str, str]:
    """This process's environment less everything that configures SoftPOS, plus `settings`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in CONFIGURING and not name.startswith(("SOFTPOS_", "DJANGO_"))
    }
    return {**kept, "PYTHONUNBUFFERED": "1", **settings}


def manage(*arguments: str, env: Mapping[str, str], seconds_max: float = 120) -> str:
    """What `manage.py` printed; raises `CommandFailed` when it did not exit with 0."""
    finished = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=dict(env),
        text=True,
        capture_output=True,
        timeout=seconds_max,
        check=False,
    )
    if finished.returncode:
        raise CommandFailed(arguments, finished)
    return finished.stdout


def _new_sqlite() -> Database:
    folder = Path(tempfile.mkdtemp(prefix="softpos-"))
    path = folder / "softpos.sqlite3"
    shutil.copyfile(_sqlite_template(), path)
    return Database(url=f"sqlite:///{path}", drop=lambda: shutil.rmtree(folder, ignore_errors=True))


@functools.cache
def _sqlite_template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="softpos-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "template.sqlite3"
    _migrate(f"sqlite:///{path}", folder)
    return path


def _new_postgresql() -> Database:
    server = services.postgresql_url()
    name = f"softpos_{secrets.token_hex(6)}"
    template = sql.Identifier(_postgresql_template(server))
    services.administer(server, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), template))
    return Database(url=services.with_database(server, name), drop=functools.partial(_drop_postgresql, server, name))


@functools.cache
def _postgresql_template(server: str) -> str:
    name = f"softpos_template_{secrets.token_hex(6)}"
    services.administer(server, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    atexit.register(_drop_postgresql, server, name)
    with tempfile.TemporaryDirectory(prefix="softpos-template-") as folder:
        _migrate(services.with_database(server, name), Path(folder))
    return name


def _drop_postgresql(server: str, name: str) -> None:
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    services.administer(server, statement)


def _migrate(url: str, folder: Path) -> None:
    manage("migrate", "--verbosity=0", env=environment(DATABASE_URL=url, SOFTPOS_VAR_DIR=str(folder)))
