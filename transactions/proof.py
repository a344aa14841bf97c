"""Proves the books (`manage.py check_ledger`): every rule is one set-based query that must find nothing.

Trusts nothing the authoriser wrote: balances are added up from the transfers, the transfers each transaction should
have are worked out from its kind and amounts, running totals from the log.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import connection, transaction

FINDINGS_SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold, and the query whose rows break it: (what, is, should be)."""

    name: str
    sql: str


LEGS = """
    SELECT t.id, 'card' AS debit, 'settlement' AS credit, t.amount FROM transactions_transaction t
      WHERE t.status = 'approved' AND t.kind = 'purchase'
    UNION ALL SELECT t.id, 'settlement', 'fees', t.fee FROM transactions_transaction t
      WHERE t.status = 'approved' AND t.kind = 'purchase' AND t.fee > 0
    UNION ALL SELECT t.id, 'cash', 'card', t.amount FROM transactions_transaction t
      WHERE t.status = 'approved' AND t.kind = 'top_up'
    UNION ALL SELECT t.id, 'issuance', 'card', t.amount FROM transactions_transaction t
      WHERE t.status = 'approved' AND t.kind = 'adjustment'"""

MADE = """
    SELECT f.transaction_id AS id, d.kind AS debit, c.kind AS credit, f.amount FROM transactions_transfer f
      JOIN transactions_ledgeraccount d ON d.id = f.debit_id JOIN transactions_ledgeraccount c ON c.id = f.credit_id"""

RULES = (
    Rule(
        "a card's balance is the sum of its transfers",
        """SELECT a.account_id, a.balance, COALESCE(s.sum, 0) FROM transactions_cardaccount a LEFT JOIN
        (SELECT account, SUM(amount) AS sum FROM
          (SELECT credit_id AS account, amount FROM transactions_transfer
           UNION ALL SELECT debit_id, -amount FROM transactions_transfer) m GROUP BY account) s
        ON s.account = a.account_id WHERE a.balance <> COALESCE(s.sum, 0)""",
    ),
    Rule(
        "no card is below zero",
        "SELECT account_id, balance, 0 FROM transactions_cardaccount WHERE balance < 0",
    ),
    Rule(
        "all balances together are zero: debits equal credits",
        """SELECT 'all accounts', SUM(sum), 0 FROM (SELECT SUM(amount) AS sum FROM transactions_transfer f
        JOIN transactions_ledgeraccount a ON a.id = f.credit_id UNION ALL
        SELECT -SUM(amount) FROM transactions_transfer f JOIN transactions_ledgeraccount a ON a.id = f.debit_id) b
        HAVING SUM(sum) <> 0""",
    ),
    Rule(
        "every approved transaction has its transfers",
        f"SELECT id, debit, credit FROM (SELECT * FROM ({LEGS}) l EXCEPT SELECT * FROM ({MADE}) m) missing",
    ),
    Rule(
        "no transaction has other transfers",
        f"SELECT id, debit, credit FROM (SELECT * FROM ({MADE}) m EXCEPT SELECT * FROM ({LEGS}) l) extra",
    ),
    Rule(
        "no transfer is made twice",
        f"SELECT id, debit, COUNT(*) FROM ({MADE}) m GROUP BY id, debit, credit HAVING COUNT(*) > 1",
    ),
    Rule(
        "transfers run between accounts of the transaction's merchant and card",
        """SELECT t.id, f.debit_id, f.credit_id FROM transactions_transfer f
        JOIN transactions_transaction t ON t.id = f.transaction_id
        JOIN transactions_ledgeraccount d ON d.id = f.debit_id JOIN transactions_ledgeraccount c ON c.id = f.credit_id
        LEFT JOIN transactions_cardaccount a ON a.account_id = CASE WHEN d.kind = 'card' THEN d.id ELSE c.id END
        WHERE d.merchant_id <> t.merchant_id OR c.merchant_id <> t.merchant_id
        OR ((d.kind = 'card' OR c.kind = 'card') AND (a.card_id IS NULL OR a.card_id <> t.card_id))""",
    ),
    Rule(
        "sequences have no gap",
        """SELECT m.id, COALESCE(l.sequence, 0), COUNT(t.id) FROM merchants_merchant m
        LEFT JOIN transactions_merchantlog l ON l.merchant_id = m.id
        LEFT JOIN transactions_transaction t ON t.merchant_id = m.id GROUP BY m.id, l.sequence
        HAVING COALESCE(l.sequence, 0) <> COUNT(t.id) OR COALESCE(MAX(t.sequence), 0) <> COUNT(t.id)""",
    ),
    Rule(
        "running totals equal the log",
        """SELECT k.merchant_id, k.business_date, k.kind FROM
        (SELECT merchant_id, business_date, terminal_key, method, kind, SUM(count) AS n, SUM(gross) AS g, SUM(fee) AS f
         FROM transactions_hourtotal GROUP BY merchant_id, business_date, terminal_key, method, kind
         UNION ALL
         SELECT merchant_id, business_date, COALESCE(terminal_id, {no_terminal}), method, kind,
           -COUNT(*), -SUM(amount), -SUM(fee)
         FROM transactions_transaction WHERE status = 'approved'
         GROUP BY merchant_id, business_date, COALESCE(terminal_id, {no_terminal}), method, kind) k
        GROUP BY k.merchant_id, k.business_date, k.terminal_key, k.method, k.kind
        HAVING SUM(n) <> 0 OR SUM(g) <> 0 OR SUM(f) <> 0""",
    ),
    Rule(
        "every transaction's merchant, terminal, operator and fee schedule exist",
        """SELECT t.id, t.merchant_id, t.operator_id FROM transactions_transaction t
        LEFT JOIN merchants_merchant m ON m.id = t.merchant_id
        LEFT JOIN merchants_terminal k ON k.id = t.terminal_id AND k.merchant_id = t.merchant_id
        LEFT JOIN merchants_user u ON u.id = t.operator_id
        LEFT JOIN merchants_feeschedule s ON s.id = t.fee_schedule_id AND s.merchant_id = t.merchant_id
        WHERE m.id IS NULL OR (t.terminal_id IS NOT NULL AND k.id IS NULL AND t.status <> 'declined')
        OR (t.operator_id IS NOT NULL AND u.id IS NULL) OR (t.fee_schedule_id IS NOT NULL AND s.id IS NULL)""",
    ),
    Rule(
        "a card's counter covers every tap of its key version",
        """SELECT a.card_id, a.last_counter, MAX(t.read_counter) FROM transactions_cardaccount a
        JOIN transactions_transaction t ON t.card_id = a.card_id AND t.key_version = a.key_version
        GROUP BY a.card_id, a.last_counter HAVING MAX(t.read_counter) > a.last_counter""",
    ),
)


def findings(report: Callable[[str, int], None] | None = None) -> Iterator[str]:
    """Sentences naming what is wrong; none when the books are true. Reads one state of the database.

    `report(rule name, number of findings)` is told of each rule as it was checked.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql" and not _nested():
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for rule in RULES:
            cursor.execute(rule.sql.replace("{no_terminal}", _no_terminal()))
            rows = cursor.fetchall()
            if report:
                report(rule.name, len(rows))
            for what, stands, other in rows[:FINDINGS_SHOWN_MAX]:
                yield f"not true that {rule.name}: {what} ({stands}, {other})"
            if len(rows) > FINDINGS_SHOWN_MAX:
                yield f"… and {len(rows) - FINDINGS_SHOWN_MAX} more against: {rule.name}"


def _nested() -> bool:
    return len(connection.savepoint_ids) > 0


def _no_terminal() -> str:
    if connection.vendor == "postgresql":
        return "'00000000-0000-0000-0000-000000000000'::uuid"
    return "'00000000000000000000000000000000'"
