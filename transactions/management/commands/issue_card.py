"""`manage.py issue_card`: registers a card and, on request, shows its keys once (protocol, section 5)."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from merchants.keys import key_version
from merchants.models import Card, CardProgramme, Merchant
from transactions.issuing import NotIssued, issue_card

KEY_NAMES = ("application_master", "meta_read", "file_read", "key3", "key4")


class Command(BaseCommand):
    help = "Registers a card; prints its uid and key version and, with --show-keys, its keys for personalising."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--uid", help="7 bytes, hex; a random one for a virtual card when left out")
        parser.add_argument("--virtual", action="store_true", help="a card that exists only here")
        parser.add_argument("--balance", type=int, default=0, help="value put on it, in minor units")
        parser.add_argument("--merchant", help="the merchant's slug; may be left out when there is only one")
        parser.add_argument("--show-keys", action="store_true", help="print the five keys: handle them like money")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["uid"] and not options["virtual"]:
            raise CommandError("say --uid of the real card, or --virtual")
        if options["balance"] < 0:
            raise CommandError("--balance is not negative")
        programme = self._programme(options["merchant"])
        try:
            card = issue_card(
                programme=programme,
                uid=options["uid"],
                virtual=options["virtual"],
                balance=options["balance"],
            )
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        except NotIssued as error:
            raise CommandError(str(error)) from error
        told: dict[str, Any] = {
            "uid": card.uid,
            "key_version": card.key_version,
            "virtual": options["virtual"],
            "balance": options["balance"],
        }
        if options["show_keys"]:
            told["keys"] = self._keys(card)
        if options["json"]:
            self.stdout.write(json.dumps(told))
            return
        keys = told.pop("keys", {})
        for name, value in {**told, **{f"key {name}": value for name, value in keys.items()}}.items():
            self.stdout.write(f"{name}: {value}")

    def _programme(self, slug: str | None) -> CardProgramme:
        merchant = Merchant.objects.named(slug) if slug else self._only_merchant()
        if merchant is None:
            raise CommandError(f"there is no merchant {slug}" if slug else "say which --merchant")
        programme = CardProgramme.objects.filter(merchant=merchant).order_by("pk").first()
        if programme is None:
            raise CommandError(f"the merchant {merchant.slug} has no card programme")
        return programme

    def _only_merchant(self) -> Merchant | None:
        merchants = list(Merchant.objects.all()[:2])
        return merchants[0] if len(merchants) == 1 else None

    def _keys(self, card: Card) -> dict[str, str]:
        version = key_version(card.programme.keys.get(version=card.key_version))
        keys = version.card_keys(bytes.fromhex(card.uid))
        return {name: getattr(keys, name).hex() for name in KEY_NAMES}
