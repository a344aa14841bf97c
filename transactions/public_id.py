"""Public ids of transactions: `T` and the 26 characters of a UUIDv7 in Crockford's base 32.

They sort by time, begin with a letter (Excel mangles long digits) and leave out the letters people confuse.
"""

import os
import time
import uuid

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PREFIX = "T"
LENGTH = 26
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}


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
    value = identity.int
    return PREFIX + "".join(ALPHABET[value >> shift & 31] for shift in range(125, -5, -5))


def from_public(text: str) -> uuid.UUID | None:
    """The id a public id stands for; None when it is none."""
    if len(text) != LENGTH + 1 or text[0] != PREFIX:
        return None
    value = 0
    for letter in text[1:]:
        digit = _VALUES.get(letter)
        if digit is None:
            return None
        value = value << 5 | digit
    return uuid.UUID(int=value) if value < 1 << 128 else None
