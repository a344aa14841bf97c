"""Makes what a load generator sells with, through the product's own services, in seconds; prints it as JSON.

    python -m benchmarks.prepare --merchants 8 --cards 200 --terminals 200

Run it with a server's environment. The JSON holds private keys of phones and keys of cards, all made here and worth
nothing anywhere else; `benchmarks.world` reads it. Cards and terminals go round the merchants: number n is the
merchant's whose number is n modulo the number of merchants.
"""

import argparse
import base64
import json
import os
import sys
from datetime import date
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "softpos.settings")
django.setup()

from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from merchants import enrolment  # noqa: E402
from merchants.keys import key_version, start_key_version  # noqa: E402
from merchants.models import CardProgramme, FeeComponent, FeeSchedule, Member, Merchant, Role, User  # noqa: E402
from merchants.tokens import issue_token  # noqa: E402
from softpos.kernel import KeyVersion  # noqa: E402
from transactions.issuing import issue_card  # noqa: E402
from transactions.policy import Policy, read_policies  # noqa: E402

RATE_PPM = 6_000
CARD_BALANCE = 10_000_000_00  # a card lasts for 800 000 sales of 12.50, on one day
LIMIT = 100_000_000_00
UID_FIRST = 0x045F << 40  # cards are numbered, so that pgbench can say their uids


def make(merchants: int, cards: int, terminals: int) -> dict[str, Any]:
    """What `benchmarks.world.World` is made of. Makes everything anew; a second call needs other uids."""
    made = [_merchant(number) for number in range(merchants)]
    rules = read_policies(merchant.pk for merchant, _, _ in made)
    stalls = [_stall(merchant, rules[merchant.pk], key) for merchant, key, _ in made]
    for stall, (_, _, people) in zip(stalls, made, strict=True):
        stall |= people
    return {
        "stalls": stalls,
        "terminals": [_terminal(made[n % merchants][0], n) | {"stall": n % merchants} for n in range(terminals)],
        "cards": [_card(made[n % merchants][1], n) | {"stall": n % merchants} for n in range(cards)],
    }


@transaction.atomic
def _merchant(number: int) -> tuple[Merchant, KeyVersion, dict[str, Any]]:
    merchant = Merchant.objects.create(slug=f"bench-{number}", name=f"压测商户 {number}")
    schedule = FeeSchedule.objects.create(merchant=merchant, name="0.60 %", valid_from=date(2020, 1, 1))
    FeeComponent.objects.create(schedule=schedule, rate_ppm=RATE_PPM)
    programme = CardProgramme.objects.create(
        merchant=merchant, name="bench", tap_limit=LIMIT, daily_limit=LIMIT, balance_limit=LIMIT
    )
    key = key_version(start_key_version(programme))
    people = {role: _person(merchant, role) for role in ("owner", "cashier")}
    return merchant, key, people


def _person(merchant: Merchant, role: str) -> dict[str, Any]:
    user = User.objects.create_user(username=f"{merchant.slug}-{role}")  # signs in by token only
    Member.objects.create(merchant=merchant, user=user, role=Role(role))
    return {"user": user.pk, "token": issue_token(user)}


def _stall(merchant: Merchant, rules: Policy, key: KeyVersion) -> dict[str, Any]:
    """The merchant as its server remembers it between taps (`transactions.policy`)."""
    (_, schedule) = rules.schedules[-1]
    return {
        "merchant": merchant.pk,
        "slug": merchant.slug,
        "currency": merchant.currency,
        "zone": merchant.time_zone,
        "cut_off_hour": merchant.day_cut_off_hour,
        "programme": key.programme_id,
        "key_version": key.version,
        "settlement": rules.accounts["settlement"],
        "fees": rules.accounts["fees"],
        "schedule": schedule.id,
        "rate_ppm": schedule.components[0].rate_ppm,
        "fee_rule": "; ".join(map(str, schedule.components)),
    }


def _terminal(merchant: Merchant, number: int) -> dict[str, Any]:
    key = ec.generate_private_key(ec.SECP256R1())
    point = key.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256", "x": _base64url(point.x), "y": _base64url(point.y)}
    terminal = enrolment.enrol_with_key(merchant=merchant, name=f"phone {number}", public_key=jwk)
    return {"id": str(terminal.pk), "private_key": f"{key.private_numbers().private_value:064x}"}


def _card(key: KeyVersion, number: int) -> dict[str, Any]:
    programme = CardProgramme.objects.select_related("merchant").get(pk=key.programme_id)
    uid = (UID_FIRST + number).to_bytes(7)
    issue_card(programme=programme, uid=uid.hex(), virtual=True, balance=CARD_BALANCE)
    return {
        "uid": uid.hex(),
        "file_read": key.card_file_read_key(uid).hex(),
        "meta_read": key.meta_read_key.hex(),
        "url_base": settings.SOFTPOS_CARD_URL_BASE,
    }


def _base64url(coordinate: int) -> str:
    return base64.urlsafe_b64encode(coordinate.to_bytes(32)).decode().rstrip("=")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--merchants", type=int, default=8)
    parser.add_argument("--cards", type=int, default=200)
    parser.add_argument("--terminals", type=int, default=200)
    arguments = parser.parse_args()
    with transaction.atomic():  # one commit, so that two hundred cards don't wait for two hundred disks
        made = make(arguments.merchants, arguments.cards, arguments.terminals)
    if connection.vendor == "postgresql":  # what autovacuum does within its first minute
        connection.cursor().execute("ANALYZE")
    json.dump(made, sys.stdout)


if __name__ == "__main__":
    main()
