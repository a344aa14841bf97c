"""How SoftPOS connects to PostgreSQL, and what it never does on the reports' connection.

A connection that hangs is worse than one that fails: a till waits, and a fail-over isn't noticed. So a machine that
vanished without a word is noticed within seconds, by keepalives while waiting and by TCP's user timeout while sending.
"""

from typing import Any

# What may acknowledge money: at least this machine's disk. `off` and `local` could lose an approved sale.
DURABLE_COMMITS = ("on", "remote_write", "remote_apply")

CONNECT_S_MAX = 5
SILENCE_S_MAX = 10  # a peer that answers nothing at all for this long, not even TCP's own packets, is gone


def options(*, synchronous_commit: str = "on", read_only: bool = False) -> dict[str, Any]:
    """`OPTIONS` of a Django database: psycopg's and libpq's parameters."""
    server = {
        # Planned with the values at hand: a prepared statement's generic plan guesses how much of the log a period
        # holds, and was seen to cost half a second a page in a log of a million.
        "plan_cache_mode": "force_custom_plan",
        "synchronous_commit": synchronous_commit,
    }
    if read_only:
        server["default_transaction_read_only"] = "on"
    return {
        "server_side_binding": True,
        "prepare_threshold": 1,
        "connect_timeout": CONNECT_S_MAX,
        "keepalives_idle": SILENCE_S_MAX // 2,
        "keepalives_interval": 1,
        "keepalives_count": SILENCE_S_MAX // 2,
        "tcp_user_timeout": SILENCE_S_MAX * 1000,
        "options": " ".join(f"-c {name}={value}" for name, value in server.items()),
    }


class ReportsAreReadOnly:
    """A database router: whatever was read for a report, writing goes to the primary. Migrations too."""

    def db_for_write(self, model: Any, **hints: Any) -> str:
        """Never the standby, although an object may have been read there."""
        return "default"

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        """Both are the same data."""
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """The standby follows by itself."""
        return db == "default"
