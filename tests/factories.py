"""Small factories: a merchant with people, terminals and cards, through the product's own services."""

import base64
import itertools
import uuid
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from merchants import enrolment
from merchants.keys import kernels, start_key_version
from merchants.models import Card, CardProgramme, FeeComponent, FeeSchedule, Member, Merchant, Role, Terminal, User
from merchants.virtual import VirtualTap, fresh_tap
from softpos.kernel import CardRead, TapPresented, parse_records
from transactions.authorisation import Authorised, authorise
from transactions.decision import Attempt
from transactions.issuing import issue_card
from transactions.policy import policies

_numbers = itertools.count(1)
RATE_PPM = 6_000


def make_merchant(*, rate_ppm: int | None = RATE_PPM, **fields: Any) -> Merchant:
    """A merchant with one card programme, its first key version, and a blended fee (None: no schedule)."""
    number = next(_numbers)
    merchant = Merchant.objects.create(**{"slug": f"m{number}", "name": f"Merchant {number}", **fields})
    programme = CardProgramme.objects.create(merchant=merchant, name="card")
    start_key_version(programme)
    if rate_ppm is not None:
        schedule = FeeSchedule.objects.create(merchant=merchant, name="blended", valid_from=date(2020, 1, 1))
        FeeComponent.objects.create(schedule=schedule, rate_ppm=rate_ppm)
    kernels.forget()
    policies.forget()  # where a test rolls back, the next merchant may get this one's number
    return merchant


def make_member(merchant: Merchant, role: str = Role.CASHIER, **fields: Any) -> Member:
    """A person of the merchant; the password is the username."""
    username = fields.pop("username", f"{role}{next(_numbers)}")
    user = User.objects.create_user(username=username, password=username, **fields)
    return Member.objects.create(merchant=merchant, user=user, role=role)


@dataclass(slots=True)
class Phone:
    """A phone's P-256 key, as WebCrypto would hold it, and the terminal it is enrolled as."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    terminal: Terminal | None = None
    enrolled_as: str = ""  # the terminal's id, where its row is in another process's database

    @property
    def jwk(self) -> dict[str, str]:
        """The public key."""
        numbers = self.key.public_key().public_numbers()
        return {
            "kty": "EC",
            "crv": "P-256",
            "x": base64url(numbers.x.to_bytes(32, "big")),
            "y": base64url(numbers.y.to_bytes(32, "big")),
        }

    def sign(self, nonce: str, terminal_id: object) -> str:
        """The raw r‖s signature of the hello message."""
        signed = f"softpos-terminal-v1\n{nonce}\n{terminal_id}".encode()
        r, s = decode_dss_signature(self.key.sign(signed, ec.ECDSA(hashes.SHA256())))
        return base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def base64url(data: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def make_phone(merchant: Merchant, name: str | None = None) -> Phone:
    """An enrolled terminal with its phone."""
    phone = Phone()
    phone.terminal = enrolment.enrol_with_key(
        merchant=merchant, name=name or f"terminal {next(_numbers)}", public_key=phone.jwk
    )
    return phone


def make_terminal(merchant: Merchant, name: str | None = None) -> Terminal:
    """An enrolled terminal whose phone doesn't matter."""
    terminal = make_phone(merchant, name).terminal
    assert terminal is not None
    return terminal


def make_card(merchant: Merchant, balance: int = 100_00, **changes: Any) -> Card:
    """A virtual card of the merchant's programme with money on it."""
    card = issue_card(programme=merchant.programmes.get(), virtual=True, balance=balance)
    if changes:
        Card.objects.filter(pk=card.pk).update(**changes)
        card.refresh_from_db()
    return card


def read_card(card: Card, tap: VirtualTap | None = None) -> CardRead:
    """What the kernel says of a fresh tap of the card."""
    tap = tap or fresh_tap(card)
    read = kernels.refresh().everyone.handle(TapPresented(tap["serial_number"], parse_records(tap["records"])))
    assert isinstance(read, CardRead), read
    return read


def make_attempt(card: Card | None, amount: int, member: Member, terminal: Terminal, **changes: Any) -> Attempt:
    """A purchase by a fresh tap of the card (`read` says otherwise); `changes` are fields of the attempt."""
    fields: dict[str, Any] = {
        "merchant_id": member.merchant_id,
        "start_id": uuid.uuid4(),
        "tap_id": uuid.uuid4(),
        "kind": "purchase",
        "amount": amount,
        "currency": member.merchant.currency,
        "terminal_id": terminal.pk,
        "operator_id": member.user_id,
    }
    if "read" in changes:
        fields["card"] = changes.pop("read")
    elif card is not None:
        fields["card"] = read_card(card)
    return Attempt(**{**fields, **changes})


def sell(card: Card | None, amount: int, member: Member, terminal: Terminal, **changes: Any) -> Authorised:
    """Authorise one purchase (or another kind) through the real authoriser."""
    return authorise([make_attempt(card, amount, member, terminal, **changes)])[0]
