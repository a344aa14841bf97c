"""`manage.py demo`: an example merchant and what is needed to use it (protocol, section 5)."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from transactions.demo import make_demo


class Command(BaseCommand):
    help = "Makes the example merchant with people, terminals and virtual cards; running it twice adds nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.SOFTPOS_PRODUCTION:
            raise CommandError("the demo merchant has no place in production")
        demo = make_demo()
        if options["json"]:
            self.stdout.write(json.dumps(demo, ensure_ascii=False))
            return
        self.stdout.write(f"Merchant   {demo['merchant']['name']} ({demo['merchant']['id']})")
        for person in demo["people"]:
            self.stdout.write(f"Sign-in    {person['username']} / {person['password']}  ({person['role']})")
        for terminal in demo["terminals"]:
            code = terminal["enrolment_code"]
            told = f"enrol with {code} within ten minutes" if code else "enrolled already"
            self.stdout.write(f"Terminal   {terminal['name']}: {told}")
        for card in demo["cards"]:
            self.stdout.write(
                f"Card       {card['uid']} with {card['balance'] / 100:.2f} {demo['merchant']['currency']}"
            )
        self.stdout.write(f"Fee        {demo['fee']['rate_ppm'] / 10_000:.2f} % of each sale")
