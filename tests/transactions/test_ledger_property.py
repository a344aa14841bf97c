"""Whatever is sold, loaded, replayed, declined or sent twice, in whatever order: the books stay true."""

import uuid

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as DjangoTestCase
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.factories import make_attempt, make_card, make_member, make_merchant, make_terminal, read_card
from transactions import proof
from transactions.authorisation import authorise
from transactions.models import CardAccount, Transaction, Transfer

# Few amounts around the balances, so that "exactly all of it" and "one more" are met often.
amounts = st.sampled_from([1, 99_99, 100_00, 100_01, 200_00, 300_00, 300_01])


class Counter(RuleBasedStateMachine):
    """Two merchants, three cards; a model in plain integers walks beside the database."""

    attempts = Bundle("attempts")
    taps = Bundle("taps")

    def __init__(self) -> None:
        super().__init__()
        self.merchants = [make_merchant() for _ in range(2)]
        self.members = [make_member(merchant) for merchant in self.merchants]
        self.terminals = [make_terminal(merchant) for merchant in self.merchants]
        self.cards = [make_card(self.merchants[n % 2], 300_00) for n in range(3)]
        self.balances = [300_00] * 3
        self.counters = [-1] * 3
        self.decided: dict[tuple[int, uuid.UUID], object] = {}

    @rule(target=taps, card=st.integers(0, 2))
    def present(self, card: int) -> tuple[int, object]:
        return card, read_card(self.cards[card])

    @rule(target=attempts, tap=taps, amount=amounts, kind=st.sampled_from(["purchase", "top_up"]), at=st.integers(0, 1))
    def attempt(self, tap: tuple[int, object], amount: int, kind: str, at: int) -> tuple[int, object]:
        card, read = tap
        return card, make_attempt(None, amount, self.members[at], self.terminals[at], read=read, kind=kind)

    @rule(batch=st.lists(attempts, min_size=1, max_size=6))
    def decide(self, batch: list) -> None:
        outcomes = authorise([attempt for _, attempt in batch])
        by_id = {}
        order = sorted(range(len(batch)), key=lambda n: (batch[n][1].uid, batch[n][1].card.read_counter))
        for n in order:
            card, attempt = batch[n]
            key = (attempt.merchant_id, attempt.start_id)
            if key not in self.decided and key not in by_id:
                by_id[key] = self._model(card, attempt)
        for (_, attempt), outcome in zip(batch, outcomes, strict=True):
            key = (attempt.merchant_id, attempt.start_id)
            expected = self.decided.get(key) or by_id[key]
            assert outcome.transaction.status == expected
        self.decided |= by_id

    def _model(self, card: int, attempt) -> str:
        home = self.merchants[card % 2]
        if attempt.merchant_id != home.pk or attempt.card.read_counter <= self.counters[card]:
            return "declined"
        self.counters[card] = attempt.card.read_counter
        if attempt.kind == "top_up":
            if self.balances[card] + attempt.amount > 1_000_00:
                return "declined"
            self.balances[card] += attempt.amount
            return "approved"
        if attempt.amount > self.balances[card]:
            return "declined"
        self.balances[card] -= attempt.amount
        return "approved"

    @invariant()
    def every_balance_is_the_models(self) -> None:
        for card, balance, counter in zip(self.cards, self.balances, self.counters, strict=True):
            account = CardAccount.objects.get(card=card)
            assert (account.balance, account.last_counter) == (balance, counter)

    def teardown(self) -> None:
        assert list(proof.findings()) == []
        for merchant in self.merchants:
            sold = Transaction.objects.filter(merchant=merchant, status="approved", kind="purchase")
            taken = Transfer.objects.filter(credit__merchant=merchant, credit__kind="settlement")
            assert sum(sold.values_list("amount", flat=True)) == sum(taken.values_list("amount", flat=True))


class TestLedger(DjangoTestCase):
    """Each example in a database transaction of its own, rolled back."""

    def test_the_books_stay_true(self) -> None:
        class Isolated(Counter):
            def __init__(self) -> None:
                self_test.setup_example()
                super().__init__()

            def teardown(self) -> None:
                try:
                    super().teardown()
                finally:
                    self_test.teardown_example(None)

        self_test = self
        run_state_machine_as_test(
            Isolated,
            settings=settings(
                max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )


pytestmark = pytest.mark.slow
