"""Processes and services of a test's own: databases with the same world in them, nodes over them."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.clusters import PostgresCluster, RedisServer, postgresql_programs
from tests.databases import Database, manage, new_database
from tests.faults.disks import small_disk
from tests.faults.world import Shop, World
from tests.servers import RunningServer

DISK_MB = 512
_names = (f"world_{number}" for number in itertools.count(1))


@dataclass(frozen=True)
class Place:
    """A database with a fresh copy of the world in it, and nodes over it."""

    database: Database
    shops: list[Shop]

    @property
    def shop(self) -> Shop:
        return self.shops[0]


def node(database: Database, **env: str) -> RunningServer:
    """A Daphne over it, to be entered with `with`; in-memory layer unless `REDIS_URL` is said."""
    return RunningServer(database=database, redis_url=env.pop("REDIS_URL", ""), demo=False, env=env)


def _made_in(url: str) -> World:
    env = node(Database(url=url, drop=lambda: None)).env
    manage("migrate", "--verbosity=0", env=env)
    return World(env)


@pytest.fixture(scope="session")
def sqlite_world() -> Iterator[tuple[Path, World]]:
    database = new_database("sqlite")
    path = Path(database.url.removeprefix("sqlite:///"))
    yield path, _made_in(database.url)
    database.drop()


@pytest.fixture
def sqlite(sqlite_world: tuple[Path, World], tmp_path: Path) -> Place:
    path, world = sqlite_world
    copy = tmp_path / "softpos.sqlite3"
    shutil.copyfile(path, copy)
    return Place(Database(url=f"sqlite:///{copy}", drop=lambda: None), world.shops())


@pytest.fixture(scope="session")
def disk() -> Iterator[Path | None]:
    """Where the cluster lives; None where no disk can be mounted, and then it lives in a temporary folder."""
    with small_disk(DISK_MB) as folder:
        yield folder


@pytest.fixture(scope="session")
def shared_cluster(disk: Path | None) -> Iterator[PostgresCluster]:
    try:
        postgresql_programs()
    except RuntimeError as missing:
        pytest.skip(str(missing))
    small = {"max_wal_size": "64MB", "min_wal_size": "32MB"}
    with PostgresCluster(settings=small, folder=disk and disk / "postgresql") as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgresql_world(shared_cluster: PostgresCluster) -> World:
    return _made_in(shared_cluster.create_database("world"))


@pytest.fixture
def cluster(shared_cluster: PostgresCluster) -> Iterator[PostgresCluster]:
    """A running PostgreSQL that the test may restart, stop and break; started again for the next one."""
    yield shared_cluster
    if not shared_cluster.running:
        shared_cluster.start()


@pytest.fixture
def postgresql(cluster: PostgresCluster, postgresql_world: World) -> Iterator[Place]:
    name = next(_names)
    cluster.execute(f'CREATE DATABASE "{name}" TEMPLATE world')
    yield Place(Database(url=cluster.url(name), drop=lambda: None), postgresql_world.shops())
    if not cluster.running:
        cluster.start()
    cluster.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Place:
    """On each kind of database."""
    made: Place = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def running() -> Iterator[Callable[[RunningServer], RunningServer]]:
    """Enters a server's `with` for the length of the test."""
    with ExitStack() as stack:
        yield stack.enter_context


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server
