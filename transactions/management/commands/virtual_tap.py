"""`manage.py virtual_tap UID`: a fresh tap of a virtual card, as the `tap` message wants it (protocol, section 5)."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from merchants.models import Card
from merchants.virtual import NotVirtual, fresh_taps

COUNT_MAX = 10_000


class Command(BaseCommand):
    help = "Prints fresh taps of a virtual card. Refuses cards that are not virtual."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("uid")
        parser.add_argument("--count", type=int, default=1, help=f"how many, at most {COUNT_MAX}")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        count = options["count"]
        if not 1 <= count <= COUNT_MAX:
            raise CommandError(f"--count is 1 to {COUNT_MAX}")
        card = Card.objects.filter(uid=options["uid"].upper()).first()
        if card is None:
            raise CommandError("there is no such card")
        try:
            taps = fresh_taps(card, count)
        except NotVirtual:
            raise CommandError("this card is not virtual: its taps come from the card only") from None
        if options["json"]:
            self.stdout.write(json.dumps(taps[0] if count == 1 else taps))
        else:
            for tap in taps:
                self.stdout.write(json.dumps(tap))
