"""Taps of virtual cards: the chip's counter lives in the database, so that every process sees one card.

For the demo, tests and benchmarks. Refuses cards that are not virtual: the server could compute a real card's taps, and
must never do so.
"""

import os
from typing import TypedDict

from django.conf import settings
from django.db import transaction
from django.db.models import F

from merchants.keys import key_version
from merchants.models import Card, ProgrammeKey
from merchants.models import VirtualCard as Chip
from softpos.kernel import READ_COUNTER_MAX, RecordJson, VirtualCard, records_to_json
from softpos.kernel.suites import PICC_RANDOM_BYTES
from softpos.kernel.virtual_card import PADDING_BYTES


class NotVirtual(Exception):
    """The card exists as plastic (or not at all): its taps come from the card only."""


class VirtualTap(TypedDict):
    """What NDEFReader would have handed over, as the `tap` message wants it."""

    serial_number: str
    records: list[RecordJson]


def fresh_taps(card: Card, count: int = 1) -> list[VirtualTap]:
    """The next taps of a virtual card, its counter moved on. Raises `NotVirtual`, `CardWornOut`."""
    with transaction.atomic():
        if not Chip.objects.filter(card=card, read_counter__lte=READ_COUNTER_MAX - count).update(
            read_counter=F("read_counter") + count
        ):
            raise NotVirtual(card.uid)
        counter = Chip.objects.values_list("read_counter", flat=True).get(card=card)
    key = ProgrammeKey.objects.get(programme=card.programme_id, version=card.key_version)
    chip = VirtualCard.issued(
        key_version(key), bytes.fromhex(card.uid), settings.SOFTPOS_CARD_URL_BASE, counter=counter - count
    )
    taps: list[VirtualTap] = []
    for _ in range(count):
        chip, url = chip.tap(os.urandom(PADDING_BYTES), os.urandom(PICC_RANDOM_BYTES))
        taps.append({"serial_number": chip.serial_number, "records": records_to_json(chip.records(url))})
    return taps


def fresh_tap(card: Card) -> VirtualTap:
    """One fresh tap of a virtual card."""
    return fresh_taps(card)[0]
