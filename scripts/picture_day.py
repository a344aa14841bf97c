"""A day of sales for the pictures, in the demo merchant's books, by the clock of that day.

Run beside a server that tests.servers started (its environment names the database). The merchant's time zone is set
so that it is early evening there: a picture taken at night should not show an empty day.
"""

import os
import random
from datetime import UTC, datetime, timedelta
from unittest import mock

import django

EVENING_HOUR = 18
SALES = 46
SALES_BY_HOUR = {7: 3, 8: 7, 9: 8, 10: 5, 11: 6, 12: 9, 13: 4, 14: 3, 15: 4, 16: 6, 17: 8}
PRICES_FEN = (3_50, 4_80, 6_00, 8_80, 9_90, 12_00, 12_50, 15_60, 18_00, 22_40, 26_00)
SEED = 3


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "softpos.settings")
    django.setup()
    from merchants.models import Member, Merchant, Terminal
    from tests.factories import make_attempt, make_card
    from transactions.authorisation import authorise

    now = datetime.now(UTC)
    # POSIX names count westward: "Etc/GMT-8" is eight hours ahead of Greenwich.
    hours_ahead = (EVENING_HOUR - now.hour + 11) % 24 - 11
    merchant = Merchant.objects.get(slug="demo")
    Merchant.objects.filter(pk=merchant.pk).update(time_zone=f"Etc/GMT{-hours_ahead:+d}")
    midnight = (now + timedelta(hours=hours_ahead)).replace(hour=0, minute=0, second=0, microsecond=0)
    cashier = Member.objects.get(merchant=merchant, role="cashier")
    terminals = list(Terminal.objects.filter(merchant=merchant).exclude(enrolled_at=None))

    chance = random.Random(SEED)
    hours = chance.choices(list(SALES_BY_HOUR), weights=list(SALES_BY_HOUR.values()), k=SALES)
    moments = sorted(midnight + timedelta(hours=hour, seconds=chance.randrange(3600)) for hour in hours)
    cards = [make_card(merchant, balance=500_00) for _ in range(6)]
    for moment in moments:
        at = moment - timedelta(hours=hours_ahead)
        attempt = make_attempt(chance.choice(cards), chance.choice(PRICES_FEN), cashier, chance.choice(terminals))
        with mock.patch("django.utils.timezone.now", return_value=at):
            authorise([attempt])


if __name__ == "__main__":
    main()
