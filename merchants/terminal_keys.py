"""A terminal's public key as the phone hands it over (a JWK, RFC 7518 section 6.2), and what it proves.

Relies on `cryptography` for the curve. Pure functions: no database, no clock. A private part is refused at the
door, so that no key that could sign for a terminal is ever stored here.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

PROOF_LABEL = "softpos-terminal-v1"
COORDINATE_BYTES = 32
SIGNATURE_BYTES = 2 * COORDINATE_BYTES  # raw r‖s, as WebCrypto signs (IEEE P1363)
JWK_MEMBERS_MAX = 16
_SHA256 = ec.ECDSA(hashes.SHA256())


class BadPublicKey(ValueError):
    """What was handed over is no public P-256 key. The text says why, without quoting it."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A point on P-256, coordinates as 32 bytes base64url; what `Terminal.public_key` holds."""

    x: str
    y: str
    kty: str = "EC"
    crv: str = "P-256"

    @classmethod
    def from_jwk(cls, jwk: object) -> "PublicKey":
        """Check a JWK strictly and keep only what makes the key. Raises `BadPublicKey`.

        Members that say nothing about the point (`ext`, `key_ops`, `kid`, …) are allowed, because WebCrypto
        exports some of them, and dropped.
        """
        if not isinstance(jwk, Mapping) or len(jwk) > JWK_MEMBERS_MAX:
            raise BadPublicKey("This is not a JWK.")
        if "d" in jwk:
            raise BadPublicKey("This is a private key: it must never leave the phone.")
        if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
            raise BadPublicKey("The key must be an EC key on P-256.")
        x, y = jwk.get("x"), jwk.get("y")
        if _decoded(x, COORDINATE_BYTES) is None or _decoded(y, COORDINATE_BYTES) is None:
            raise BadPublicKey("x and y must be 32 bytes each, base64url without padding.")
        key = cls(x=str(x), y=str(y))
        try:
            key.load()
        except ValueError as error:
            raise BadPublicKey("The point is not on the curve.") from error
        return key

    def load(self) -> ec.EllipticCurvePublicKey:
        """The key to verify with. Raises `ValueError` for a point that is not on the curve."""
        x, y = (int.from_bytes(_decoded(part, COORDINATE_BYTES) or b"") for part in (self.x, self.y))
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()

    def as_jwk(self) -> dict[str, str]:
        """`{kty, crv, x, y}`, for the database column."""
        return asdict(self)


def signed_text(nonce: str, terminal_id: UUID | str) -> bytes:
    """What a terminal signs to prove itself (protocol, section 1): label, nonce and terminal id, by line."""
    return f"{PROOF_LABEL}\n{nonce}\n{terminal_id}".encode()


def proves(public_key: Mapping[str, Any] | None, nonce: str, terminal_id: UUID | str, signature: object) -> bool:
    """Whether the holder of the key signed this nonce for this terminal (protocol, section 1, `hello`).

    `public_key` is `Terminal.public_key`; `signature` is raw r‖s, base64url without padding. Anything
    malformed proves nothing; nothing is raised.
    """
    raw = _decoded(signature, SIGNATURE_BYTES)
    if raw is None:
        return False
    r, s = int.from_bytes(raw[:COORDINATE_BYTES]), int.from_bytes(raw[COORDINATE_BYTES:])
    try:
        key = PublicKey.from_jwk(public_key).load()
        key.verify(encode_dss_signature(r, s), signed_text(nonce, terminal_id), _SHA256)
    except (BadPublicKey, InvalidSignature, UnicodeEncodeError):
        return False
    return True


def _decoded(text: object, length: int) -> bytes | None:
    """`length` bytes from canonical base64url without padding; None for anything else."""
    if not isinstance(text, str) or len(text) != -(-length * 4 // 3):
        return None
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    # Decoding forgives foreign letters and stray last bits: only the one true spelling comes back the same.
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == text else None
