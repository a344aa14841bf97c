"""How many statements a batch costs, whatever its length: printed as JSON, batch length → statements.

    python -m benchmarks.statements        # with a server's environment and a migrated database

Counted where Django sends them, the beginning and the end of the transaction included, of a batch that finds the
merchant's rules remembered (they are for a second), as almost every batch does.
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "softpos.settings")
django.setup()

from django.db import connection  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from tests.factories import make_attempt, make_card, make_member, make_merchant, make_terminal  # noqa: E402
from transactions.authorisation import BATCH_MAX, authorise  # noqa: E402


def count(lengths: tuple[int, ...]) -> dict[int, int]:
    """Statements of batches of these lengths, every tap of another card."""
    merchant = make_merchant()
    cashier, terminal = make_member(merchant), make_terminal(merchant)
    cards = [make_card(merchant) for _ in range(max(lengths) + 1)]
    counted = {}
    for length in lengths:
        attempts = [make_attempt(card, 100, cashier, terminal) for card in cards[1 : length + 1]]
        first = make_attempt(cards[0], 100, cashier, terminal)
        authorise([first])  # the rules are remembered from here on
        with CaptureQueriesContext(connection) as captured:
            authorise(attempts)
        counted[length] = len(captured)
    return counted


if __name__ == "__main__":
    json.dump(count((1, BATCH_MAX)), sys.stdout)
