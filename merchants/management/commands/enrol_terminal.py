"""`manage.py enrol_terminal`: a terminal and its key in one step, without the browser (protocol, section 5)."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from merchants.enrolment import NAME_LETTERS_MAX, BadPublicKey, NameTaken, enrol_with_key
from merchants.models import Merchant


class Command(BaseCommand):
    help = "Enrols a terminal with the public P-256 key (JWK) its holder made, and prints its id."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--merchant", required=True, metavar="M", help="the merchant's slug")
        parser.add_argument("--name", required=True, metavar="N", help="what the terminal is called")
        parser.add_argument("--public-key", required=True, metavar="JWK", help='{"kty": "EC", "crv": "P-256", …}')
        parser.add_argument("--json", action="store_true", help="print {id, name, terminal: {id, name}, merchant}")

    def handle(self, *_args: Any, **options: Any) -> None:
        merchant = Merchant.objects.named(options["merchant"])
        if merchant is None:
            raise CommandError(f"there is no merchant {options['merchant']!r}")
        name = " ".join(options["name"].split())
        if not 0 < len(name) <= NAME_LETTERS_MAX:
            raise CommandError(f"a name has 1 to {NAME_LETTERS_MAX} letters")
        try:
            key = json.loads(options["public_key"])
            terminal = enrol_with_key(merchant=merchant, name=name, public_key=key)
        except json.JSONDecodeError as error:
            raise CommandError("the public key is not JSON") from error
        except BadPublicKey as error:
            raise CommandError(str(error)) from error
        except NameTaken as error:
            raise CommandError(f"{merchant} has a terminal {name!r} already") from error
        if options["json"]:
            shown = {"id": str(terminal.id), "name": terminal.name}
            said = {**shown, "terminal": shown, "merchant": merchant.slug}
            self.stdout.write(json.dumps(said, ensure_ascii=False))
        else:
            self.stdout.write(str(terminal.id))
