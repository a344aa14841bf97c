"""The names of `transactions.wording` in templates."""

from django import template

from merchants.models import User
from transactions import wording
from transactions.models import Transaction

register = template.Library()


@register.filter
def kind_name(kind: str) -> str:
    """purchase → Sale."""
    return str(wording.KIND_NAMES.get(kind, kind))


@register.filter
def status_name(status: str) -> str:
    """approved → Approved."""
    return str(wording.STATUS_NAMES.get(status, status))


@register.filter
def reason_name(reason: str) -> str:
    """insufficient_funds → not enough money on the card."""
    return str(wording.REASON_NAMES.get(reason, reason))


@register.filter
def account_name(kind: str) -> str:
    """settlement → Merchant's settlement."""
    return str(wording.ACCOUNT_NAMES.get(kind, kind))


@register.filter
def terminal_state_name(state: str) -> str:
    """online, offline, pending and revoked in words."""
    return str(wording.TERMINAL_STATE_NAMES.get(state, state))


@register.filter
def person_name(user: User | None) -> str:
    """How an operator is shown; empty for nobody."""
    return (user.get_full_name() or user.get_username()) if user else ""


@register.filter
def signed(transaction: Transaction, field: str = "amount") -> int:
    """`amount`, `fee` or `net` of a transaction, negative where money goes back."""
    return wording.signed(transaction, getattr(transaction, field))


@register.filter
def fee_rule_parts(rule: str) -> list[wording.FeeRulePart]:
    """A stored fee rule, taken apart."""
    return wording.fee_rule_parts(rule)
