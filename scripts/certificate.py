"""A self-signed certificate for the local network, made on the spot and reused while it fits.

Only for trying SoftPOS with a phone: Chrome warns about it once. A real site has a certificate of an
authority that phones know (docs/operating.md).
"""

import datetime
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Longer-lived server certificates are refused by browsers (CA/Browser Forum, Baseline Requirements 6.3.2).
VALID_DAYS = 397
RENEWED_DAYS_BEFORE = 7


def certificate_for(addresses: Sequence[str], folder: Path, now: datetime.datetime) -> tuple[Path, Path]:
    """Paths of a certificate and its private key for `addresses` (IP addresses) and localhost."""
    certificate, key = folder / "certificate.pem", folder / "certificate_key.pem"
    if not (key.exists() and certificate.exists() and _fits(certificate.read_bytes(), addresses, now)):
        folder.mkdir(parents=True, exist_ok=True)
        _make(addresses, certificate, key, now)
    return certificate, key


def _names(addresses: Sequence[str]) -> list[x509.GeneralName]:
    unique = dict.fromkeys([*addresses, "127.0.0.1", "::1"])
    return [x509.DNSName("localhost"), *(x509.IPAddress(ipaddress.ip_address(one)) for one in unique)]


def _fits(pem: bytes, addresses: Sequence[str], now: datetime.datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    lives = certificate.not_valid_after_utc - now > datetime.timedelta(days=RENEWED_DAYS_BEFORE)
    return lives and set(named) == set(_names(addresses))


def _make(addresses: Sequence[str], certificate_path: Path, key_path: Path, now: datetime.datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "SoftPOS on the local network")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # a phone's clock may be behind
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS - 1))
        .add_extension(x509.SubjectAlternativeName(_names(addresses)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    descriptor = os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
