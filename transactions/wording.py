"""What kinds, statuses, reasons and accounts are called on the owner's and accountant's pages.

Short names for lists, from the glossary. What a cashier is told to do next is another matter
(`transactions.reasons`). The same tables feed the templates (`templatetags.wording`) and the dashboard's script
(`dashboard_messages`).
"""

import re
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from transactions.models import LedgerAccount, Transaction

Words = dict[str, str | Promise]

KIND_NAMES: Words = {
    "purchase": _("Purchase"),
    "refund": _("Refund"),
    "void": _("Void"),
    "top_up": _("Top-up"),
    "balance": _("Balance enquiry"),
    "payout": _("Payout"),
    "adjustment": _("Card issued with money"),
}
STATUS_NAMES: Words = {
    "approved": pgettext_lazy("transaction status", "Approved"),
    "declined": pgettext_lazy("transaction status", "Declined"),
    "cancelled": pgettext_lazy("transaction status", "Cancelled"),
}
REASON_NAMES: Words = {
    "invalid_transaction": _("not possible here"),
    "invalid_amount": _("amount not possible"),
    "unknown_card": _("card not registered"),
    "lost_card": _("card reported lost"),
    "stolen_card": _("card reported stolen"),
    "insufficient_funds": _("not enough money on the card"),
    "expired_card": _("card expired"),
    "wrong_pin": _("wrong PIN"),
    "pin_tries_exceeded": _("PIN entered wrongly too often"),
    "not_permitted": _("not permitted"),
    "terminal_revoked": _("terminal revoked"),
    "over_tap_limit": _("above the limit for one tap"),
    "over_daily_limit": _("above the card's daily limit"),
    "over_frequency_limit": _("too many taps in a row"),
    "over_balance_limit": _("above the card's balance limit"),
    "card_blocked": _("card blocked"),
    "not_genuine": _("card not genuine"),
    "replayed_tap": _("tap already used"),
    "system_error": _("system error"),
    "expired": _("no card was tapped in time"),
}
ACCOUNT_NAMES: Words = {
    "card": pgettext_lazy("ledger account", "Card"),
    "settlement": pgettext_lazy("ledger account", "Merchant's settlement"),
    "fees": pgettext_lazy("ledger account", "Fees"),
    "cash": pgettext_lazy("ledger account", "Cash taken for top-ups"),
    "issuance": pgettext_lazy("ledger account", "Value put on cards when issued"),
}
TERMINAL_STATE_NAMES: Words = {
    "online": _("online"),
    "offline": _("offline"),
    "pending": _("waiting to be enrolled"),
    "revoked": _("revoked"),
}
MONEY_BACK = (Transaction.Kind.REFUND, Transaction.Kind.VOID)

assert set(KIND_NAMES) == set(Transaction.Kind.values)
assert set(ACCOUNT_NAMES) == set(LedgerAccount.Kind.values)


def signed(transaction: Transaction, minor: int) -> int:
    """An amount of the transaction as the merchant feels it: negative where money goes back."""
    return -minor if transaction.kind in MONEY_BACK else minor


@dataclass(frozen=True, slots=True)
class FeeRulePart:
    """One component of a fee as it was applied; amounts in minor units, `cap` None when there was none."""

    rate_ppm: int
    fixed: int
    minimum: int
    cap: int | None


def says_more_than_its_rate(name: str, rule: str) -> bool:
    """Whether a fee schedule's name tells more than its rule does: "0.60 %" on 6000 ppm and nothing else does not."""
    match fee_rule_parts(rule):
        case [FeeRulePart(rate_ppm=rate_ppm, fixed=0, minimum=0, cap=None)]:
            return "".join(name.split()) != f"{rate_ppm / 10_000:.2f}%"
    return True


_PART = re.compile(r"(\d+)ppm\+(\d+) min (\d+) cap (-|\d+)")


def fee_rule_parts(rule: str) -> list[FeeRulePart]:
    """The stored rule (each `str(fees.Component)`, joined by "; ") taken apart; empty when it reads otherwise."""
    found = [_PART.fullmatch(part) for part in rule.split("; ")]
    return [
        FeeRulePart(int(part[1]), int(part[2]), int(part[3]), None if part[4] == "-" else int(part[4]))
        for part in found
        if part
    ]
