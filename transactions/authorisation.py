"""One database transaction for a batch of attempts: read, decide, write; a fixed number of statements.

A tap is a batch of one. What is decided is stored under (merchant, start id) in the same commit that moves the money,
so whatever is sent again with that id gets the stored outcome. The unique key is the last word between two processes:
the loser's whole batch rolls back, having moved nothing, and is run again, now finding what the winner stored.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.utils import timezone

from merchants.business_day import business_date, local_hour
from softpos.kernel import CardRead
from transactions import fees, ledger, metrics, store
from transactions.database_thread import DatabaseLost
from transactions.decision import Attempt, CardState, Circumstances, decide
from transactions.models.log import NO_TERMINAL
from transactions.policy import Policy, asking, policies, standings
from transactions.public_id import new_id
from transactions.reasons import Reason, response_code
from transactions.store import Recorded

log = logging.getLogger(__name__)

BATCH_MAX = 128
RETRIES_MAX = 5
METHOD_PREPAID = "prepaid"
# How PostgreSQL and SQLite name the unique key that two processes met on.
_SAME_ID_ELSEWHERE = ("start_names_one_transaction", "transactions_transaction.start_id")
_LOCK_TIMEOUT = "55P03"
_SERIALISATION_FAILURES = {"40001", "40P01"}  # serialization_failure, deadlock_detected


@dataclass(frozen=True, slots=True)
class Authorised:
    """What an attempt led to. `again` when it was decided before and this is the stored outcome."""

    transaction: Recorded
    again: bool = False


def authorise(attempts: Sequence[Attempt]) -> list[Authorised]:
    """Decide and store a batch; outcomes in the order of the attempts.

    Raises `DatabaseLost` when any of them could not be learned; what was decided is stored all the same.
    """
    outcomes: list[Authorised] = []
    for outcome in authorise_each(attempts):
        if isinstance(outcome, DatabaseLost):
            raise outcome
        outcomes.append(outcome)
    return outcomes


def authorise_each(attempts: Sequence[Attempt], *, alone: bool = False) -> list[Authorised | DatabaseLost]:
    """Decide and store a batch of at most `BATCH_MAX`; what became of each attempt, in their order.

    A conflict with another process is run again, a bounded number of times. When the batch fails for any other
    reason, each attempt is run by itself, so that none can fail its neighbours: one that can't be stored ends as
    `system_error`, one whose card another process holds locked for long is lost by itself; the others hardly wait for
    it a second time (`alone`).
    """
    assert 0 < len(attempts) <= BATCH_MAX
    for _ in range(RETRIES_MAX):
        try:
            return [*_authorise_once(attempts, hurried=alone)]
        except IntegrityError as error:
            if not any(name in str(error) for name in _SAME_ID_ELSEWHERE):
                break
            log.info("batch of %d: another process decided one of its ids first; run again", len(attempts))
            metrics.batch_retried("same_id")
        except (OperationalError, InterfaceError) as error:
            state = getattr(error.__cause__, "sqlstate", None)
            if state == _LOCK_TIMEOUT and len(attempts) > 1:
                break
            if state not in _SERIALISATION_FAILURES:
                log.warning("a batch of %d is lost: %s", len(attempts), type(error).__name__)
                return [DatabaseLost(str(state or ""))] * len(attempts)
            metrics.batch_retried("serialisation")
        except Exception:
            log.exception("a batch of %d could not be decided together", len(attempts))
            break
    if len(attempts) > 1:
        return [outcome for attempt in attempts for outcome in authorise_each([attempt], alone=True)]
    return _refused(attempts[0])


def _refused(attempt: Attempt) -> list[Authorised | DatabaseLost]:
    """Store the refusal of an attempt that the database doesn't take as it is."""
    if attempt.refused == Reason.SYSTEM_ERROR:
        return [DatabaseLost("not even the refusal can be stored")]
    who = {"start_id": attempt.start_id, "merchant": attempt.merchant_id, "terminal": attempt.terminal_id}
    log.error("the database refuses an attempt", extra=who)
    refusal = Attempt(
        merchant_id=attempt.merchant_id,
        start_id=attempt.start_id,
        kind=attempt.kind,
        amount=0,
        currency=attempt.currency,
        terminal_id=attempt.terminal_id,
        operator_id=attempt.operator_id,
        refused=Reason.SYSTEM_ERROR,
    )
    return authorise_each([refusal])


@transaction.atomic
def _authorise_once(attempts: Sequence[Attempt], *, hurried: bool) -> list[Authorised]:
    if hurried:
        store.wait_hardly_for_locks()
    known = store.stored({(attempt.merchant_id, attempt.start_id) for attempt in attempts})
    fresh: dict[tuple[int, UUID], Attempt] = {}
    for attempt in attempts:
        key = (attempt.merchant_id, attempt.start_id)
        if key not in known:
            fresh.setdefault(key, attempt)  # the same id twice in a batch: the first decides for both
    decided = {key: Authorised(recorded, again=True) for key, recorded in known.items()}
    if fresh:
        batch = _Batch(list(fresh.values()), timezone.now())
        batch.decide()
        batch.write()
        for recorded in batch.recorded:
            decided[recorded.merchant_id, recorded.start_id] = Authorised(recorded)
    return [decided[attempt.merchant_id, attempt.start_id] for attempt in attempts]


class _Batch:
    """The attempts nobody has decided yet, with everything they need read once."""

    def __init__(self, attempts: list[Attempt], now: datetime) -> None:
        # Taps of one card are taken in the order the card made them, whichever socket was quicker.
        self.attempts = sorted(attempts, key=_card_order)
        self.now = now
        self.policies = policies.of_merchants(attempt.merchant_id for attempt in attempts)
        self.standings = standings(attempts)
        self.cards = store.lock_cards(attempt.uid for attempt in attempts if attempt.uid)
        self.recorded: list[Recorded] = []
        self.transfers: list[store.Row] = []
        self.totals: dict[tuple[object, ...], list[int]] = {}

    def decide(self) -> None:
        """Decide each attempt on the state the ones before it left."""
        for attempt in self.attempts:
            rules = self.policies[attempt.merchant_id]
            day = business_date(self.now, rules.zone, rules.day_cut_off_hour)
            card = self.cards.get(attempt.uid)
            if attempt.cancelled:
                self._record(attempt, "cancelled", attempt.refused, None, day)
                continue
            at = Circumstances(rules.currency, rules.amount_max, day, self.now, self.standings[asking(attempt)])
            refusal = decide(attempt, card, at)
            status = "declined" if refusal else "approved"
            recorded = self._record(attempt, status, refusal, card, day)
            if status == "approved":
                assert card is not None
                self._move(recorded, card, rules)

    def _record(
        self, attempt: Attempt, status: str, refusal: Reason | None, card: CardState | None, day: date
    ) -> Recorded:
        # Only a card that proved itself, and is this merchant's, is named in its log.
        proven = card if card and card.merchant_id == attempt.merchant_id and refusal != Reason.NOT_GENUINE else None
        read = attempt.card if proven and isinstance(attempt.card, CardRead) else None
        spent = read if read and proven and proven.has_spent(read.read_counter) else None
        fee = fees.NO_FEE
        if status == "approved" and attempt.kind == "purchase":
            fee = fees.fee_on(attempt.amount, METHOD_PREPAID, self.policies[attempt.merchant_id].schedule_on(day))
        tells_balance = status == "approved" or refusal == Reason.INSUFFICIENT_FUNDS
        recorded = Recorded(
            id=new_id(),
            merchant_id=attempt.merchant_id,
            sequence=0,  # given when the log is advanced
            start_id=attempt.start_id,
            tap_id=attempt.tap_id,
            kind=attempt.kind,
            status=status,
            reason=refusal or "",
            response_code=("00" if status == "approved" else response_code(refusal or "")),
            amount=attempt.amount,
            fee=fee.amount,
            net=attempt.amount - fee.amount,
            currency=attempt.currency,
            fee_rate_ppm=fee.rate_ppm,
            fee_schedule_id=fee.schedule_id,
            fee_rule=fee.rule,
            method=METHOD_PREPAID if attempt.card else "",
            card_id=proven.card_id if proven else None,
            key_version=spent.key_version if spent else None,
            read_counter=spent.read_counter if spent else None,
            balance_after=proven.balance if proven and tells_balance else None,
            terminal_id=attempt.terminal_id,
            operator_id=attempt.operator_id,
            order_reference=attempt.order_reference,
            note=attempt.note,
            occurred_at=self.now,
            business_date=day,
            card_uid=proven.uid if proven else "",
        )
        self.recorded.append(recorded)
        return recorded

    def _move(self, recorded: Recorded, card: CardState, rules: Policy) -> None:
        made = ledger.legs(recorded.kind, recorded.amount, recorded.fee)
        spent = recorded.amount if recorded.kind == "purchase" else 0
        card.move(ledger.card_delta(made), spent=spent, day=recorded.business_date)
        recorded.balance_after = card.balance
        for leg in made:
            self.transfers.append(
                {
                    "transaction_id": recorded.id,
                    "debit_id": self._account(recorded.merchant_id, leg.debit, card),
                    "credit_id": self._account(recorded.merchant_id, leg.credit, card),
                    "amount": leg.amount,
                }
            )
        terminal = recorded.terminal_id or NO_TERMINAL
        hour = local_hour(self.now, rules.zone)
        key = (recorded.merchant_id, recorded.business_date, hour, terminal, recorded.method, recorded.kind)
        sums = self.totals.setdefault(key, [0, 0, 0])
        for index, value in enumerate((1, recorded.amount, recorded.fee)):
            sums[index] += value

    def _account(self, merchant_id: int, kind: str, card: CardState) -> int:
        return card.account_id if kind == ledger.Kind.CARD else self.policies[merchant_id].accounts[kind]

    def write(self) -> None:
        """Set-based writes, cards first and the merchants' logs last but for the rows that carry their numbers."""
        changed = [card for card in self.cards.values() if card.changed]
        if changed:
            store.write_cards(changed)
        if self.totals:
            store.add_totals(self.totals)
        self._number()
        store.write_transactions(self.recorded)
        if self.transfers:
            store.write_transfers(self.transfers)

    def _number(self) -> None:
        counts: dict[int, int] = {}
        for recorded in self.recorded:
            counts[recorded.merchant_id] = counts.get(recorded.merchant_id, 0) + 1
            recorded.sequence = counts[recorded.merchant_id]
        last = store.advance_logs(counts)
        for recorded in self.recorded:
            recorded.sequence += last[recorded.merchant_id] - counts[recorded.merchant_id]


def _card_order(attempt: Attempt) -> tuple[str, int]:
    return attempt.uid, attempt.card.read_counter if isinstance(attempt.card, CardRead) else 0


def stored_outcomes(keys: Iterable[tuple[int, UUID]]) -> list[Recorded | None]:
    """What was decided under these (merchant, start id), or None; in their order, one statement."""
    keys = list(keys)
    found = store.stored(keys)
    return [found.get(key) for key in keys]
