"""The authoriser's statements: one for each thing a batch reads or writes, whatever its length.

Every statement takes its rows as one JSON parameter, so its text never changes and PostgreSQL prepares it once. The
two dialects differ only in how that JSON becomes rows (`_rows`). Rows are locked in key order, so two batches can't
wait for each other in a circle; the merchant's log comes last, because its lock lasts until the commit.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from transactions.decision import CardState
from transactions.models import CardAccount, HourTotal, MerchantLog, Transaction, Transfer

Row = Mapping[str, Any]

CARD_ACCOUNTS = CardAccount._meta.db_table
TRANSACTIONS = Transaction._meta.db_table
TRANSFERS = Transfer._meta.db_table
LOGS = MerchantLog._meta.db_table
TOTALS = HourTotal._meta.db_table

HURRIED_LOCK_MS_MAX = 50


@dataclass(slots=True)
class Recorded:
    """A transaction as it stands, or is about to stand, in the log. Field names are the columns'."""

    id: UUID
    merchant_id: int
    sequence: int
    start_id: UUID
    tap_id: UUID | None
    kind: str
    status: str
    reason: str
    response_code: str
    amount: int
    fee: int
    net: int
    currency: str
    fee_rate_ppm: int
    fee_schedule_id: int | None
    fee_rule: str
    method: str
    card_id: int | None
    key_version: int | None
    read_counter: int | None
    balance_after: int | None
    terminal_id: UUID | None
    operator_id: int | None
    order_reference: str
    note: str
    occurred_at: datetime
    business_date: date
    card_uid: str = ""  # not a column: for the outcome's masked card


TRANSACTION_COLUMNS = {
    "id": "uuid",
    "merchant_id": "bigint",
    "sequence": "bigint",
    "start_id": "uuid",
    "tap_id": "uuid",
    "kind": "text",
    "status": "text",
    "reason": "text",
    "response_code": "text",
    "amount": "bigint",
    "fee": "bigint",
    "net": "bigint",
    "currency": "text",
    "fee_rate_ppm": "integer",
    "fee_schedule_id": "bigint",
    "fee_rule": "text",
    "method": "text",
    "card_id": "bigint",
    "key_version": "integer",
    "read_counter": "integer",
    "balance_after": "bigint",
    "terminal_id": "uuid",
    "operator_id": "bigint",
    "order_reference": "text",
    "note": "text",
    "occurred_at": "timestamptz",
    "business_date": "date",
}
TRANSFER_COLUMNS = {"transaction_id": "uuid", "debit_id": "bigint", "credit_id": "bigint", "amount": "bigint"}
CARD_COLUMNS = {
    "account_id": "bigint",
    "balance": "bigint",
    "key_version": "integer",
    "last_counter": "integer",
    "spent_on": "date",
    "spent": "bigint",
}
TOTAL_KEYS = {
    "merchant_id": "bigint",
    "business_date": "date",
    "hour": "integer",
    "terminal_key": "uuid",
    "method": "text",
    "kind": "text",
}
TOTAL_SUMS = {"count": "bigint", "gross": "bigint", "fee": "bigint"}


# --- reading --------------------------------------------------------------------------------------


def stored(keys: Iterable[tuple[int, UUID]]) -> dict[tuple[int, UUID], Recorded]:
    """What the log already says about these (merchant, start id)."""
    columns = ", ".join(f"t.{name}" for name in TRANSACTION_COLUMNS)
    found = _select(
        f"SELECT {columns}, c.uid FROM {_rows({'merchant_id': 'bigint', 'start_id': 'uuid'})} "
        f"JOIN {TRANSACTIONS} t ON t.merchant_id = v.merchant_id AND t.start_id = v.start_id "
        "LEFT JOIN merchants_card c ON c.id = t.card_id",
        [{"merchant_id": merchant, "start_id": start} for merchant, start in keys],
    )
    rows = (Recorded(*[*_python(row[:-1]), row[-1] or ""]) for row in found)
    return {(row.merchant_id, row.start_id): row for row in rows}


def standings(asking: Iterable[tuple[int, UUID | None, int | None]]) -> Iterator[tuple[Any, bool, str]]:
    """((merchant, terminal, operator), is the terminal in service there, the operator's role there or "")."""
    asked = list(asking)
    columns = {"n": "integer", "merchant_id": "bigint", "terminal_id": "uuid", "operator_id": "bigint"}
    # Sub-selects, because each can only be one look-up by key, whatever the planner believes of a young table.
    found = _select(
        "SELECT v.n, EXISTS (SELECT 1 FROM merchants_terminal t WHERE t.id = v.terminal_id "
        "AND t.merchant_id = v.merchant_id AND t.revoked_at IS NULL AND t.enrolled_at IS NOT NULL), "
        "(SELECT m.role FROM merchants_member m JOIN merchants_user u ON u.id = m.user_id AND u.is_active "
        "WHERE m.merchant_id = v.merchant_id AND m.user_id = v.operator_id AND m.removed_at IS NULL) "
        f"FROM {_rows(columns)}",
        [
            {"n": n, "merchant_id": merchant, "terminal_id": terminal, "operator_id": operator}
            for n, (merchant, terminal, operator) in enumerate(asked)
        ],
    )
    return ((asked[n], bool(active), role or "") for n, active, role in found)


def lock_cards(uids: Iterable[str]) -> dict[str, CardState]:
    """The cards with these uids, their accounts locked in key order until the commit."""
    locking = " FOR UPDATE OF a" if connection.features.has_select_for_update_of else ""
    found = _select(
        "SELECT a.account_id, c.id, c.uid, p.merchant_id, c.programme_id, c.key_version, c.status, c.expires_on, "
        "p.tap_limit, p.daily_limit, p.balance_limit, a.balance, a.key_version, a.last_counter, a.spent_on, a.spent "
        f"FROM {_rows({'uid': 'text'})} JOIN merchants_card c ON c.uid = v.uid "
        f"JOIN {CARD_ACCOUNTS} a ON a.card_id = c.id JOIN merchants_cardprogramme p ON p.id = c.programme_id "
        f"ORDER BY a.account_id{locking}",
        [{"uid": uid} for uid in sorted(set(uids))],
    )
    return {row[2]: CardState(*[*row[:7], _date(row[7]), *row[8:14], _date(row[14]), row[15]]) for row in found}


def wait_hardly_for_locks() -> None:
    """Until the end of this transaction; a lock somebody holds for longer is an OperationalError (55P03)."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{HURRIED_LOCK_MS_MAX}ms'")


# --- writing --------------------------------------------------------------------------------------


def advance_logs(counts: Mapping[int, int]) -> dict[int, int]:
    """Take so many sequence numbers in each merchant's log; returns the last one taken, by merchant."""
    columns = {"merchant_id": "bigint", "sequence": "bigint"}
    taken = _select(
        f"INSERT INTO {LOGS} (merchant_id, sequence) SELECT v.merchant_id, v.sequence FROM {_rows(columns)} "
        "WHERE true ORDER BY v.merchant_id ON CONFLICT (merchant_id) "
        f"DO UPDATE SET sequence = {LOGS}.sequence + excluded.sequence RETURNING merchant_id, sequence",
        [{"merchant_id": merchant, "sequence": count} for merchant, count in sorted(counts.items())],
    )
    return dict(taken)


def write_cards(cards: Sequence[CardState]) -> None:
    """Write the changed cards. Conditional on the counter going up: the lock's promise, checked by the statement."""
    rows = [
        {
            "account_id": card.account_id,
            "balance": card.balance,
            "key_version": card.counter_version,
            "last_counter": card.last_counter,
            "spent_on": card.spent_on,
            "spent": card.spent,
        }
        for card in cards
    ]
    changed = _execute(
        f"UPDATE {CARD_ACCOUNTS} SET balance = v.balance, key_version = v.key_version, last_counter = v.last_counter, "
        f"spent_on = v.spent_on, spent = v.spent FROM {_rows(CARD_COLUMNS)} "
        f"WHERE {CARD_ACCOUNTS}.account_id = v.account_id AND (v.last_counter >= {CARD_ACCOUNTS}.last_counter "
        f"OR v.key_version > {CARD_ACCOUNTS}.key_version)",
        rows,
    )
    if changed != len(rows):
        raise RuntimeError(f"{len(rows) - changed} of {len(rows)} card accounts were not written")


def write_transactions(transactions: Sequence[Recorded]) -> None:
    """Append to the log. A dataclass is its fields to orjson; the statement takes those that are columns."""
    _insert(TRANSACTIONS, TRANSACTION_COLUMNS, transactions)


def write_transfers(rows: Sequence[Row]) -> None:
    """Append to the ledger; rows of `TRANSFER_COLUMNS`."""
    _insert(TRANSFERS, TRANSFER_COLUMNS, rows)


def add_totals(sums: Mapping[tuple[Any, ...], Sequence[int]]) -> None:
    """Add to the running totals: key tuple (in the order of `TOTAL_KEYS`) → (count, gross, fee)."""
    rows = [
        dict(zip((*TOTAL_KEYS, *TOTAL_SUMS), (*key, *sums[key]), strict=True))
        for key in sorted(sums, key=lambda key: tuple(map(str, key)))
    ]
    columns = TOTAL_KEYS | TOTAL_SUMS
    added = ", ".join(f"{name} = {TOTALS}.{name} + excluded.{name}" for name in TOTAL_SUMS)
    _execute(
        f"INSERT INTO {TOTALS} ({', '.join(columns)}) SELECT {_listed(columns)} FROM {_rows(columns)} WHERE true "
        f"ON CONFLICT ({', '.join(TOTAL_KEYS)}) DO UPDATE SET {added}",
        rows,
    )


# --- the two dialects -----------------------------------------------------------------------------


def _rows(columns: Mapping[str, str]) -> str:
    """A FROM item `v` with these columns, read from the statement's one JSON parameter."""
    if connection.vendor == "postgresql":
        return f"jsonb_to_recordset(%s::jsonb) AS v({', '.join(f'{name} {kind}' for name, kind in columns.items())})"
    fields = ", ".join(f"{_sqlite_value(name, kind)} AS {name}" for name, kind in columns.items())
    return f"(SELECT {fields} FROM json_each(%s)) AS v"


def _sqlite_value(name: str, kind: str) -> str:
    """A JSON field as Django keeps it in SQLite: ids as 32 hex digits, UTC times without an offset."""
    value = f"json_extract(value, '$.{name}')"
    if kind == "uuid":
        return f"replace({value}, '-', '')"
    return f"replace(substr({value}, 1, 26), 'T', ' ')" if kind == "timestamptz" else value


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(f"v.{name}" for name in columns)


def _insert(table: str, columns: Mapping[str, str], rows: Sequence[Row | Recorded]) -> None:
    _execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {_listed(columns)} FROM {_rows(columns)}", rows)


def _select(sql: str, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [_json(rows)])
        rows_found: list[tuple[Any, ...]] = cursor.fetchall()
        return rows_found


def _execute(sql: str, rows: Sequence[Row | Recorded]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, [_json(rows)])
        return int(cursor.rowcount)


def _json(rows: Sequence[Row | Recorded]) -> str:
    return orjson.dumps(rows).decode()


def _python(row: tuple[Any, ...]) -> Iterable[Any]:
    """A row of `TRANSACTION_COLUMNS` as Python values (SQLite hands over ids as text and times without a zone)."""
    for value, kind in zip(row, TRANSACTION_COLUMNS.values(), strict=True):
        if kind == "uuid" and isinstance(value, str):
            yield UUID(value)
        elif kind == "timestamptz" and value.tzinfo is None:
            yield value.replace(tzinfo=UTC)
        else:
            yield value


def _date(value: date | str | None) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value
