"""The triggers that keep the books append-only, in both dialects.

The code never updates or deletes these rows; the triggers are for the code that will be wrong one day, and for hands in
a database shell. Tests that empty tables between themselves take them off and put them on again with these functions.
"""

APPEND_ONLY = ("transactions_transaction", "transactions_transfer")
ACCOUNT = "transactions_cardaccount"


def statements(vendor: str) -> list[str]:
    """SQL that installs the triggers on `postgresql` or `sqlite`."""
    return _postgresql() if vendor == "postgresql" else _sqlite()


def removal(vendor: str) -> list[str]:
    """SQL that takes them off."""
    if vendor == "postgresql":
        dropped = [f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}" for table in APPEND_ONLY]
        dropped += [f"DROP TRIGGER IF EXISTS {table}_no_truncate ON {table}" for table in APPEND_ONLY]
        return [*dropped, f"DROP TRIGGER IF EXISTS {ACCOUNT}_counter ON {ACCOUNT}"]
    dropped = [f"DROP TRIGGER IF EXISTS {t}_no_{event}" for t in APPEND_ONLY for event in ("update", "delete")]
    return [*dropped, f"DROP TRIGGER IF EXISTS {ACCOUNT}_counter"]


def _postgresql() -> list[str]:
    made = [
        """CREATE OR REPLACE FUNCTION softpos_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
              USING ERRCODE = 'restrict_violation'; END $$""",
        """CREATE OR REPLACE FUNCTION softpos_counter_goes_up() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'a card counter never goes back'
              USING ERRCODE = 'restrict_violation'; END $$""",
    ]
    for table in APPEND_ONLY:
        made.append(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION softpos_append_only()"
        )
        made.append(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION softpos_append_only()"
        )
    made.append(
        f"CREATE TRIGGER {ACCOUNT}_counter BEFORE UPDATE ON {ACCOUNT} FOR EACH ROW "
        "WHEN (NEW.last_counter < OLD.last_counter AND NEW.key_version <= OLD.key_version) "
        "EXECUTE FUNCTION softpos_counter_goes_up()"
    )
    return made


def _sqlite() -> list[str]:
    made = [
        f"CREATE TRIGGER {table}_no_{event} BEFORE {event.upper()} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {event} refused'); END"
        for table in APPEND_ONLY
        for event in ("update", "delete")
    ]
    made.append(
        f"CREATE TRIGGER {ACCOUNT}_counter BEFORE UPDATE ON {ACCOUNT} "
        "WHEN NEW.last_counter < OLD.last_counter AND NEW.key_version <= OLD.key_version "
        "BEGIN SELECT RAISE(ABORT, 'a card counter never goes back'); END"
    )
    return made
