"""pgbench's statement does the product's work: the same rows, the same refusals, books that are true."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from benchmarks import prepare, yardstick
from benchmarks.world import AMOUNT, World
from merchants.models import Card, Member, Merchant, Terminal
from tests.factories import make_attempt
from transactions.authorisation import authorise
from transactions.models import CardAccount, HourTotal, MerchantLog, Transaction, Transfer

pytestmark = [pytest.mark.services, pytest.mark.django_db]

# What two taps can't have in common.
OWN = {"id", "sequence", "start_id", "tap_id", "card_id", "terminal_id", "occurred_at"}


@pytest.fixture
def world() -> World:
    """Two merchants, four cards, the function installed."""
    if connection.vendor != "postgresql":
        pytest.skip("pgbench measures PostgreSQL")
    made = World.of(prepare.make(merchants=2, cards=4, terminals=4))
    with connection.cursor() as cursor:
        cursor.execute(Path(yardstick.SQL).read_text(), None)
    return made


def tap(world: World, *, till: int = 1, counter: int = 1, start_id: str = "gen_random_uuid()") -> tuple[Any, ...]:
    """Run the statement as pgbench would; its outcome: id, sequence, status, fee, balance."""
    statement = yardstick.statement(world).replace("SELECT yardstick_tap", "SELECT * FROM yardstick_tap")
    values = {":till": till, ":stall": 1 + (till - 1) % len(world.stalls), ":n": counter}
    statement = statement.replace("gen_random_uuid()", start_id, 1)
    for name, value in values.items():
        statement = statement.replace(name, str(value))
    with connection.cursor() as cursor:
        cursor.execute(statement, None)
        row = cursor.fetchone()
    assert row is not None
    return tuple(row)


def columns(row: Any, less: set[str] = frozenset()) -> Mapping[str, Any]:  # type: ignore[assignment]
    return {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields if f.attname not in less}


def test_it_writes_what_the_product_writes(world):
    """One tap by the product on one card, one by the yardstick on its twin of the same merchant."""
    ours, theirs = (Card.objects.get(uid=world.purses[n].card.uid.hex().upper()) for n in (0, 2))
    merchant = Merchant.objects.get(pk=world.stalls[0].merchant)
    cashier = Member.objects.get(merchant=merchant, role="cashier")
    terminal = Terminal.objects.get(pk=world.phones[0].terminal)

    made = authorise([make_attempt(ours, AMOUNT, cashier, terminal)])[0].transaction
    outcome = tap(world, till=3)

    assert made.status == "approved"
    mine, other = Transaction.objects.get(pk=made.id), Transaction.objects.get(pk=outcome[0])
    assert columns(other, OWN) == columns(mine, OWN)
    assert other.sequence == mine.sequence + 1
    assert other.card_id == theirs.pk
    assert other.pk.version == mine.pk.version == 7
    assert abs(other.occurred_at - mine.occurred_at).total_seconds() < 60
    assert outcome[1:] == (other.sequence, "approved", other.fee, other.balance_after)

    legs = [
        [
            (leg.debit.kind, leg.credit.kind, leg.amount)
            for leg in Transfer.objects.filter(transaction=row).order_by("pk")
        ]
        for row in (mine, other)
    ]
    assert legs[0] == legs[1]
    assert len(legs[0]) == 2
    accounts = [columns(CardAccount.objects.get(card=card), {"account_id", "card_id"}) for card in (ours, theirs)]
    assert accounts[0] == accounts[1]
    totals = [columns(row, {"id", "terminal_key"}) for row in HourTotal.objects.filter(kind="purchase").order_by("pk")]
    assert totals[0] == totals[1]
    assert MerchantLog.objects.get(merchant=merchant).sequence == other.sequence


def test_many_taps_leave_true_books(world):
    """The proof itself is asked after every test (tests/conftest.py)."""
    for counter in range(1, 26):
        for till in range(1, 5):
            tap(world, till=till, counter=counter)
    assert Transaction.objects.filter(kind="purchase").count() == 100
    assert Transfer.objects.filter(transaction__kind="purchase").count() == 200


def test_the_same_start_id_gets_the_stored_outcome(world):
    start_id = f"'{uuid.uuid4()}'"
    first = tap(world, counter=1, start_id=start_id)
    assert tap(world, counter=2, start_id=start_id) == first
    assert Transaction.objects.filter(kind="purchase").count() == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda world: None, "replayed_tap"),
        (lambda world: Card.objects.update(status="blocked"), "card_blocked"),
        (lambda world: Terminal.objects.update(revoked_at="2026-01-01T00:00Z"), "terminal_revoked"),
        (lambda world: Member.objects.update(removed_at="2026-01-01T00:00Z"), "not_permitted"),
        (lambda world: Card.objects.update(key_version=2), "not_genuine"),
    ],
)
def test_what_the_product_declines_fails(world, change, reason):
    tap(world, counter=5)
    change(world)
    with pytest.raises(DatabaseError, match=reason), transaction.atomic():
        tap(world, counter=5 if reason == "replayed_tap" else 6)


def test_pgbench_gets_a_script_that_postgresql_can_prepare(world):
    """pgbench's own variables become parameters; nothing else in the text looks like one."""
    script = yardstick.script(world)
    assert script.count("SELECT") == 1
    with connection.cursor() as cursor:
        text = yardstick.statement(world).rstrip(";")
        for number, name in enumerate((":till", ":stall", ":n"), 1):
            text = text.replace(name, f"${number}")
        assert isinstance(cursor.connection, psycopg.Connection)
        cursor.connection.pgconn.prepare(b"of_pgbench", text.encode())
        assert cursor.connection.pgconn.describe_prepared(b"of_pgbench").nparams == 3
        cursor.execute("DEALLOCATE of_pgbench")
