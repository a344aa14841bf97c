"""A line in the log for each decision, with its ids, for those who ask for it (`SOFTPOS_LOG_DECISIONS=1`).

Off by default: the transaction log itself is the record, and a line costs about as much as deciding does. Says what
was decided under which ids, never which card or how much.
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from transactions.public_id import to_public

if TYPE_CHECKING:
    from transactions.authorisation import Authorised

log = logging.getLogger(__name__)


def note(outcomes: "Sequence[Authorised | Exception]") -> None:
    """Write down a batch that was committed; a single question when nobody wants to know."""
    if not log.isEnabledFor(logging.INFO):
        return
    for made in outcomes:
        if isinstance(made, Exception):
            continue
        decided = made.transaction
        log.info(
            "told again" if made.again else "decided",
            extra={
                "transaction": to_public(decided.id),
                "start_id": decided.start_id,
                "merchant": decided.merchant_id,
                "terminal": decided.terminal_id,
                "kind": decided.kind,
                "result": decided.status,
                "reason": decided.reason,
                "batch": len(outcomes),
            },
        )
