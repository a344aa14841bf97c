"""The world that faults are tested in: two merchants, each with an enrolled phone and cards that have money on them.

Made once per kind of database by the product's own services, in a process of its own, and copied for each test. The
cards' keys come along, so that a test can tap as often as it likes without asking anybody.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from merchants.enrolment import enrol_with_key
from merchants.keys import key_version
from merchants.models import Card, CardProgramme, Role
from merchants.tokens import issue_token
from softpos.kernel import VirtualCard, records_to_json
from softpos.kernel.virtual_card import PADDING_BYTES, url_template
from tests.databases import manage
from tests.factories import Phone, make_card, make_member, make_merchant

SHOPS = 2
CARDS_EACH = 10
CARD_BALANCE = 100_000_00
URL_BASE = "https://pos.example/c/"


class Chip:
    """A virtual card in somebody's hand; every tap counts one up. `balance` is what it had before the test."""

    def __init__(self, uid: str, keys: Mapping[str, str]) -> None:
        self.uid = uid
        self.balance = CARD_BALANCE
        self._card = VirtualCard(
            uid=bytes.fromhex(uid),
            file_read_key=bytes.fromhex(keys["file_read"]),
            meta_read_key=bytes.fromhex(keys["meta_read"]),
            url_template=url_template(URL_BASE),
        )

    def tap(self) -> dict[str, Any]:
        """What NDEFReader would hand over."""
        self._card, url = self._card.tap(os.urandom(PADDING_BYTES))
        return {"serial_number": self._card.serial_number, "records": records_to_json(self._card.records(url))}


@dataclass(frozen=True)
class Shop:
    """One merchant: who signs in there, the phone that sells, the cards of its customers (fresh ones per test)."""

    pk: int
    cashier: str  # tokens
    owner: str
    phone: Phone
    cards: list[Chip]


class World:
    """Makes it in the migrated database that `env` names."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._phones = [Phone() for _ in range(SHOPS)]
        jwks = [phone.jwk for phone in self._phones]
        made = f"from tests.faults.world import make_shop; import json; print(json.dumps([*map(make_shop, {jwks})]))"
        self._shops = json.loads(manage("shell", "--no-imports", "-c", made, env=env))
        for phone, shop in zip(self._phones, self._shops, strict=True):
            phone.enrolled_as = shop["terminal"]

    def shops(self) -> list[Shop]:
        """As they stand in a fresh copy of the database."""
        return [
            Shop(
                pk=shop["pk"],
                cashier=shop["cashier"],
                owner=shop["owner"],
                phone=phone,
                cards=[Chip(card["uid"], card) for card in shop["cards"]],
            )
            for phone, shop in zip(self._phones, self._shops, strict=True)
        ]


def make_shop(jwk: dict[str, str]) -> dict[str, Any]:
    """One merchant through the product's services."""
    merchant = make_merchant()
    programme = merchant.programmes.get()
    limits = {"tap_limit": CARD_BALANCE, "daily_limit": CARD_BALANCE, "balance_limit": CARD_BALANCE}
    CardProgramme.objects.filter(pk=programme.pk).update(**limits)
    version = key_version(programme.keys.get())

    def keys_of(card: Card) -> dict[str, str]:
        keys = version.card_keys(bytes.fromhex(card.uid))
        return {"uid": card.uid, "file_read": keys.file_read.hex(), "meta_read": keys.meta_read.hex()}

    return {
        "pk": merchant.pk,
        "cashier": issue_token(make_member(merchant).user),
        "owner": issue_token(make_member(merchant, Role.OWNER).user),
        "terminal": str(enrol_with_key(merchant=merchant, name="till", public_key=jwk).pk),
        "cards": [keys_of(make_card(merchant, CARD_BALANCE)) for _ in range(CARDS_EACH)],
    }
