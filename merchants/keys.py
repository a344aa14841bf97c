"""Master keys of card programmes: wrapped at rest, unwrapped into the kernel's keyring in memory.

Wrapping is AES-256-GCM (NIST SP 800-38D) under the key-encryption key, bound to programme, version and field, so that a
wrapped key can't be moved to another row. Nothing here is ever logged, and no endpoint returns it.
"""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import transaction

from merchants.models import CardProgramme, ProgrammeKey
from softpos.kernel import Kernel, Keyring, KeyVersion

log = logging.getLogger(__name__)

NONCE_BYTES = 12
KEY_BYTES = 16
REFRESH_AFTER_S = 1.0


def wrap(key: bytes, context: str) -> bytes:
    """Nonce and ciphertext of a key, bound to its context."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(settings.SOFTPOS_KEY_ENCRYPTION_KEY).encrypt(nonce, key, context.encode())


def unwrap(wrapped: bytes | memoryview, context: str) -> bytes:
    """The key. Raises `cryptography.exceptions.InvalidTag` under another context, or no key-encryption key of ours."""
    wrapped = bytes(wrapped)
    for key in (settings.SOFTPOS_KEY_ENCRYPTION_KEY, *settings.SOFTPOS_EARLIER_KEY_ENCRYPTION_KEYS):
        with contextlib.suppress(InvalidTag):
            return AESGCM(key).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context.encode())
    raise InvalidTag


def start_key_version(programme: CardProgramme, *, mode: str = ProgrammeKey.Mode.AES) -> ProgrammeKey:
    """Begin the next key version of a programme with fresh random master keys."""
    latest = programme.keys.order_by("-version").first()
    version = latest.version + 1 if latest else 1
    return ProgrammeKey.objects.create(
        programme=programme,
        version=version,
        mode=mode,
        wrapped_meta_read=wrap(os.urandom(KEY_BYTES), _context(programme.pk, version, "meta_read")),
        wrapped_file_read_master=wrap(os.urandom(KEY_BYTES), _context(programme.pk, version, "file_read_master")),
    )


@transaction.atomic
def rewrap_keys() -> int:
    """Wrap every key version under the present key-encryption key; how many there are. Raises `InvalidTag`."""
    keys = list(ProgrammeKey.objects.select_for_update().order_by("pk"))
    for key in keys:
        plain = key_version(key)
        key.wrapped_meta_read = wrap(plain.meta_read_key, _context(key.programme_id, key.version, "meta_read"))
        key.wrapped_file_read_master = wrap(
            plain.file_read_master_key, _context(key.programme_id, key.version, "file_read_master")
        )
        key.save(update_fields=["wrapped_meta_read", "wrapped_file_read_master"])
    return len(keys)


def key_version(key: ProgrammeKey) -> KeyVersion:
    """A stored key version as the kernel takes it."""
    return KeyVersion(
        programme_id=key.programme_id,
        version=key.version,
        meta_read_key=unwrap(key.wrapped_meta_read, _context(key.programme_id, key.version, "meta_read")),
        file_read_master_key=unwrap(
            key.wrapped_file_read_master, _context(key.programme_id, key.version, "file_read_master")
        ),
        mode="lrp" if key.mode == ProgrammeKey.Mode.LRP else "aes",
    )


def _context(programme_id: int, version: int, field: str) -> str:
    return f"softpos-programme-key/{programme_id}/{version}/{field}"


@dataclass(frozen=True, slots=True)
class Kernels:
    """The kernels of one reading: each merchant's own, for its own cards, and one that knows every key."""

    own: Mapping[int, Kernel]
    everyone: Kernel

    def of(self, merchant_id: int) -> Kernel:
        """The kernel of a merchant's own key versions; one that knows no key when it has none."""
        return self.own.get(merchant_id) or Kernel(Keyring(()), settings.SOFTPOS_CARD_URL_PREFIXES)


class KernelCache:
    """The process's kernels; read again when a tap fits no key, at most once a second.

    So a key version started on another machine works here at once, and forged taps can't make the database work.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kernels: Kernels | None = None
        self._read_at = 0.0

    @property
    def at_hand(self) -> Kernels | None:
        """As last read; None before the first `refresh`."""
        return self._kernels

    @property
    def stale(self) -> bool:
        """Whether `refresh` would read again."""
        return self._kernels is None or time.monotonic() - self._read_at > REFRESH_AFTER_S

    def refresh(self) -> Kernels:
        """Read the keys from the database, unless that was just done."""
        with self._lock:
            if self._kernels is None or self.stale:
                self._kernels = _read_kernels()
                self._read_at = time.monotonic()
            return self._kernels

    def forget(self) -> None:
        """Read again at the next use, whatever the time (tests, where the database is emptied)."""
        self._kernels = None


def _read_kernels() -> Kernels:
    by_merchant: dict[int, list[KeyVersion]] = {}
    for key in ProgrammeKey.objects.select_related("programme").order_by("-version", "programme_id"):
        try:
            by_merchant.setdefault(key.programme.merchant_id, []).append(key_version(key))
        except InvalidTag:  # wrapped under another key-encryption key: that programme's cards, and no others, fail
            log.error("key version %s of programme %s can't be unwrapped", key.version, key.programme_id)
    prefixes = settings.SOFTPOS_CARD_URL_PREFIXES
    every = tuple(version for versions in by_merchant.values() for version in versions)
    own = {merchant: Kernel(Keyring(tuple(versions)), prefixes) for merchant, versions in by_merchant.items()}
    return Kernels(own, Kernel(Keyring(every), prefixes))


kernels = KernelCache()
