"""Public ids of transactions: `T` and the 26 characters of a UUIDv7 in Crockford's base 32.

They sort by time, begin with a letter (Excel mangles long digits) and leave out the letters people confuse.
"""

import base64
import os
import time
import uuid

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PREFIX = "T"
LENGTH = 26
# The library's base 32 (RFC 4648) in C, its letters exchanged: 160 bits make 32 letters, of which the last 26 are ours.
_PADDED_BYTES = 20
_RFC_4648 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TO_CROCKFORD = bytes.maketrans(_RFC_4648, ALPHABET.encode())
_FROM_CROCKFORD = bytes.maketrans(ALPHABET.encode(), _RFC_4648)
_LETTERS = frozenset(ALPHABET)


def new_id() -> uuid.UUID:
    """A fresh UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then random bits."""
    milliseconds = time.time_ns() // 1_000_000
    tail = int.from_bytes(os.urandom(10))
    value = (milliseconds & (2**48 - 1)) << 80 | tail
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


def to_public(identity: uuid.UUID) -> str:
    """`T` and 26 characters."""
    letters = base64.b32encode(identity.int.to_bytes(_PADDED_BYTES)).translate(_TO_CROCKFORD)
    return PREFIX + letters[-LENGTH:].decode()


def from_public(text: str) -> uuid.UUID | None:
    """The id a public id stands for; None when it is none."""
    letters = text[1:]
    if len(letters) != LENGTH or text[0] != PREFIX or not _LETTERS.issuperset(letters):
        return None
    padded = letters.rjust(8 * _PADDED_BYTES // 5, ALPHABET[0]).encode().translate(_FROM_CROCKFORD)
    value = int.from_bytes(base64.b32decode(padded))
    return uuid.UUID(int=value) if value < 1 << 128 else None
