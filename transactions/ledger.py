"""Double entry: which transfers an approved transaction makes, and the accounts they run between.

A purchase is two transfers: card → settlement the gross, settlement → fees the fee. A load is one: cash → card at a
terminal, issuance → card when a card is issued. A balance enquiry moves nothing. `transactions.proof` checks the books
against these rules.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from transactions.models import LedgerAccount

Kind = LedgerAccount.Kind
MERCHANT_KINDS = (Kind.SETTLEMENT, Kind.FEES, Kind.CASH, Kind.ISSUANCE)


@dataclass(frozen=True, slots=True)
class Leg:
    """One transfer between two kinds of account, minor units."""

    debit: str
    credit: str
    amount: int


def legs(kind: str, amount: int, fee: int) -> tuple[Leg, ...]:
    """The transfers of an approved transaction, all of positive amount. Raises KeyError for a kind without books."""
    moves = {
        "purchase": (Leg(Kind.CARD, Kind.SETTLEMENT, amount), Leg(Kind.SETTLEMENT, Kind.FEES, fee)),
        "top_up": (Leg(Kind.CASH, Kind.CARD, amount),),
        "adjustment": (Leg(Kind.ISSUANCE, Kind.CARD, amount),),
        "balance": (),
    }[kind]
    return tuple(leg for leg in moves if leg.amount > 0)


def card_delta(made: Iterable[Leg]) -> int:
    """What the legs change on the card: credits less debits."""
    return sum(leg.amount * ((leg.credit == Kind.CARD) - (leg.debit == Kind.CARD)) for leg in made)


def merchant_accounts(merchant_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """Merchant → kind → account id, for the merchants' own accounts. One statement; opens what is missing."""
    found: dict[int, dict[str, int]] = {pk: {} for pk in merchant_ids}
    rows = LedgerAccount.objects.filter(merchant__in=found).exclude(kind=Kind.CARD)
    for pk, merchant, kind in rows.values_list("pk", "merchant_id", "kind"):
        found[merchant][kind] = pk
    if any(len(accounts) < len(MERCHANT_KINDS) for accounts in found.values()):
        open_books(found)
        return merchant_accounts(found)
    return found


@transaction.atomic
def open_books(merchant_ids: Iterable[int]) -> None:
    """Give merchants the accounts they lack. Safe to call twice, and by two processes at once."""
    LedgerAccount.objects.bulk_create(
        [LedgerAccount(merchant_id=merchant, kind=kind) for merchant in merchant_ids for kind in MERCHANT_KINDS],
        ignore_conflicts=True,
    )
