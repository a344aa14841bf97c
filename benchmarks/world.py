"""What `benchmarks.prepare` made, as a load generator holds it: who sells, with which phone, which cards are tapped.

Knows nothing of Django: the load generator is a program of its own beside the server.
"""

import base64
import itertools
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from softpos.kernel import VirtualCard, url_template
from tests.databases import ROOT

AMOUNT = 12_50  # fen: at 0.60 % the fee is 7.5, so every sale rounds a half up and makes both transfers


@dataclass(frozen=True, slots=True)
class Person:
    """A sign-in by token."""

    user: int
    token: str


@dataclass(frozen=True, slots=True)
class Stall:
    """A merchant: its numbers in the database, and what a server remembers of its rules between taps."""

    merchant: int
    slug: str
    currency: str
    zone: str
    cut_off_hour: int
    programme: int
    key_version: int
    settlement: int
    fees: int
    schedule: int
    rate_ppm: int
    fee_rule: str
    owner: Person
    cashier: Person


@dataclass(frozen=True, slots=True)
class Phone:
    """An enrolled terminal and its key."""

    terminal: str
    key: ec.EllipticCurvePrivateKey
    stall: Stall

    def sign(self, nonce: str) -> str:
        """The hello signature, raw r‖s (protocol, section 1)."""
        signed = f"softpos-terminal-v1\n{nonce}\n{self.terminal}".encode()
        r, s = decode_dss_signature(self.key.sign(signed, ec.ECDSA(hashes.SHA256())))
        return base64.urlsafe_b64encode(r.to_bytes(32) + s.to_bytes(32)).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Purse:
    """A card with money on it, and whose it is."""

    card: VirtualCard
    stall: Stall


@dataclass(frozen=True, slots=True)
class World:
    """Everything a load generator needs."""

    stalls: tuple[Stall, ...]
    phones: tuple[Phone, ...]
    purses: tuple[Purse, ...]

    def pairs(self) -> list[tuple[Phone, Purse]]:
        """Each purse with a phone of its merchant; a phone for each while they last, else they share."""
        phones = {stall.merchant: [p for p in self.phones if p.stall is stall] for stall in self.stalls}
        turns = {merchant: itertools.cycle(of_merchant) for merchant, of_merchant in phones.items()}
        return [(next(turns[purse.stall.merchant]), purse) for purse in self.purses]

    @classmethod
    def of(cls, made: Mapping[str, Any]) -> "World":
        """From what `benchmarks.prepare` printed."""
        stalls = tuple(
            Stall(**{**stall, "owner": Person(**stall["owner"]), "cashier": Person(**stall["cashier"])})
            for stall in made["stalls"]
        )
        return cls(
            stalls,
            tuple(_phone(terminal, stalls) for terminal in made["terminals"]),
            tuple(Purse(_card(card), stalls[card["stall"]]) for card in made["cards"]),
        )


def prepare(env: Mapping[str, str], *, merchants: int, cards: int, terminals: int) -> World:
    """Make a world in the database of this server's environment."""
    counts = {"--merchants": merchants, "--cards": cards, "--terminals": terminals}
    finished = subprocess.run(
        [sys.executable, "-m", "benchmarks.prepare", *(str(word) for pair in counts.items() for word in pair)],
        cwd=ROOT,
        env=dict(env),
        text=True,
        capture_output=True,
        check=False,
    )
    if finished.returncode:
        raise RuntimeError(f"nothing to sell with:\n{finished.stderr}")
    return World.of(json.loads(finished.stdout))


def _phone(terminal: Mapping[str, Any], stalls: tuple[Stall, ...]) -> Phone:
    key = ec.derive_private_key(int(terminal["private_key"], 16), ec.SECP256R1())
    return Phone(terminal["id"], key, stalls[terminal["stall"]])


def _card(card: Mapping[str, Any]) -> VirtualCard:
    return VirtualCard(
        uid=bytes.fromhex(card["uid"]),
        file_read_key=bytes.fromhex(card["file_read"]),
        meta_read_key=bytes.fromhex(card["meta_read"]),
        url_template=url_template(card["url_base"]),
    )
