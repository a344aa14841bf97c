"""May this money move? Pure functions of values: the database transaction around them reads, asks here, and writes.

Order matters: first whether anybody may ask at all, then whether the card is genuine and the tap fresh, and only then
funds and limits. An unauthenticated tap changes nothing; a genuine fresh one burns its counter even when it is refused.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from merchants.models.places import AMOUNT_MAX_LIMIT
from merchants.permissions import may_start
from softpos.kernel import CardRead, NotGenuine
from transactions.reasons import Reason

CARD_STATUS_REASONS = {"blocked": Reason.CARD_BLOCKED, "lost": Reason.LOST_CARD, "stolen": Reason.STOLEN_CARD}


@dataclass(frozen=True, slots=True)
class IssuedCard:
    """A card named by its issuer instead of by a tap, for value put on it when it is issued."""

    uid: bytes


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempted movement on its way to the authoriser. Amount in minor units.

    `start_id` names it for good within its merchant. `card` is what the kernel read; absent when the attempt ends
    before any tap: `refused` (the start itself was impossible) or `cancelled`. Raises ValueError for an amount out of
    bounds.
    """

    merchant_id: int
    start_id: UUID
    kind: str
    amount: int
    currency: str
    card: CardRead | NotGenuine | IssuedCard | None = None
    tap_id: UUID | None = None
    terminal_id: UUID | None = None
    operator_id: int | None = None
    note: str = ""
    order_reference: str = ""
    refused: Reason | None = None
    cancelled: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.amount <= AMOUNT_MAX_LIMIT:
            raise ValueError("an amount is between 0 and the most a merchant may allow")

    @property
    def uid(self) -> str:
        """The uid the tap claims, hex; empty when there is none."""
        if isinstance(self.card, NotGenuine):
            return self.card.claimed_uid.hex().upper() if self.card.claimed_uid else ""
        return self.card.uid.hex().upper() if self.card else ""


@dataclass(slots=True)
class CardState:
    """A card as locked for this batch. Mutable: several attempts of one batch may meet the same card."""

    account_id: int
    card_id: int
    uid: str
    merchant_id: int
    programme_id: int
    key_version: int  # of the card as issued
    status: str
    expires_on: date | None
    tap_limit: int
    daily_limit: int
    balance_limit: int
    balance: int
    counter_version: int  # the key version `last_counter` counts under
    last_counter: int
    spent_on: date | None
    spent: int
    changed: bool = False

    def spent_by(self, day: date) -> int:
        """Approved purchases of the business date, minor units."""
        return self.spent if self.spent_on == day else 0

    def has_spent(self, counter: int) -> bool:
        """Whether a tap with this counter is used up."""
        return self.counter_version == self.key_version and counter <= self.last_counter

    def burn(self, counter: int) -> None:
        """Take a genuine, fresh tap: its counter and every lower one are spent."""
        self.counter_version = self.key_version
        self.last_counter = counter
        self.changed = True

    def move(self, delta: int, *, spent: int, day: date) -> None:
        """Change the balance by an approved movement."""
        self.balance += delta
        if spent:
            self.spent, self.spent_on = self.spent_by(day) + spent, day
        assert self.balance >= 0
        self.changed = True


@dataclass(frozen=True, slots=True)
class Standing:
    """Who asks, as the database says at this moment: not as the socket remembers it."""

    terminal_active: bool
    role: str  # empty: no longer a member


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Where and when: the merchant's currency, largest amount and business date, and who asks."""

    currency: str
    amount_max: int
    day: date
    now: datetime
    standing: Standing


def decide(attempt: Attempt, card: CardState | None, at: Circumstances) -> Reason | None:
    """None to approve, or the reason to decline. Burns the counter of a genuine fresh tap on the way.

    Does not change the balance: that is the ledger's part, once approved.
    """
    refusal = attempt.refused or _may_ask(attempt, at)
    if refusal:
        return refusal
    refusal = _is_fresh_and_genuine(attempt, card)
    if refusal:
        return refusal
    assert card is not None
    if isinstance(attempt.card, CardRead):
        card.burn(attempt.card.read_counter)
    return _may_pay(attempt, card, at)


def _may_ask(attempt: Attempt, at: Circumstances) -> Reason | None:
    if attempt.currency != at.currency:
        return Reason.INVALID_TRANSACTION
    if attempt.terminal_id is None:
        return None  # not from a terminal: an issuer's command, which has no role
    if not at.standing.terminal_active:
        return Reason.TERMINAL_REVOKED
    if attempt.amount > at.amount_max:
        return Reason.INVALID_AMOUNT
    return None if may_start(at.standing.role, attempt.kind) else Reason.NOT_PERMITTED


def _is_fresh_and_genuine(attempt: Attempt, card: CardState | None) -> Reason | None:
    read = attempt.card
    if isinstance(read, NotGenuine) or read is None:
        # A uid that nobody registered is a card of somebody else; one of ours with a wrong MAC is a forgery.
        return Reason.UNKNOWN_CARD if attempt.uid and card is None else Reason.NOT_GENUINE
    if card is None:
        return Reason.UNKNOWN_CARD
    if card.merchant_id != attempt.merchant_id:
        return Reason.NOT_PERMITTED
    if isinstance(read, IssuedCard):
        return None
    if (read.programme_id, read.key_version) != (card.programme_id, card.key_version):
        return Reason.NOT_GENUINE  # keys of a version this card no longer has
    if card.counter_version > read.key_version:
        return Reason.NOT_GENUINE  # its account has already counted under newer keys
    if card.has_spent(read.read_counter):
        return Reason.REPLAYED_TAP
    return None


def _may_pay(attempt: Attempt, card: CardState, at: Circumstances) -> Reason | None:
    if card.status in CARD_STATUS_REASONS:
        return CARD_STATUS_REASONS[card.status]
    if card.expires_on is not None and card.expires_on < at.day:
        return Reason.EXPIRED_CARD
    match attempt.kind:
        case "purchase":
            return _may_purchase(attempt.amount, card, at.day)
        case "top_up" | "adjustment":
            return Reason.OVER_BALANCE_LIMIT if card.balance + attempt.amount > card.balance_limit else None
        case "balance":
            return None
        case _:
            return Reason.INVALID_TRANSACTION


def _may_purchase(amount: int, card: CardState, day: date) -> Reason | None:
    if amount > card.tap_limit:
        return Reason.OVER_TAP_LIMIT
    if card.balance < amount:
        return Reason.INSUFFICIENT_FUNDS
    if card.spent_by(day) + amount > card.daily_limit:
        return Reason.OVER_DAILY_LIMIT
    return None
