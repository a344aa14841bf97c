"""AES in the four shapes the card uses: one block, CBC, CMAC, and CMAC with AN10922's padding.

Relies on `cryptography` (OpenSSL). It will never hold a key between calls, and never pad or unpad what it is
not told to.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

BLOCK_BYTES = 16
ZERO_BLOCK = bytes(BLOCK_BYTES)

# ECB is safe for what it is used for here: single blocks, as the card's own specification prescribes.
_ECB = modes.ECB()  # noqa: S305


def encrypt_block(key: bytes, block: bytes) -> bytes:
    """AES of one 16-byte block (or several, independently). `key` is 16, 24 or 32 bytes."""
    return Cipher(AES(key), _ECB).encryptor().update(block)


def decrypt_block(key: bytes, block: bytes) -> bytes:
    """The inverse of `encrypt_block`."""
    return Cipher(AES(key), _ECB).decryptor().update(block)


def cbc_encrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """AES-CBC without padding; `data` is whole blocks."""
    return Cipher(AES(key), modes.CBC(iv)).encryptor().update(data)


def cbc_decrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """AES-CBC without padding; `data` is whole blocks."""
    return Cipher(AES(key), modes.CBC(iv)).decryptor().update(data)


def cmac(key: bytes, message: bytes) -> bytes:
    """AES-CMAC, 16 bytes (RFC 4493, NIST SP 800-38B)."""
    mac = CMAC(AES(key))
    mac.update(message)
    return mac.finalize()


def cmac_two_blocks(key: bytes, message: bytes) -> bytes:
    """AES-CMAC over at most 32 bytes, padded to two blocks even where one would do.

    That is how AN10922 section 2.2 pads a short diversification input; RFC 4493 would stop at 16 bytes.
    """
    if len(message) > BLOCK_BYTES:
        return cmac(key, message)
    subkey2 = double(double(encrypt_block(key, ZERO_BLOCK)))
    padded = (message + b"\x80").ljust(2 * BLOCK_BYTES, b"\0")
    last = xor(padded[BLOCK_BYTES:], subkey2)
    return encrypt_block(key, xor(encrypt_block(key, padded[:BLOCK_BYTES]), last))


def double(block: bytes) -> bytes:
    """Multiply by x in GF(2**128), as both CMACs make their subkeys (RFC 4493 section 2.3)."""
    value = int.from_bytes(block, "big") << 1
    return ((value ^ 0x87) & (1 << 128) - 1 if value >> 128 else value).to_bytes(BLOCK_BYTES, "big")


def xor(left: bytes, right: bytes) -> bytes:
    """Two strings of equal length, bit by bit."""
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")
