"""Where PostgreSQL and Redis answer, if they do.

`DATABASE_URL` and `REDIS_URL` say so; else the standard ports of this machine are asked. Knows nothing of
Django, so that the test runner can ask before any settings are loaded.
"""

import contextlib
import os
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

POSTGRESQL_URL_STANDARD = "postgres://postgres@127.0.0.1:5432/softpos"
REDIS_URL_STANDARD = "redis://127.0.0.1:6379/15"
ANSWER_SECONDS_MAX = 3


@dataclass(frozen=True)
class Services:
    """What the tests of PostgreSQL and Redis run against, or why they cannot (`missing`, one line each)."""

    database_url: str
    redis_url: str
    missing: tuple[str, ...]


def find_services() -> Services:
    """Ask both; makes the database when the server is there and the database is not."""
    database_url = postgresql_url()
    redis_url = os.environ.get("REDIS_URL") or REDIS_URL_STANDARD
    missing = []
    try:
        ensure_database(database_url)
    except psycopg.Error as error:
        missing.append(f"PostgreSQL at {without_password(database_url)}: {first_line(error)}")
    try:
        ping_redis(redis_url)
    except OSError as error:
        missing.append(f"Redis at {without_password(redis_url)}: {first_line(error)}")
    return Services(database_url=database_url, redis_url=redis_url, missing=tuple(missing))


def postgresql_url() -> str:
    """The database of the environment when it is PostgreSQL's, else the standard one of this machine."""
    given = os.environ.get("DATABASE_URL", "")
    return given if given.startswith(("postgres:", "postgresql:")) else POSTGRESQL_URL_STANDARD


def with_database(url: str, name: str) -> str:
    """The same server as `url`, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def administer(url: str, statement: sql.SQL | sql.Composed) -> None:
    """Run one statement that concerns whole databases, on the server of `url`."""
    with psycopg.connect(
        with_database(url, "postgres"), autocommit=True, connect_timeout=ANSWER_SECONDS_MAX
    ) as connection:
        connection.execute(statement)


def ensure_database(url: str) -> None:
    """Make the database of `url` unless it is there; raises `psycopg.Error` when no server answers."""
    name = urlsplit(url).path.lstrip("/")
    with contextlib.suppress(psycopg.errors.DuplicateDatabase):
        administer(url, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def ping_redis(url: str) -> None:
    """Raise `OSError` unless a Redis answers at `url`, in whatever words (a password may be asked for)."""
    parts = urlsplit(url)
    address = (parts.hostname or "127.0.0.1", parts.port or 6379)
    with socket.create_connection(address, timeout=ANSWER_SECONDS_MAX) as connection:
        connection.sendall(b"PING\r\n")
        answer = connection.recv(64)
    if not answer.startswith((b"+PONG", b"-NOAUTH")):
        raise ConnectionError(f"something else answers there: {answer[:20]!r}")


def without_password(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
