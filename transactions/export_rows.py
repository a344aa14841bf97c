"""What a line of the CSV says (protocol, section 4): every column twice, side by side.

Once in Python, which is the readable definition and what SQLite uses; once as a PostgreSQL expression, which makes a
page of lines ten times as fast as Python does. A test holds the two to the same bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from merchants.models.cards import masked_uid
from transactions.models import Transaction
from transactions.public_id import ALPHABET, PREFIX, to_public
from transactions.wording import MONEY_BACK

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute (CVE-2021-41270)


class Row(NamedTuple):
    """One transaction as it is read for the CSV; amounts in minor units. Named and ordered as `FIELDS`."""

    sequence: int
    id: UUID
    occurred_at: datetime
    business_date: date
    kind: str
    status: str
    method: str
    uid: str | None
    terminal: str | None
    first_name: str | None
    last_name: str | None
    username: str | None
    order_reference: str
    original_id: UUID | None
    amount: int
    fee_rate_ppm: int
    fee: int
    net: int
    currency: str
    response_code: str
    note: str


_OF_RELATIONS = {
    "uid": "card__uid",
    "terminal": "terminal__name",
    "first_name": "operator__first_name",
    "last_name": "operator__last_name",
    "username": "operator__username",
}
FIELDS = tuple(_OF_RELATIONS.get(name, name) for name in Row._fields)


# --- in Python ------------------------------------------------------------------------------------


def guarded(text: str | None) -> str:
    """Text that no spreadsheet takes for a formula. Never for numbers: a minus is theirs."""
    return f"'{text}" if text and text.startswith(FORMULA_STARTS) else text or ""


def decimal(minor: int) -> str:
    """Minor units with two decimals: -1250 → -12.50."""
    whole, cents = divmod(abs(minor), 100)
    return f"{'-' if minor < 0 else ''}{whole}.{cents:02d}"


def fraction(ppm: int) -> str:
    """Parts per million as a decimal fraction: 6000 → 0.006000."""
    whole, millionths = divmod(ppm, 1_000_000)
    return f"{whole}.{millionths:06d}"


def _sign(row: Row) -> int:
    """Money that goes back is negative. What was not approved has taken nothing, so that sums hold."""
    return 0 if row.status != Transaction.Status.APPROVED else -1 if row.kind in MONEY_BACK else 1


def _operator(row: Row) -> str:
    return f"{row.first_name or ''} {row.last_name or ''}".strip(" ") or row.username or ""


# --- in PostgreSQL --------------------------------------------------------------------------------
# Over the columns of `Row`. An expression that only one line in many needs stands behind a CASE, and what PostgreSQL
# is slow at (regular expressions, to_char, substr letter by letter) is not used: these run a million times.


def _sql_guarded(text: str) -> str:
    """`guarded`, and quoted as Python's csv module does it; '' for NULL."""
    guard = f"ascii({text}) IN ({', '.join(str(ord(start)) for start in FORMULA_STARTS)})"
    quote = " OR ".join(f"strpos({text}, chr({ord(letter)})) > 0" for letter in ',"\n\r')
    return (
        f"CASE WHEN COALESCE({text}, '') = '' THEN '' "
        f"WHEN {quote} THEN '\"' || CASE WHEN {guard} THEN '''' ELSE '' END || replace({text}, '\"', '\"\"') || '\"' "
        f"WHEN {guard} THEN '''' || {text} ELSE {text} END"
    )


def _sql_decimal(minor: str) -> str:
    back = ", ".join(f"'{kind}'" for kind in MONEY_BACK)
    return (
        f"CASE WHEN status <> '{Transaction.Status.APPROVED}' OR {minor} = 0 THEN 0.00 "
        f"WHEN kind IN ({back}) THEN {minor} * -0.01 ELSE {minor} * 0.01 END"
    )


# Two letters at a time, as a number of their two bytes: an array of numbers is looked up in one step.
_PAIRS = [ord(ALPHABET[pair >> 5]) << 8 | ord(ALPHABET[pair & 31]) for pair in range(1 << 10)]
_SQL_PAIRS = f"'[0:1023]={{{','.join(map(str, _PAIRS))}}}'::bigint[]"


def _sql_public_id(octets: str) -> str:
    """`to_public` of sixteen bytes: the first makes two letters, every five after it eight."""

    def octet(number: int) -> str:
        return f"get_byte({octets}, {number})"

    def eight_letters(first: int) -> str:
        a, b, c, d, e = (octet(first + place) for place in range(5))
        pairs = (
            f"({a} << 2) | ({b} >> 6)",
            f"(({b} & 63) << 4) | ({c} >> 4)",
            f"(({c} & 15) << 6) | ({d} >> 2)",
            f"(({d} & 3) << 8) | {e}",
        )
        letters = (f"(pairs[{pair}] << {48 - 16 * place})" for place, pair in enumerate(pairs))
        return f"int8send({' | '.join(letters)})"

    two_letters = f"int2send(pairs[{octet(0)}]::int2)"
    letters = " || ".join((two_letters, *(eight_letters(first) for first in (1, 6, 11))))
    return f"'{PREFIX}' || encode({letters}, 'escape')"


# RFC 3339 in the session's time zone, which is set to the merchant's; JSON's quotes cut off.
_SQL_LOCAL_TIME = "substr(to_json(date_trunc('second', occurred_at))::text, 2, 25)"
_SQL_MASKED = f"CASE WHEN uid IS NULL THEN '' ELSE '{masked_uid('')}' || right(uid, 4) END"
_SQL_OPERATOR = "COALESCE(NULLIF(btrim(COALESCE(first_name, '') || ' ' || COALESCE(last_name, '')), ''), username)"


# --- the columns ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its cell of a row in the merchant's zone, and the same in SQL, quoted for the file."""

    name: str
    cell: Callable[[Row, ZoneInfo], str]
    sql: str


_COLUMNS = (
    Column("transaction_id", lambda row, _: to_public(row.id), _sql_public_id("octets")),
    Column("occurred_at", lambda row, zone: _local_time(row.occurred_at, zone), _SQL_LOCAL_TIME),
    Column("business_date", lambda row, _: row.business_date.isoformat(), "business_date"),
    Column("kind", lambda row, _: row.kind, "kind"),
    Column("status", lambda row, _: row.status, "status"),
    Column("method", lambda row, _: row.method, "method"),
    Column("card", lambda row, _: masked_uid(row.uid) if row.uid else "", _SQL_MASKED),
    Column("terminal", lambda row, _: guarded(row.terminal), _sql_guarded("terminal")),
    Column("operator", lambda row, _: guarded(_operator(row)), _sql_guarded("operator")),
    Column("order_reference", lambda row, _: guarded(row.order_reference), _sql_guarded("order_reference")),
    Column(
        "original_transaction_id",
        lambda row, _: to_public(row.original_id) if row.original_id else "",
        f"CASE WHEN original_id IS NULL THEN '' ELSE {_sql_public_id('uuid_send(original_id)')} END",
    ),
    Column("gross", lambda row, _: decimal(_sign(row) * row.amount), _sql_decimal("amount")),
    Column("fee_rate", lambda row, _: fraction(row.fee_rate_ppm), "fee_rate_ppm * 0.000001"),
    Column("fee", lambda row, _: decimal(_sign(row) * row.fee), _sql_decimal("fee")),
    Column("net", lambda row, _: decimal(_sign(row) * row.net), _sql_decimal("net")),
    Column("currency", lambda row, _: row.currency, "currency"),
    Column("response_code", lambda row, _: row.response_code, "response_code"),
    Column("settlement_id", lambda _row, _zone: "", "''"),  # nothing is settled yet
    Column("note", lambda row, _: guarded(row.note), _sql_guarded("note")),
)
COLUMNS = tuple(column.name for column in _COLUMNS)


def cells(row: Row, zone: ZoneInfo) -> tuple[str, ...]:
    """One line of the CSV, in the order of `COLUMNS` (protocol, section 4)."""
    return tuple(column.cell(row, zone) for column in _COLUMNS)


def _local_time(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(timespec="seconds")


def sql_of_lines(rows: str) -> str:
    """SQL for the lines of `rows` in their order, as bytes of the file; NULL when there are none.

    `rows` is a statement that selects `FIELDS`. The session's time zone has to be the merchant's.
    """
    line = ", ".join(column.sql for column in _COLUMNS)
    return (
        f"SELECT convert_to(string_agg(concat_ws(',', {line}) || E'\\r\\n', ''), 'UTF8') "
        f"FROM (SELECT *, uuid_send(id) AS octets, {_SQL_OPERATOR} AS operator "
        f"FROM ({rows}) AS row ({', '.join(Row._fields)}) "
        # OFFSET 0: worked out once, not wherever it is used.
        f"CROSS JOIN (SELECT {_SQL_PAIRS} AS pairs OFFSET 0) AS letters OFFSET 0) AS row"
    )
