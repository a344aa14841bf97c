"""Django's `migrate`, made polite: it waits for a lock only briefly, and then steps aside and tries again.

A change of a table waits for everybody who reads it, and everybody who comes after waits for the change: one long
report would stop every till. With a limit on that wait (and each migration a transaction of its own) selling goes on
between the attempts. What a migration must be to be safe while the old processes serve: docs/operating.md.
"""

import time
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import OperationalError, connections

LOCK_TIMEOUT = "1s"
ATTEMPTS_MAX = 20
PAUSE_S = 2.0
LOCK_NOT_AVAILABLE = "55P03"


class Command(migrate.Command):
    """As Django's; on PostgreSQL with a lock timeout and repetition."""

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            super().handle(*args, **options)
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [LOCK_TIMEOUT])
        for _ in range(ATTEMPTS_MAX):
            try:
                super().handle(*args, **options)
            except OperationalError as error:
                if getattr(error.__cause__, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                    raise
                self.stderr.write("A table is in use; what was migrated stands, the rest is tried again.")
                time.sleep(PAUSE_S)
            else:
                return
        raise CommandError("A table was in use for too long. Find who holds it (pg_locks), then run this again.")
