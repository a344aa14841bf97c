"""The shapes that leave the house: the transaction object of the protocol (sections 2 and 3).

The same object everywhere, on sockets and in REST. Money in minor units, times RFC 3339 in the merchant's zone.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from transactions.models import Transaction
from transactions.public_id import to_public


def local_time(at: datetime, zone: ZoneInfo) -> str:
    """RFC 3339 with the merchant's offset, to the millisecond: `2026-11-22T12:30:00.000+08:00`."""
    return at.astimezone(zone).isoformat(timespec="milliseconds")


def transaction_object(transaction: Transaction, zone: ZoneInfo) -> dict[str, Any]:
    """One transaction for the wire. Wants the relations of `selectors.with_names`, or asks the database for each."""
    card, terminal, operator = transaction.card, transaction.terminal, transaction.operator
    return {
        "id": to_public(transaction.id),
        "sequence": transaction.sequence,
        "kind": transaction.kind,
        "status": transaction.status,
        "amount": transaction.amount,
        "fee": transaction.fee,
        "net": transaction.net,
        "currency": transaction.currency,
        "method": transaction.method or None,
        "card": card.masked if card else None,
        "terminal": {"id": str(terminal.id), "name": terminal.name} if terminal else None,
        "operator": (operator.get_full_name() or operator.get_username()) if operator else None,
        "order_reference": transaction.order_reference or None,
        "original_transaction": to_public(transaction.original_id) if transaction.original_id else None,
        "reason": transaction.reason or None,
        "response_code": transaction.response_code or None,
        "occurred_at": local_time(transaction.occurred_at, zone),
        "business_date": transaction.business_date.isoformat(),
        "note": transaction.note or None,
    }
