"""Base backup and WAL archive bring back any moment: the commands of docs/operating.md, tried."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.clusters import PostgresCluster, postgresql_programs, wait_until
from tests.databases import environment, manage

pytestmark = [pytest.mark.slow, pytest.mark.faults]

DATABASE = "softpos_ops"


@pytest.fixture
def archive() -> Iterator[Path]:
    """A folder that PostgreSQL may write to."""
    folder = Path(tempfile.mkdtemp(prefix="softpos-archive-"))
    if os.geteuid() == 0:
        entry = pwd.getpwnam("postgres")
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    yield folder
    shutil.rmtree(folder)


class Restored(PostgresCluster):
    """A cluster made from a base backup and an archive, as of a moment."""

    def __init__(self, backup: Path, archive: Path, until: str) -> None:
        super().__init__()
        self.backup, self.archive, self.until = backup, archive, until

    def _prepare(self) -> None:
        shutil.copytree(self.backup, self.folder / "data", copy_function=shutil.copy2)
        (self.data / "recovery.signal").touch()
        lines = {
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "restore_command": f"cp {self.archive}/%f %p",
            "recovery_target_time": self.until,
            "recovery_target_action": "promote",
        }
        conf = self.data / "postgresql.conf"
        conf.write_text(conf.read_text() + "".join(f"{name} = '{value}'\n" for name, value in lines.items()))
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, entry.pw_uid, entry.pw_gid)


def test_a_mistake_is_undone_to_the_moment_before_it(archive, tmp_path):
    try:
        postgresql_programs()
    except RuntimeError as missing:
        pytest.skip(str(missing))
    archiving = {"archive_mode": "on", "archive_command": f"test ! -f {archive}/%f && cp %p {archive}/%f"}
    with PostgresCluster(settings=archiving) as cluster:
        env = environment(DATABASE_URL=cluster.create_database(DATABASE), SOFTPOS_VAR_DIR=str(tmp_path))
        env["SOFTPOS_DEMO"] = "1"
        manage("migrate", "--verbosity=0", env=env)
        backup = archive / "base"
        cluster.run("pg_basebackup", "-D", backup, "-d", cluster.url(), "-X", "stream", "-c", "fast")
        cluster.run("pg_verifybackup", backup)
        manage("demo", env=env)  # after the backup: this is only in the archive
        ((moment,),) = cluster.execute("SELECT clock_timestamp()::text")
        cluster.execute("DROP TABLE merchants_card CASCADE", database=DATABASE)  # the mistake
        ((segment,),) = cluster.execute("SELECT pg_walfile_name(pg_switch_wal())")
        wait_until(lambda: (archive / segment).exists(), 30)
    with Restored(backup, archive, moment) as restored:
        wait_until(lambda: restored.execute("SELECT pg_is_in_recovery()") == [(False,)], 30)
        ((cards,),) = restored.execute("SELECT count(*) FROM merchants_card", database=DATABASE)
        assert cards > 0
        env["DATABASE_URL"] = restored.url(DATABASE)
        assert "The books are true." in manage("check_ledger", env=env)
