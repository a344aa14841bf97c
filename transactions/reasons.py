"""Why a transaction was declined: one table of reason, response code and what a person is told.

Response codes are ISO 8583 field 39, as the protocol lists them (section 1). `over_balance_limit` was added by
this project for loads (docs/protocol.md).
"""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Reason(StrEnum):
    """The names on the wire."""

    INVALID_TRANSACTION = "invalid_transaction"
    INVALID_AMOUNT = "invalid_amount"
    UNKNOWN_CARD = "unknown_card"
    LOST_CARD = "lost_card"
    STOLEN_CARD = "stolen_card"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    EXPIRED_CARD = "expired_card"
    NOT_PERMITTED = "not_permitted"
    TERMINAL_REVOKED = "terminal_revoked"
    OVER_TAP_LIMIT = "over_tap_limit"
    OVER_DAILY_LIMIT = "over_daily_limit"
    OVER_BALANCE_LIMIT = "over_balance_limit"
    CARD_BLOCKED = "card_blocked"
    NOT_GENUINE = "not_genuine"
    REPLAYED_TAP = "replayed_tap"
    SYSTEM_ERROR = "system_error"
    EXPIRED = "expired"  # of a cancelled transaction: nobody tapped in time


@dataclass(frozen=True, slots=True)
class Explanation:
    """The code, and the sentence with its next step."""

    response_code: str
    message: str | Promise


EXPLANATIONS: dict[Reason, Explanation] = {
    Reason.INVALID_TRANSACTION: Explanation("12", _("This kind of transaction isn't possible here. Start again.")),
    Reason.INVALID_AMOUNT: Explanation("13", _("The amount isn't possible. Enter another amount.")),
    Reason.UNKNOWN_CARD: Explanation("14", _("This card isn't registered here. Ask for another card.")),
    Reason.LOST_CARD: Explanation("41", _("This card was reported lost. Don't accept it.")),
    Reason.STOLEN_CARD: Explanation("43", _("This card was reported stolen. Don't accept it.")),
    Reason.INSUFFICIENT_FUNDS: Explanation("51", _("There isn't enough money on the card. Top it up or take less.")),
    Reason.EXPIRED_CARD: Explanation("54", _("This card has expired. Ask for another card.")),
    Reason.NOT_PERMITTED: Explanation("57", _("This isn't permitted for this card or this person. Ask the owner.")),
    Reason.TERMINAL_REVOKED: Explanation("58", _("This terminal was revoked. Ask the owner to enrol it again.")),
    Reason.OVER_TAP_LIMIT: Explanation("61", _("The amount is above what one tap may pay. Take it in smaller parts.")),
    Reason.OVER_DAILY_LIMIT: Explanation("61", _("The card has reached its limit for today. Ask for another card.")),
    Reason.OVER_BALANCE_LIMIT: Explanation("61", _("More than this may not be on the card. Top up less.")),
    Reason.CARD_BLOCKED: Explanation("62", _("This card is blocked. Ask for another card.")),
    Reason.NOT_GENUINE: Explanation("63", _("This card couldn't be proven genuine. Don't accept it.")),
    Reason.REPLAYED_TAP: Explanation("94", _("This tap was already used. Tap the card once more for a new sale.")),
    Reason.SYSTEM_ERROR: Explanation("96", _("Something went wrong on our side; no money moved. Try again.")),
}

RESPONSE_APPROVED = "00"


def response_code(reason: Reason | str) -> str:
    """ISO 8583 field 39 of a reason; empty for what is no decline."""
    explanation = EXPLANATIONS.get(Reason(reason)) if reason else None
    return explanation.response_code if explanation else ""


def message_for(reason: Reason | str) -> str:
    """The sentence for a person, in the active language."""
    return str(EXPLANATIONS[Reason(reason)].message)
