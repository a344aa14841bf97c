"""The keys of a card programme: two masters per key version, and each card's own keys derived from them.

Relies on AN10922 (key diversification); keys are handed in, already decrypted. It will never store a card's
key, never make a random one, and never show a key in a repr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from . import aes

SunMode = Literal["aes", "lrp"]
"""How a card makes its SUN messages: AES (AN12196) or LRP (AN12343)."""

KEY_BYTES = 16
UID_BYTES = 7
UID_MANUFACTURER = 0x04
"""ISO 7816-6 manufacturer code of NXP, the first byte of every NTAG 424 DNA UID."""

SOFTPOS_AID = bytes.fromhex("3042F5")
"""The AID in SoftPOS's diversification input.

The chip's application has a 16-byte DF name but no three-byte AID of its own, so any constant would do: this
is the one AN10922 section 2.2.1 and the public NTAG 424 tools use, so that a card's keys can be made with
those as well.
"""
SOFTPOS_SYSTEM_ID = b"SoftPOS"
"""The system identifier of SoftPOS's diversification input. Changing it locks out every issued card."""

_INPUT_BYTES_MAX = 31  # AN10922 section 2.2: constant and input fill two blocks
_HALF = 8


def diversify(master_key: bytes, diversification_input: bytes) -> bytes:
    """The AN10922 key of a card, as long as the master key (16, 24 or 32 bytes; sections 2.2, 2.3 and 2.4).

    `diversification_input` is UID ‖ AID ‖ system identifier, 1 to 31 bytes. Raises ValueError past that.
    """
    if not 1 <= len(diversification_input) <= _INPUT_BYTES_MAX:
        raise ValueError("a diversification input has 1 to 31 bytes")
    if len(master_key) == KEY_BYTES:
        return aes.cmac_two_blocks(master_key, b"\x01" + diversification_input)
    if len(master_key) == 24:
        first = aes.cmac_two_blocks(master_key, b"\x11" + diversification_input)
        second = aes.cmac_two_blocks(master_key, b"\x12" + diversification_input)
        return first[:_HALF] + aes.xor(first[_HALF:], second[:_HALF]) + second[_HALF:]
    if len(master_key) == 32:
        return aes.cmac_two_blocks(master_key, b"\x41" + diversification_input) + aes.cmac_two_blocks(
            master_key, b"\x42" + diversification_input
        )
    raise ValueError("an AES key has 16, 24 or 32 bytes")


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """What must be kept secret for one key version of a programme: two AES-128 keys, 16 bytes each.

    `meta_read` (K_SDMMetaRead) is on every card of the version, for the UID is not known before it has been
    used; `file_read_master` never leaves the server: each card gets a key derived from it.
    """

    meta_read: bytes = field(repr=False)
    file_read_master: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _require_key(self.meta_read)
        _require_key(self.file_read_master)


@dataclass(frozen=True, slots=True)
class CardKeys:
    """All five keys a card is personalised with, by the chip's key numbers; 16 bytes each.

    Shown once, to the personalisation tool, and derived again when needed.
    """

    application_master: bytes = field(repr=False)  # key 0
    meta_read: bytes = field(repr=False)  # key 1
    file_read: bytes = field(repr=False)  # key 2
    key3: bytes = field(repr=False)
    key4: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """One key version of one programme, as the kernel verifies with it.

    `allow_plain` also accepts messages with UID and counter in the clear, which show the cardholder's UID to
    anybody. Raises ValueError for keys that are not 16 bytes.
    """

    programme_id: int
    version: int
    meta_read_key: bytes = field(repr=False)
    file_read_master_key: bytes = field(repr=False)
    mode: SunMode = "aes"
    allow_plain: bool = False

    def __post_init__(self) -> None:
        _require_key(self.meta_read_key)
        _require_key(self.file_read_master_key)
        if self.mode not in ("aes", "lrp"):
            raise ValueError("the mode is 'aes' or 'lrp'")

    @classmethod
    def from_masters(
        cls,
        programme_id: int,
        version: int,
        masters: MasterKeys,
        *,
        mode: SunMode = "aes",
        allow_plain: bool = False,
    ) -> KeyVersion:
        """The key version these masters belong to."""
        return cls(programme_id, version, masters.meta_read, masters.file_read_master, mode, allow_plain)

    def card_file_read_key(self, uid: bytes) -> bytes:
        """K_SDMFileRead (key 2) of the card with this 7-byte UID: AN10922 over UID ‖ AID ‖ system
        identifier.
        """
        _require_uid(uid)
        return aes.cmac(self.file_read_master_key, b"\x01" + uid + SOFTPOS_AID + SOFTPOS_SYSTEM_ID)

    def card_keys(self, uid: bytes) -> CardKeys:
        """Every key of the card with this 7-byte UID, for personalising it.

        Keys 0, 3 and 4 come from the same master with the key number as one more byte of the system
        identifier: the inputs differ in length from key 2's, so no two of them can meet.
        """
        _require_uid(uid)
        key0, key3, key4 = (
            diversify(self.file_read_master_key, uid + SOFTPOS_AID + SOFTPOS_SYSTEM_ID + bytes([number]))
            for number in (0, 3, 4)
        )
        return CardKeys(key0, self.meta_read_key, self.card_file_read_key(uid), key3, key4)


@dataclass(frozen=True, slots=True)
class Keyring:
    """The key versions a tap is tried with, in this order: put the one most cards have first.

    Raises ValueError when a programme's version occurs twice.
    """

    versions: tuple[KeyVersion, ...]

    def __post_init__(self) -> None:
        if len({(version.programme_id, version.version) for version in self.versions}) != len(self.versions):
            raise ValueError("a key version occurs twice in the keyring")

    def find(self, programme_id: int, version: int) -> KeyVersion | None:
        """The key version of that programme and number, or None."""
        wanted = (programme_id, version)
        return next((held for held in self.versions if (held.programme_id, held.version) == wanted), None)


def _require_key(key: bytes) -> None:
    if not isinstance(key, bytes) or len(key) != KEY_BYTES:
        raise ValueError("a key is 16 bytes")


def _require_uid(uid: bytes) -> None:
    if len(uid) != UID_BYTES:
        raise ValueError("a UID is 7 bytes")
