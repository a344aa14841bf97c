"""A disk without a free byte: attempts are told to come again, nothing is lost, and selling resumes with space."""

import asyncio
import resource
import shutil

import pytest

from tests.databases import Database
from tests.faults.conftest import node
from tests.faults.disks import filled, small_disk
from tests.faults.load import Load

pytestmark = [pytest.mark.slow, pytest.mark.faults]

NO_DISK = "a disk of its own can be mounted by root only"


def all_turned_away(load: Load) -> bool:
    return all(till.busy >= 3 for till in load.tills)


async def test_sqlite_on_a_full_disk(sqlite):
    with small_disk(32) as disk:
        if disk is None:
            pytest.skip(NO_DISK)
        shutil.copy(sqlite.database.url.removeprefix("sqlite:///"), disk / "softpos.sqlite3")
        with node(Database(url=f"sqlite:///{disk}/softpos.sqlite3", drop=lambda: None)) as server:
            async with Load(sqlite.shop, server.ws_url) as load:
                await load.sold()
                with filled(disk):
                    await load.until(lambda: all_turned_away(load))
                    assert load.lost == 0
                await load.sold()
            await load.prove(server)


async def test_sqlite_that_may_not_write_another_byte(sqlite):
    """The same where nothing can be mounted, by a limit on the process: SQLite calls it an I/O error."""
    with node(sqlite.database) as server:
        async with Load(sqlite.shop, server.ws_url) as load:
            await load.sold()
            unlimited = resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
            await load.until(lambda: all_turned_away(load))
            assert load.lost == 0
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, unlimited)
            await load.sold()
        await load.prove(server)


async def test_postgresql_on_a_full_disk(postgresql, cluster, disk):
    if disk is None:
        pytest.skip(NO_DISK)
    with node(postgresql.database) as server:
        async with Load(postgresql.shop, server.ws_url) as load:
            await load.sold()
            with filled(disk):
                await load.until(lambda: all_turned_away(load))
                assert load.lost == 0
            await load.sold()
            assert cluster.running
        await load.prove(server)


async def test_postgresql_without_room_for_its_write_ahead_log(postgresql, cluster, disk):
    """Then PostgreSQL stops altogether, and an operator starts it again when there is room."""
    if disk is None:
        pytest.skip(NO_DISK)
    with node(postgresql.database) as server:
        async with Load(postgresql.shop, server.ws_url) as load:
            await load.sold()
            with filled(disk):
                await asyncio.to_thread(cluster.kill)
                with pytest.raises(RuntimeError):
                    await asyncio.to_thread(cluster.start)
                await load.until(lambda: all_turned_away(load))
            await asyncio.to_thread(cluster.start)
            await load.sold()
        await load.prove(server)
