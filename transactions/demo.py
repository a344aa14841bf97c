"""The example merchant: something to take a payment with, minutes after the clone.

Everything is made once and found again; secrets are derived from the installation's own SECRET_KEY, so that they can
be printed again and differ from machine to machine. Never part of production (settings refuse both together).
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.db import transaction

from merchants import enrolment
from merchants.keys import start_key_version
from merchants.models import (
    ApiToken,
    Card,
    CardProgramme,
    FeeComponent,
    FeeSchedule,
    Member,
    Merchant,
    Role,
    Terminal,
    User,
)
from merchants.tokens import issue_token
from transactions import ledger
from transactions.issuing import issue_card
from transactions.models import CardAccount

SLUG = "demo"
PEOPLE = (("owner", "王老板"), ("cashier", "小李"), ("accountant", "陈会计"))
TERMINALS = ("一号机", "二号机")
CARD_BALANCES = (200_00, 88_88, 500_00, 5_00)  # the last one runs out soon, to see a decline
RATE_PPM = 6_000


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """A sign-in of the demo merchant."""

    role: str
    username: str
    password: str
    token: str


@transaction.atomic
def make_demo() -> dict[str, Any]:
    """The demo merchant as `manage.py demo --json` tells it; running it twice adds nothing."""
    merchant, made = Merchant.objects.get_or_create(slug=SLUG, defaults={"name": "老王水果摊"})
    ledger.open_books([merchant.pk])
    people = [_person(merchant, role, name) for role, name in PEOPLE]
    component = _fee(merchant)
    programme = _programme(merchant)
    if made:
        for balance in CARD_BALANCES:
            issue_card(programme=programme, virtual=True, balance=balance)
    return {
        "merchant": {"id": merchant.slug, "slug": merchant.slug, "name": merchant.name, "currency": merchant.currency},
        "people": [{"role": p.role, "username": p.username, "password": p.password, "token": p.token} for p in people],
        "terminals": [_terminal(merchant, name) for name in TERMINALS],
        "cards": _cards(programme),
        "fee": {
            "rate_ppm": component.rate_ppm,
            "fixed": component.fixed,
            "minimum": component.minimum,
            "cap": component.cap,
        },
    }


def _person(merchant: Merchant, role: str, name: str) -> DemoPerson:
    username = f"demo-{role}"
    password, token = _derived(f"password/{username}")[:10], _derived(f"token/{username}")
    user, made = User.objects.get_or_create(username=username, defaults={"first_name": name})
    if made:
        user.set_password(password)
        user.save()
        Member.objects.create(merchant=merchant, user=user, role=Role(role))
    if not ApiToken.objects.filter(user=user).exists():
        issue_token(user, token)
    return DemoPerson(role, username, password, token)


def _fee(merchant: Merchant) -> FeeComponent:
    schedule, _ = FeeSchedule.objects.get_or_create(
        merchant=merchant, valid_from=date(2020, 1, 1), defaults={"name": "0.60 %"}
    )
    return FeeComponent.objects.get_or_create(schedule=schedule, position=0, defaults={"rate_ppm": RATE_PPM})[0]


def _programme(merchant: Merchant) -> CardProgramme:
    programme, _ = CardProgramme.objects.get_or_create(merchant=merchant, name="老王会员卡")
    if not programme.keys.exists():
        start_key_version(programme)
    return programme


def _terminal(merchant: Merchant, name: str) -> dict[str, Any]:
    """A terminal waiting to be enrolled, with a code that has some minutes left; no code once it is enrolled."""
    terminal = Terminal.objects.filter(merchant=merchant, name=name).first()
    if terminal is None:
        terminal, code = enrolment.open_terminal(merchant=merchant, name=name)
    elif terminal.enrolled_at or terminal.revoked_at:
        return {"id": str(terminal.id), "name": name, "enrolment_code": None}
    else:
        terminal, code = enrolment.reissue_code(terminal=terminal)
    return {"id": str(terminal.id), "name": name, "enrolment_code": code}


def _cards(programme: CardProgramme) -> list[dict[str, Any]]:
    balances = dict(CardAccount.objects.filter(card__programme=programme).values_list("card_id", "balance"))
    return [
        {"uid": card.uid, "balance": balances[card.pk], "virtual": True}
        for card in Card.objects.filter(programme=programme, virtual__isnull=False).order_by("pk")
    ]


def _derived(purpose: str) -> str:
    """A secret of this installation for one purpose: base32 letters, easy to type on a phone."""
    digest = hmac.new(settings.SECRET_KEY.encode(), f"softpos-demo/{purpose}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode().lower().rstrip("=")
