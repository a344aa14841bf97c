"""A batch of taps: what is approved, what is declined and why, and what is written."""

import uuid
from datetime import date

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from merchants.models import Card
from softpos.kernel import CardRead, NotGenuine
from tests.factories import make_attempt, make_card, make_member, make_merchant, make_terminal, read_card, sell
from transactions.authorisation import authorise, authorise_each
from transactions.database_thread import DatabaseLost
from transactions.models import CardAccount, HourTotal, Transaction, Transfer
from transactions.policy import policies

pytestmark = pytest.mark.django_db


@pytest.fixture
def stall():
    """A merchant with a cashier, a terminal and a card with 100.00 on it."""
    merchant = make_merchant()
    return merchant, make_member(merchant), make_terminal(merchant), make_card(merchant)


def balance(card: Card) -> int:
    return CardAccount.objects.get(card=card).balance


def test_a_purchase_moves_gross_and_fee(stall):
    _, cashier, terminal, card = stall
    sold = sell(card, 12_50, cashier, terminal).transaction
    assert (sold.status, sold.amount, sold.fee, sold.net) == ("approved", 12_50, 8, 12_42)
    assert (sold.balance_after, balance(card)) == (87_50, 87_50)
    transfers = Transfer.objects.filter(transaction=sold.id).values_list("debit__kind", "credit__kind", "amount")
    assert sorted(transfers) == [("card", "settlement", 12_50), ("settlement", "fees", 8)]


def test_the_fee_rate_and_rule_are_stored_with_the_sale(stall):
    merchant, cashier, terminal, card = stall
    sell(card, 12_50, cashier, terminal)
    row = Transaction.objects.get(kind="purchase")
    assert row.fee_rate_ppm == 6_000
    assert row.fee_schedule == merchant.fee_schedules.get()
    assert row.fee_rule == "6000ppm+0 min 0 cap -"


def test_the_stored_outcome_answers_the_same_id(stall):
    _, cashier, terminal, card = stall
    attempt = make_attempt(card, 10_00, cashier, terminal)
    (first,), (second,) = authorise([attempt]), authorise([attempt])
    assert not first.again
    assert second.again
    assert second.transaction == first.transaction
    assert balance(card) == 90_00


def test_the_same_id_with_another_tap_and_amount_gets_the_stored_outcome(stall):
    _, cashier, terminal, card = stall
    first = sell(card, 10_00, cashier, terminal)
    again = sell(card, 30_00, cashier, terminal, start_id=first.transaction.start_id)
    assert again.transaction.id == first.transaction.id
    assert balance(card) == 90_00


def test_the_same_id_twice_in_one_batch_moves_money_once(stall):
    _, cashier, terminal, card = stall
    start_id = uuid.uuid4()
    attempts = [make_attempt(card, 10_00, cashier, terminal, start_id=start_id) for _ in range(3)]
    assert len({outcome.transaction.id for outcome in authorise(attempts)}) == 1
    assert balance(card) == 90_00


def test_ids_belong_to_their_merchant(stall):
    _, cashier, terminal, card = stall
    other = make_merchant()
    start_id = uuid.uuid4()
    mine = sell(card, 10_00, cashier, terminal, start_id=start_id)
    theirs = sell(make_card(other), 20_00, make_member(other), make_terminal(other), start_id=start_id)
    assert not theirs.again
    assert theirs.transaction.id != mine.transaction.id


def test_a_tap_pays_once(stall):
    _, cashier, terminal, card = stall
    read = read_card(card)
    assert sell(card, 10_00, cashier, terminal, read=read).transaction.status == "approved"
    again = sell(card, 10_00, cashier, terminal, read=read).transaction
    assert (again.status, again.reason, again.response_code) == ("declined", "replayed_tap", "94")
    assert balance(card) == 90_00


def test_one_tap_claimed_with_ten_bills_at_once_pays_one(stall):
    _, cashier, terminal, card = stall
    read = read_card(card)
    outcomes = authorise([make_attempt(card, 1_00, cashier, terminal, read=read) for _ in range(10)])
    assert [outcome.transaction.status for outcome in outcomes].count("approved") == 1
    assert {outcome.transaction.reason for outcome in outcomes} == {"", "replayed_tap"}


def test_an_older_tap_than_the_last_one_is_a_replay(stall):
    _, cashier, terminal, card = stall
    older, newer = read_card(card), read_card(card)
    sell(card, 1_00, cashier, terminal, read=newer)
    assert sell(card, 1_00, cashier, terminal, read=older).transaction.reason == "replayed_tap"


def test_a_gap_in_the_counter_is_no_error(stall):
    _, cashier, terminal, card = stall
    for _ in range(60):
        read = read_card(card)
    assert sell(card, 1_00, cashier, terminal, read=read).transaction.status == "approved"


def test_a_declined_tap_burns_its_counter(stall):
    _, cashier, terminal, card = stall
    read = read_card(card)
    assert sell(card, 100_01, cashier, terminal, read=read).transaction.reason == "insufficient_funds"
    sell(card, 50_00, cashier, terminal, kind="top_up")
    assert sell(card, 100_01, cashier, terminal, read=read).transaction.reason == "replayed_tap"
    assert balance(card) == 150_00


def test_a_forged_tap_changes_nothing(stall):
    _, cashier, terminal, card = stall
    before = CardAccount.objects.values().get(card=card)
    forged = NotGenuine(bytes.fromhex(card.uid))
    declined = sell(card, 1_00, cashier, terminal, read=forged).transaction
    assert (declined.reason, declined.response_code, declined.card_id) == ("not_genuine", "63", None)
    assert CardAccount.objects.values().get(card=card) == before


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (NotGenuine(None), "not_genuine"),
        (NotGenuine(bytes.fromhex("04FFFFFFFFFFFF")), "unknown_card"),
        (CardRead(bytes.fromhex("04FFFFFFFFFFFF"), 1, 1, 1), "unknown_card"),
    ],
)
def test_a_card_nobody_registered(stall, read, reason):
    _, cashier, terminal, _ = stall
    declined = sell(None, 1_00, cashier, terminal, read=read).transaction
    assert (declined.status, declined.reason) == ("declined", reason)


def test_keys_of_another_version_are_not_this_card(stall):
    _, cashier, terminal, card = stall
    read = read_card(card)
    other = CardRead(read.uid, read.read_counter, read.programme_id, read.key_version + 1)
    assert sell(card, 1_00, cashier, terminal, read=other).transaction.reason == "not_genuine"


def test_a_card_issued_again_counts_from_the_beginning(stall):
    _, cashier, terminal, card = stall
    for _ in range(5):
        sell(card, 1_00, cashier, terminal)
    Card.objects.filter(pk=card.pk).update(key_version=2)
    first = CardRead(bytes.fromhex(card.uid), 1, card.programme_id, 2)
    assert sell(card, 1_00, cashier, terminal, read=first).transaction.status == "approved"
    assert CardAccount.objects.get(card=card).last_counter == 1


def test_another_merchants_card_is_not_permitted_and_not_named(stall):
    _, cashier, terminal, _ = stall
    foreign = make_card(make_merchant())
    declined = sell(foreign, 1_00, cashier, terminal).transaction
    assert (declined.reason, declined.card_id) == ("not_permitted", None)
    assert balance(foreign) == 100_00


@pytest.mark.parametrize(
    ("changes", "reason", "code"),
    [
        ({"status": "blocked"}, "card_blocked", "62"),
        ({"status": "lost"}, "lost_card", "41"),
        ({"status": "stolen"}, "stolen_card", "43"),
        ({"expires_on": date(2020, 1, 1)}, "expired_card", "54"),
    ],
)
def test_a_card_that_may_not_pay(stall, changes, reason, code):
    merchant, cashier, terminal, _ = stall
    declined = sell(make_card(merchant, **changes), 1_00, cashier, terminal).transaction
    assert (declined.reason, declined.response_code) == (reason, code)


def test_limits_hold_at_the_limit_and_not_one_past_it(stall):
    merchant, cashier, terminal, _ = stall
    merchant.programmes.update(tap_limit=10_00, daily_limit=25_00)
    card = make_card(merchant, balance=1_000_00)
    amounts = (10_00, 10_01, 10_00, 5_01, 5_00, 1)
    reasons = [sell(card, amount, cashier, terminal).transaction.reason for amount in amounts]
    assert reasons == ["", "over_tap_limit", "", "over_daily_limit", "", "over_daily_limit"]
    assert balance(card) == 975_00


def test_declined_attempts_use_up_no_daily_limit(stall):
    merchant, cashier, terminal, _ = stall
    merchant.programmes.update(daily_limit=10_00)
    card = make_card(merchant, balance=5_00)
    for _ in range(5):
        assert sell(card, 6_00, cashier, terminal).transaction.reason == "insufficient_funds"
    sell(card, 50_00, cashier, terminal, kind="top_up")
    assert sell(card, 10_00, cashier, terminal).transaction.status == "approved"


def test_a_load_takes_cash_and_stops_at_the_balance_limit(stall):
    _, cashier, terminal, card = stall
    loaded = sell(card, 900_00, cashier, terminal, kind="top_up").transaction
    assert (loaded.status, loaded.fee, loaded.balance_after) == ("approved", 0, 1_000_00)
    declined = sell(card, 1, cashier, terminal, kind="top_up").transaction
    assert (declined.reason, declined.response_code) == ("over_balance_limit", "61")


def test_a_balance_enquiry_moves_nothing(stall):
    _, cashier, terminal, card = stall
    asked = sell(card, 0, cashier, terminal, kind="balance").transaction
    assert (asked.status, asked.amount, asked.balance_after) == ("approved", 0, 100_00)
    assert not Transfer.objects.filter(transaction=asked.id).exists()


def test_a_revoked_terminal_and_a_removed_member_are_stopped_at_the_next_tap(stall):
    _, cashier, terminal, card = stall
    terminal.revoked_at = terminal.enrolled_at
    terminal.save()
    assert sell(card, 1_00, cashier, terminal).transaction.reason == "terminal_revoked"
    other = make_terminal(cashier.merchant)
    cashier.removed_at = terminal.enrolled_at
    cashier.save()
    assert sell(card, 1_00, cashier, other).transaction.reason == "not_permitted"
    assert balance(card) == 100_00


def test_an_accountant_sells_nothing(stall):
    merchant, _, terminal, card = stall
    accountant = make_member(merchant, "accountant")
    assert sell(card, 1_00, accountant, terminal).transaction.reason == "not_permitted"


def test_another_merchants_terminal_is_none_of_ours(stall):
    _, cashier, _, card = stall
    assert sell(card, 1_00, cashier, make_terminal(make_merchant())).transaction.reason == "terminal_revoked"


def test_a_batch_takes_the_taps_of_a_card_in_the_cards_order(stall):
    _, cashier, terminal, card = stall
    attempts = [make_attempt(card, 10_00, cashier, terminal) for _ in range(12)]
    outcomes = authorise(attempts[::-1])
    statuses = [outcome.transaction.status for outcome in outcomes[::-1]]
    assert statuses == ["approved"] * 10 + ["declined"] * 2
    assert [outcome.transaction.start_id for outcome in outcomes] == [a.start_id for a in attempts[::-1]]


def test_sequences_run_without_a_gap_over_batches_and_merchants(stall):
    merchant, cashier, terminal, card = stall
    other = make_merchant()
    other_cashier, other_terminal, other_card = make_member(other), make_terminal(other), make_card(other)
    for _ in range(3):
        authorise(
            [make_attempt(card, 1_00, cashier, terminal) for _ in range(4)]
            + [make_attempt(other_card, 1_00, other_cashier, other_terminal) for _ in range(2)]
        )
    for of, last in ((merchant, 13), (other, 7)):
        sequences = Transaction.objects.filter(merchant=of).order_by("sequence").values_list("sequence", flat=True)
        assert list(sequences) == list(range(1, last + 1))


def test_the_number_of_statements_is_the_same_for_one_tap_and_for_128(stall):
    merchant, cashier, terminal, _ = stall
    cards = [make_card(merchant) for _ in range(16)]

    def statements(count: int) -> int:
        attempts = [make_attempt(cards[n % 16], 1_00, cashier, terminal) for n in range(count)]
        policies.forget()
        with CaptureQueriesContext(connection) as queries:
            authorise(attempts)
        return len(queries)

    assert statements(1) == statements(128)


def test_running_totals_add_up_by_hour_terminal_method_and_kind(stall):
    merchant, cashier, terminal, card = stall
    for _ in range(3):
        sell(card, 10_00, cashier, terminal)
    total = HourTotal.objects.get(merchant=merchant, kind="purchase")
    assert (total.count, total.gross, total.fee, total.terminal_key) == (3, 30_00, 18, terminal.pk)


def test_an_attempt_the_database_refuses_does_not_fail_its_neighbours(stall):
    _, cashier, terminal, card = stall
    poison = make_attempt(card, 5, cashier, terminal, kind="balance")  # approved, but moves what it may not
    good = make_attempt(card, 2_00, cashier, terminal)
    first, second = authorise([poison, good])
    assert (first.transaction.status, second.transaction.status) == ("declined", "approved")
    assert balance(card) == 98_00


def test_a_card_whose_account_is_ahead_of_its_keys_fails_alone(stall):
    merchant, cashier, terminal, card = stall
    odd = make_card(merchant)
    CardAccount.objects.filter(card=odd).update(key_version=2)
    first, second = authorise([make_attempt(odd, 1_00, cashier, terminal), make_attempt(card, 2_00, cashier, terminal)])
    assert (first.transaction.reason, second.transaction.status) == ("not_genuine", "approved")


@pytest.mark.django_db(transaction=True)
def test_books_opened_in_a_transaction_that_was_undone_are_not_remembered():
    merchant = make_merchant()

    with transaction.atomic():
        make_card(merchant)
        transaction.set_rollback(True)
    card = make_card(merchant, 10_00)
    assert balance(card) == 10_00


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer and no row locks")
@pytest.mark.django_db(transaction=True)
def test_a_card_another_process_holds_is_lost_by_itself():
    merchant = make_merchant()
    cashier, terminal = make_member(merchant), make_terminal(merchant)
    held, free = make_card(merchant), make_card(merchant)
    attempts = [make_attempt(card, 1_00, cashier, terminal) for card in (held, free)]
    holder = psycopg.connect(_url())
    with holder, holder.transaction():
        holder.execute("SELECT 1 FROM transactions_cardaccount WHERE card_id = %s FOR UPDATE", [held.pk])
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        lost, approved = authorise_each(attempts)
    assert isinstance(lost, DatabaseLost)
    assert approved.transaction.status == "approved"
    assert authorise(attempts[:1])[0].transaction.status == "approved"


def _url() -> str:
    parameters = connection.get_connection_params()
    return (
        f"host={parameters['host']} port={parameters['port']} user={parameters['user']} dbname={parameters['dbname']}"
    )


@pytest.mark.parametrize("model", [Transaction, Transfer])
def test_the_database_refuses_to_change_what_happened(stall, model):
    _, cashier, terminal, card = stall
    sell(card, 1_00, cashier, terminal)
    row = model.objects.filter(amount=1_00).first()
    rows = model.objects.filter(pk=row.pk)
    for change in (lambda: rows.update(amount=5), lambda: rows._raw_delete(rows.db)):
        with pytest.raises(Exception, match="append-only"), transaction.atomic():
            change()


def test_the_database_refuses_an_overdraft_and_a_counter_that_goes_back(stall):
    _, cashier, terminal, card = stall
    sell(card, 1_00, cashier, terminal)
    account = CardAccount.objects.filter(card=card)
    with pytest.raises(IntegrityError), transaction.atomic():
        account.update(balance=-1)
    with pytest.raises(Exception, match="never goes back"), transaction.atomic():
        account.update(last_counter=0)
