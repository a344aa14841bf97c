"""Small factories for a world with one programme, its cards and a kernel."""

from __future__ import annotations

from softpos.kernel import (
    ENCRYPTED,
    CardRead,
    Kernel,
    Keyring,
    KeyVersion,
    Outcome,
    SunMode,
    TapPresented,
    VirtualCard,
    url_record,
)

BASE_URL = "https://pos.example/c/"
PREFIXES = (BASE_URL, "lnurlw://pos.example/")
UID = bytes.fromhex("04a1b2c3d4e5f6")
OTHER_UID = bytes.fromhex("04ffeeddccbbaa")
META_KEY = bytes.fromhex("6d657461206b6579206f662074657374")
FILE_KEY = bytes.fromhex("66696c65206b6579206f662074657374")
PADDING = bytes.fromhex("0102030405")
PICC_RANDOM = bytes.fromhex("1112131415161718")


def key_version(version: int = 1, *, mode: SunMode = "aes", allow_plain: bool = False) -> KeyVersion:
    """Key versions of programme 7; each number has keys of its own."""
    return KeyVersion(7, version, _vary(META_KEY, version), _vary(FILE_KEY, version), mode, allow_plain)


def card(keys: KeyVersion | None = None, *, uid: bytes = UID, layout: str = ENCRYPTED, **kwargs) -> VirtualCard:
    return VirtualCard.issued(keys or key_version(), uid, kwargs.pop("base_url", BASE_URL), layout=layout, **kwargs)


def kernel(*versions: KeyVersion, prefixes: tuple[str, ...] = PREFIXES) -> Kernel:
    return Kernel(Keyring(versions or (key_version(),)), prefixes)


def tap_url(a_card: VirtualCard) -> str:
    return a_card.tap(PADDING, PICC_RANDOM)[1]


def present(*urls: str) -> TapPresented:
    return TapPresented("04:a1:b2:c3:d4:e5:f6", tuple(url_record(url) for url in urls))


def read_of(outcome: Outcome) -> tuple[bytes, int]:
    """UID and counter of a card that was read; anything else fails the test."""
    assert isinstance(outcome, CardRead), outcome
    return outcome.uid, outcome.read_counter


def _vary(key: bytes, version: int) -> bytes:
    return bytes([key[0] ^ version]) + key[1:]
