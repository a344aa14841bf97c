"""Issuing cards: the card as it stands (cold), its account (hot), and the value put on it, in one transaction."""

import secrets
import uuid

from django.db import IntegrityError, transaction

from merchants.models import Card, CardProgramme, VirtualCard
from transactions.authorisation import authorise
from transactions.decision import Attempt, IssuedCard
from transactions.models import CardAccount, LedgerAccount
from transactions.reasons import message_for


class NotIssued(Exception):
    """The card could not be issued; the text says why, for a person."""


def random_uid() -> str:
    """A uid as NXP would give it, for a card that is only virtual: 04, then six random bytes."""
    return "04" + secrets.token_hex(6).upper()


@transaction.atomic
def issue_card(*, programme: CardProgramme, uid: str | None = None, virtual: bool = False, balance: int = 0) -> Card:
    """Register a card under the programme's newest key version and put `balance` minor units on it.

    A card that is already registered is refused, and so is a balance above the programme's limit: `NotIssued`.
    """
    key = programme.keys.order_by("-version").first()
    if key is None:
        raise NotIssued(f"the programme {programme.name} has no key version yet")
    uid = (uid or random_uid()).upper()
    card = Card(programme=programme, uid=uid, key_version=key.version)
    card.full_clean(validate_unique=False)
    try:
        with transaction.atomic():
            card.save()
    except IntegrityError as error:  # the database has the last word between two issuers at once
        raise NotIssued(f"the card {uid} is already registered") from error
    account = LedgerAccount.objects.create(kind=LedgerAccount.Kind.CARD, merchant=programme.merchant)
    CardAccount.objects.create(account=account, card=card, key_version=key.version)
    if virtual:
        VirtualCard.objects.create(card=card)
    if balance:
        _load(card, balance)
    return card


def _load(card: Card, amount: int) -> None:
    merchant = card.programme.merchant
    (outcome,) = authorise(
        [
            Attempt(
                merchant_id=merchant.pk,
                start_id=uuid.uuid4(),
                kind="adjustment",
                amount=amount,
                currency=merchant.currency,
                card=IssuedCard(bytes.fromhex(card.uid)),
                note="value at issue",
            )
        ]
    )
    if outcome.transaction.status != "approved":
        raise NotIssued(message_for(outcome.transaction.reason))
