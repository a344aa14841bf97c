"""The leakage-resilient primitive (LRP) of AN12304, and the cipher and MAC built on it.

Relies on single AES blocks from `aes`. It will never be needed for cards in AES mode, and never choose an
initial value.
"""

from __future__ import annotations

from collections.abc import Iterable

from . import aes
from .aes import BLOCK_BYTES, ZERO_BLOCK

UPDATED_KEYS = 4
"""A key makes four independent ones (AN12304 algorithm 2, q = 4); SUN uses 0 for MACs and 1 for file data."""

_FIRST = b"\x55" * BLOCK_BYTES
_SECOND = b"\xaa" * BLOCK_BYTES
_NIBBLE_VALUES = 16


def plaintexts(key: bytes) -> tuple[bytes, ...]:
    """The sixteen secret plaintexts of a 16-byte key, one for each nibble (AN12304 algorithm 1, m = 4)."""
    step = aes.encrypt_block(key, _FIRST)
    found = []
    for _ in range(_NIBBLE_VALUES):
        following, plaintext = _both(step)
        found.append(plaintext)
        step = following
    return tuple(found)


def updated_key(key: bytes, number: int) -> bytes:
    """Updated key `number` (0 to 3) of a 16-byte key (AN12304 algorithm 2)."""
    if not 0 <= number < UPDATED_KEYS:
        raise ValueError("an updated key has a number from 0 to 3")
    step = aes.encrypt_block(key, _SECOND)
    for _ in range(number):
        step = aes.encrypt_block(step, _FIRST)
    return aes.encrypt_block(step, _SECOND)


def evaluate(secret_plaintexts: tuple[bytes, ...], key: bytes, nibbles: Iterable[int], *, final: bool = True) -> bytes:
    """EvalLRP (AN12304 algorithm 3): walk from the updated `key` along the nibbles; 16 bytes."""
    value = key
    for nibble in nibbles:
        value = aes.encrypt_block(value, secret_plaintexts[nibble])
    return aes.encrypt_block(value, ZERO_BLOCK) if final else value


def nibbles_of(data: bytes) -> list[int]:
    """The nibbles of a byte string, high one first."""
    return [half for byte in data for half in (byte >> 4, byte & 0x0F)]


class Lrp:
    """A key under LRP: its plaintexts and one of its updated keys, computed once.

    `updated` is the updated key's number: 0 for MACs and for PICC data, 1 for file data (NT4H2421Gx sections
    9.3.4.2 and 9.3.9.2).
    """

    __slots__ = ("_key", "_plaintexts")

    def __init__(self, key: bytes, updated: int = 0) -> None:
        self._plaintexts = plaintexts(key)
        self._key = updated_key(key, updated)

    def __repr__(self) -> str:
        return "Lrp()"  # the key stays out of logs

    def encrypt(self, iv: bytes, data: bytes) -> bytes:
        """LRICB without padding (AN12304, vectors in section 3.3). `data` is whole blocks, `iv` any bytes."""
        return b"".join(
            aes.encrypt_block(self._eval(counter), data[start : start + BLOCK_BYTES])
            for start, counter in _counters(iv, data)
        )

    def decrypt(self, iv: bytes, data: bytes) -> bytes:
        """The inverse of `encrypt`."""
        return b"".join(
            aes.decrypt_block(self._eval(counter), data[start : start + BLOCK_BYTES])
            for start, counter in _counters(iv, data)
        )

    def cmac(self, message: bytes) -> bytes:
        """CMAC-LRP, 16 bytes (AN12304, vectors in section 3.4): CMAC with EvalLRP in the place of AES."""
        subkey1 = aes.double(self._eval(ZERO_BLOCK))
        head_bytes = max(len(message) - 1, 0) // BLOCK_BYTES * BLOCK_BYTES
        value = ZERO_BLOCK
        for start in range(0, head_bytes, BLOCK_BYTES):
            value = self._eval(aes.xor(value, message[start : start + BLOCK_BYTES]))
        last = message[head_bytes:]
        if len(last) == BLOCK_BYTES:
            last = aes.xor(last, subkey1)
        else:
            last = aes.xor((last + b"\x80").ljust(BLOCK_BYTES, b"\0"), aes.double(subkey1))
        return self._eval(aes.xor(value, last))

    def _eval(self, block: bytes) -> bytes:
        return evaluate(self._plaintexts, self._key, nibbles_of(block))


def _both(step: bytes) -> tuple[bytes, bytes]:
    """One AES key schedule for the two blocks that algorithm 1 wants of each step."""
    both = aes.encrypt_block(step, _FIRST + _SECOND)
    return both[:BLOCK_BYTES], both[BLOCK_BYTES:]


def _counters(iv: bytes, data: bytes) -> list[tuple[int, bytes]]:
    """Each block's start and counter: the initial value counts up, big-endian, wrapping in its own length."""
    if len(data) % BLOCK_BYTES:
        raise ValueError("the data is not whole blocks")
    first, modulus = int.from_bytes(iv, "big"), 1 << 8 * len(iv)
    return [
        (start, ((first + start // BLOCK_BYTES) % modulus).to_bytes(len(iv), "big"))
        for start in range(0, len(data), BLOCK_BYTES)
    ]
