"""A merchant with years of history, written straight into PostgreSQL: the books hold (`manage.py check_ledger`).

    python -m benchmarks.history_load 1000000        # with a server's environment; prints what was made, as JSON

Nothing here is how the product writes. It is how a benchmark gets ten million rows in minutes: one INSERT … SELECT
per table with the indexes and foreign keys taken off and put on again, which checks every key.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "softpos.settings")
django.setup()

from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from merchants.business_day import business_date  # noqa: E402
from merchants.models import Member, Merchant  # noqa: E402
from merchants.tokens import issue_token  # noqa: E402
from tests.factories import make_member, make_merchant, make_terminal  # noqa: E402
from transactions.ledger import open_books  # noqa: E402
from transactions.models import LedgerAccount  # noqa: E402

PER_DAY = 5_000  # whatever the number of transactions: what is compared is how far back the history goes
PER_CARD = 500
TERMINALS = 8
CASHIERS = 4
CARD_BALANCE = 1_000_000_00  # enough for every purchase of a card
OPENS = time(8)
OPEN_S = 14 * 3600

# What the nth movement is: most are sales, as at a till. `n % 100` picks.
TRANSACTIONS = """
INSERT INTO transactions_transaction (id, merchant_id, sequence, start_id, tap_id, kind, status, reason, response_code,
  amount, fee, net, currency, fee_rate_ppm, fee_schedule_id, fee_rule, method, card_id, key_version, read_counter,
  balance_after, terminal_id, operator_id, order_reference, note, occurred_at, business_date)
SELECT id, %(merchant)s, n, id, id, kind, status, reason, CASE status WHEN 'approved' THEN '00' ELSE '51' END,
  amount, fee, amount - fee, 'CNY', rate, CASE WHEN rate > 0 THEN %(schedule)s::bigint END, '', 'prepaid',
  %(card)s + n %% %(cards)s, 1, CASE WHEN kind <> 'adjustment' THEN 2 * (n / %(cards)s) END, 0,
  CASE WHEN kind <> 'adjustment' THEN (%(terminals)s::uuid[])[1 + n / 7 %% %(terminal_count)s] END,
  (%(operators)s::bigint[])[1 + n / 7 %% %(operator_count)s], '',
  CASE WHEN n %% 50 = 0 THEN '大杯拿铁, 去冰 "' || n || '"' ELSE '' END, at, day
FROM (
  SELECT *, (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n %% 4096), 3, '0')
      || '8' || lpad(to_hex(n), 15, '0'))::uuid AS id,
    CASE WHEN status = 'approved' AND kind = 'purchase' THEN (amount * rate + 500000) / 1000000 ELSE 0 END AS fee
  FROM (
    SELECT n, %(first_day)s::date + ((n - 1) / %(per_day)s)::int AS day,
      (%(first_day)s::date + ((n - 1) / %(per_day)s)::int + %(opens)s::time) AT TIME ZONE %(zone)s
        + ((n - 1) %% %(per_day)s) * %(open_s)s / %(per_day)s * interval '1 second' AS at,
      CASE WHEN n <= %(cards)s THEN 'adjustment' WHEN n %% 100 < 92 THEN 'purchase' WHEN n %% 100 < 96 THEN 'top_up'
        WHEN n %% 100 < 98 THEN 'balance' ELSE 'purchase' END AS kind,
      CASE WHEN n <= %(cards)s OR n %% 100 < 98 THEN 'approved' WHEN n %% 200 < 199 THEN 'declined'
        ELSE 'cancelled' END AS status,
      CASE WHEN n <= %(cards)s OR n %% 100 < 98 THEN '' WHEN n %% 200 < 199 THEN 'insufficient_funds'
        ELSE 'expired' END AS reason,
      CASE WHEN n <= %(cards)s THEN %(card_balance)s WHEN n %% 100 >= 96 AND n %% 100 < 98 THEN 0
        ELSE 100 + n * 7919 %% 9900 END AS amount,
      CASE WHEN n > %(cards)s AND n %% 100 < 92 THEN 6000 ELSE 0 END AS rate
    FROM generate_series(1::bigint, %(count)s) AS n
  ) AS movement
) AS identified"""

TRANSFERS = """
INSERT INTO transactions_transfer (transaction_id, debit_id, credit_id, amount)
SELECT t.id, leg.debit, leg.credit, leg.amount FROM transactions_transaction t
JOIN transactions_cardaccount a ON a.card_id = t.card_id
CROSS JOIN LATERAL (VALUES
  (t.kind = 'purchase', a.account_id, %(settlement)s, t.amount),
  (t.kind = 'purchase' AND t.fee > 0, %(settlement)s, %(fees)s, t.fee),
  (t.kind = 'top_up', %(cash)s, a.account_id, t.amount),
  (t.kind = 'adjustment', %(issuance)s, a.account_id, t.amount)) AS leg(made, debit, credit, amount)
WHERE leg.made AND t.status = 'approved' AND t.merchant_id = %(merchant)s"""

TOTALS = """
INSERT INTO transactions_hourtotal (merchant_id, business_date, hour, terminal_key, method, kind, count, gross, fee)
SELECT merchant_id, business_date, extract(hour FROM occurred_at AT TIME ZONE %(zone)s),
  COALESCE(terminal_id, '00000000-0000-0000-0000-000000000000'), method, kind, COUNT(*), SUM(amount), SUM(fee)
FROM transactions_transaction WHERE status = 'approved' AND merchant_id = %(merchant)s GROUP BY 1, 2, 3, 4, 5, 6"""

CARDS = """
WITH issued AS (INSERT INTO merchants_card (programme_id, uid, key_version, status, issued_at)
  SELECT %(programme)s, '04F' || upper(lpad(to_hex(n * 40503 %% 16777216), 11, '0')), 1, 'active', now()
  FROM generate_series(1, %(cards)s) AS n RETURNING id)
SELECT MIN(id), MAX(id) FROM issued"""

CARD_ACCOUNTS = """
WITH cards AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM merchants_card WHERE programme_id = %(programme)s),
opened AS (INSERT INTO transactions_ledgeraccount (kind, merchant_id) SELECT 'card', %(merchant)s FROM cards
  RETURNING id),
numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM opened)
INSERT INTO transactions_cardaccount (account_id, card_id, balance, key_version, last_counter, spent)
SELECT numbered.id, cards.id, 0, 1, %(counter)s, 0 FROM cards JOIN numbered USING (n)"""

BALANCES = """
UPDATE transactions_cardaccount a SET balance = s.balance FROM (SELECT account, SUM(amount) AS balance FROM (
  SELECT credit_id AS account, amount FROM transactions_transfer
  UNION ALL SELECT debit_id, -amount FROM transactions_transfer) m GROUP BY account) s WHERE s.account = a.account_id"""

HOT = ("transactions_transaction", "transactions_transfer")


@dataclass(frozen=True, slots=True)
class History:
    """Who has the history, and the business dates it spans, inclusive."""

    merchant: Merchant
    owner: Member
    cashier: Member
    first_day: date
    last_day: date


def load(count: int) -> History:
    """A new merchant with `count` transactions, the last of them today. PostgreSQL only; the tables were empty."""
    merchant = make_merchant(slug="history", name="老字号")
    owner = make_member(merchant, "owner", username="history-owner")
    cashiers = [make_member(merchant, "cashier", username=f"history-cashier{n}") for n in range(CASHIERS)]
    terminals = [make_terminal(merchant, f"Counter {n}") for n in range(TERMINALS)]
    open_books([merchant.pk])
    last_day = business_date(timezone.now(), merchant.zone, merchant.day_cut_off_hour)
    first_day = last_day - timedelta(days=(count - 1) // PER_DAY)
    cards = max(20, count // PER_CARD)
    accounts = LedgerAccount.objects.filter(merchant=merchant).values_list("kind", "pk")
    values: dict[str, Any] = {
        "merchant": merchant.pk,
        "programme": merchant.programmes.get().pk,
        "schedule": merchant.fee_schedules.get().pk,
        "zone": merchant.time_zone,
        "count": count,
        "per_day": PER_DAY,
        "first_day": first_day,
        "opens": OPENS,
        "open_s": OPEN_S,
        "cards": cards,
        "counter": 2 * (count // cards) + 1,
        "card_balance": CARD_BALANCE,
        "terminals": [terminal.pk for terminal in terminals],
        "terminal_count": TERMINALS,
        "operators": [cashier.user_id for cashier in cashiers],
        "operator_count": CASHIERS,
        **dict(accounts),
    }
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute("SET work_mem = '256MB'")
        cursor.execute(CARDS, values)
        values["card"], last_card = cursor.fetchone()
        assert last_card - values["card"] == cards - 1, "card numbers without a gap"
        cursor.execute(CARD_ACCOUNTS, values)
        with _bare(HOT):
            cursor.execute(TRANSACTIONS, values)
            cursor.execute("ANALYZE transactions_transaction")
            cursor.execute(TRANSFERS, values)
        cursor.execute(TOTALS, values)
        cursor.execute(BALANCES)
        cursor.execute("INSERT INTO transactions_merchantlog VALUES (%s, %s)", [merchant.pk, count])
        cursor.execute("VACUUM ANALYZE")  # as autovacuum leaves a table that grew slowly: index-only scans work
        cursor.execute("RESET maintenance_work_mem")
        cursor.execute("RESET work_mem")
    return History(merchant, owner, cashiers[0], first_day, last_day)


@contextlib.contextmanager
def _bare(tables: tuple[str, ...]) -> Iterator[None]:
    """These tables without indexes and keys inside; afterwards they have all of them again."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid), contype FROM "
            "pg_constraint WHERE (conrelid = ANY(%s::regclass[]) OR confrelid = ANY(%s::regclass[])) "
            "AND contype IN ('f', 'u', 'p') ORDER BY contype",  # foreign keys first: they lean on the others
            [list(tables), list(tables)],
        )
        constraints = cursor.fetchall()
        for table, name, _, _ in constraints:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        cursor.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = "
            "ANY(%s::regclass[])",
            [list(tables)],
        )
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        yield
        for _, definition in indexes:
            cursor.execute(definition)
        for table, name, definition, _ in reversed(constraints):
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


def main() -> None:
    """Command line."""
    made = load(int(sys.argv[1]))
    days = {"first_day": made.first_day.isoformat(), "last_day": made.last_day.isoformat()}
    json.dump({"token": issue_token(made.owner.user), "merchant": made.merchant.pk, **days}, sys.stdout)


if __name__ == "__main__":
    main()
