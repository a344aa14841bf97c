"""What the operator says through the environment, read once and checked at the door.

With nothing said, secrets are made on first use and kept in `var/` (mode 600), so that a newcomer has nothing to
configure and nothing secret is in the repository. Production never falls back to that: it names what is missing.
"""

import base64
import binascii
import os
import secrets
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32

Network = IPv4Network | IPv6Network


def flag(environ: Mapping[str, str], name: str) -> bool:
    """Whether `name` is set to 1, true, yes or on."""
    return environ.get(name, "").strip().lower() in {"1", "true", "yes", "on"}


def words(environ: Mapping[str, str], name: str) -> list[str]:
    """The comma-separated values of `name`; empty when it is not set."""
    return [word.strip() for word in environ.get(name, "").split(",") if word.strip()]


def choice(environ: Mapping[str, str], name: str, choices: Sequence[str]) -> str:
    """One of `choices`; the first when `name` is not set. Raises `ImproperlyConfigured`, naming the choices."""
    value = environ.get(name, "").strip() or choices[0]
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is one of: {', '.join(choices)}")
    return value


def networks(environ: Mapping[str, str], name: str) -> list[Network]:
    """The comma-separated addresses and networks of `name`. Raises `ImproperlyConfigured` for what is neither."""
    try:
        return [ip_network(word) for word in words(environ, name)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from error


def secret(environ: Mapping[str, str], name: str, *, kept_in: Path, production: bool) -> str:
    """A secret from the environment, else (never in production) one made here and kept in a file.

    Raises `ImproperlyConfigured`, naming the setting, when production lacks it or has a short one.
    """
    value = environ.get(name, "")
    if production and len(value) < KEY_BYTES:
        raise ImproperlyConfigured(f"{name} must be set in production, to {KEY_BYTES} characters or more")
    return value or _kept_secret(kept_in)


def key_encryption_key(environ: Mapping[str, str], *, kept_in: Path, production: bool) -> bytes:
    """The 32 bytes that wrap the master keys of every card programme (protocol, section 7)."""
    return _key(secret(environ, "SOFTPOS_KEY_ENCRYPTION_KEY", kept_in=kept_in, production=production))


def earlier_key_encryption_keys(environ: Mapping[str, str]) -> list[bytes]:
    """Those that may still wrap keys, until `manage.py rewrap_keys` has run."""
    return [_key(text) for text in words(environ, "SOFTPOS_EARLIER_KEY_ENCRYPTION_KEYS")]


def _key(text: str) -> bytes:
    try:
        key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise ImproperlyConfigured("a key-encryption key is not base64url") from error
    if len(key) != KEY_BYTES:
        raise ImproperlyConfigured(f"a key-encryption key is {KEY_BYTES} bytes, base64url")
    return key


def _kept_secret(path: Path) -> str:
    """Read the secret at `path`, making it first if need be; safe when two processes start at once."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode().rstrip("="))
        try:
            os.link(draft, path)  # atomic, and fails if another process was first: then its secret counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
