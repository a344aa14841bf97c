"""`check_ledger` must find what is wrong: each rule is broken by hand once."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.factories import make_card, make_member, make_merchant, make_terminal, sell
from transactions.migrations import _append_only
from transactions.models import CardAccount, HourTotal, LedgerAccount, MerchantLog, Transaction, Transfer

pytestmark = [pytest.mark.django_db, pytest.mark.breaks_the_books]


@pytest.fixture
def books():
    """One sale, and the database's own refusals taken off, as if they had never been there."""
    merchant = make_merchant()
    sell(make_card(merchant), 12_50, make_member(merchant), make_terminal(merchant))
    with connection.cursor() as cursor:
        for statement in _append_only.removal(connection.vendor):
            cursor.execute(statement)
    return merchant


def lose_a_transfer(merchant):
    Transfer.objects.filter(amount=8).delete()


def change_a_balance(merchant):
    CardAccount.objects.update(balance=1)


def double_a_transfer(merchant):
    row = Transfer.objects.filter(amount=8).values("transaction_id", "debit_id", "credit_id", "amount").get()
    Transfer.objects.create(**row)


def pay_a_decline(merchant):
    Transaction.objects.filter(kind="purchase").update(status="declined")


def lose_a_sequence_number(merchant):
    MerchantLog.objects.update(sequence=9)


def change_a_total(merchant):
    HourTotal.objects.filter(kind="purchase").update(gross=1)


def pay_from_another_card(merchant):
    other = make_card(merchant, balance=0)
    transfer = Transfer.objects.filter(debit__kind="card")
    transfer.update(debit=LedgerAccount.objects.get(card_account__card=other))


def forget_a_counter(merchant):
    CardAccount.objects.update(last_counter=0)


def test_true_books_are_called_true(books):
    told = io.StringIO()
    call_command("check_ledger", stdout=told)
    assert "The books are true." in told.getvalue()


@pytest.mark.parametrize(
    "break_them",
    [
        lose_a_transfer,
        change_a_balance,
        double_a_transfer,
        pay_a_decline,
        lose_a_sequence_number,
        change_a_total,
        pay_from_another_card,
        forget_a_counter,
    ],
)
def test_broken_books_are_named(books, break_them):
    break_them(books)
    told = io.StringIO()
    with pytest.raises(CommandError, match="not true"):
        call_command("check_ledger", stdout=io.StringIO(), stderr=told)
    assert "not true that" in told.getvalue()
