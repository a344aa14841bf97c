"""The outcome messages of the terminal socket: a recorded transaction, or "try again", told to the phone."""

from functools import cache
from typing import Any

from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from merchants.models import Merchant
from merchants.models.cards import masked_uid
from softpos.kernel import TryAgain
from transactions.public_id import to_public
from transactions.reasons import Reason, message_for
from transactions.store import Recorded
from transactions.wire import local_time

TRY_AGAIN_MESSAGES: dict[str, str | Promise] = {
    "read_error": _("The card couldn't be read. Hold it still until the tone; bank cards can't be read here."),
    "unsupported_card": _("This isn't one of our cards. Bank cards can't be read here."),
    "several_cards": _("There is more than one card. Hold up a single card."),
}


_ANY_ID = "ID"


def outcome(recorded: Recorded, spelled: str, merchant: Merchant, language: str) -> dict[str, Any]:
    """The `outcome` of a transaction as it stands in the log, in the operator's language.

    `spelled` is the start id as the client wrote it.
    """
    public_id = to_public(recorded.id)
    message: dict[str, Any] = {
        "type": "outcome",
        "id": spelled,
        "result": recorded.status,
        "kind": recorded.kind,
        "amount": recorded.amount,
        "currency": recorded.currency,
        "transaction": public_id,
    }
    if recorded.status == "approved":
        message |= {
            "fee": recorded.fee,
            "net": recorded.net,
            "balance": recorded.balance_after,
            "card": masked_uid(recorded.card_uid),
            "approved_at": local_time(recorded.occurred_at, merchant.zone),
            "receipt_url": _receipt_path().replace(_ANY_ID, public_id),
        }
    elif recorded.status == "declined":
        with translation.override(language):
            message |= {
                "reason": recorded.reason,
                "response_code": recorded.response_code,
                "message": message_for(recorded.reason),
                "card": masked_uid(recorded.card_uid) if recorded.card_uid else None,
            }
        if recorded.reason == Reason.INSUFFICIENT_FUNDS and recorded.balance_after is not None:
            message["balance"] = recorded.balance_after  # so that the cashier can say what is left
    elif recorded.reason == Reason.EXPIRED:
        message["reason"] = recorded.reason
    return message


@cache
def _receipt_path() -> str:
    """The receipt's address with a place for the id: looked up once, not for every outcome."""
    return reverse("receipt", args=[_ANY_ID])


def try_again(spelled: str, kind: str, read: TryAgain, language: str) -> dict[str, Any]:
    """Nothing was decided; the transaction stays armed."""
    with translation.override(language):
        text = str(TRY_AGAIN_MESSAGES[read.reason])
    return {
        "type": "outcome",
        "id": spelled,
        "result": "try_again",
        "kind": kind,
        "reason": read.reason,
        "message": text,
    }
