"""Secure Unique NFC: is this message from the card that holds these keys, and what does it say?

Relies on `message` for the parts of the URL and on `suites` for the cryptography (NT4H2421Gx section 9.3,
AN12196, AN12343). It will never say whether a message is fresh: a replay is as genuine as the first, the
counter's keeper decides.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final

from .keys import UID_BYTES, UID_MANUFACTURER, SunMode
from .message import COUNTER_BYTES, MalformedSun, SunMessage
from .outcomes import NotGenuine
from .suites import SUITES

PICC_DATA_TAG: Final = 0xC7
"""UID and counter mirrored, UID of 7 bytes (NT4H2421Gx table 21): the one tag that proves a single tap."""

_UID_END = 1 + UID_BYTES
_COUNTER_END = _UID_END + COUNTER_BYTES


@dataclass(frozen=True, slots=True)
class PiccData:
    """Which card claims to speak, for the how-manieth time: `uid` 7 bytes, `read_counter` 0 to 2**24 - 1."""

    uid: bytes
    read_counter: int

    @property
    def context(self) -> bytes:
        """UID ‖ SDMReadCtr as the session keys take it: the counter least significant byte first."""
        return self.uid + self.read_counter.to_bytes(COUNTER_BYTES, "little")


@dataclass(frozen=True, slots=True)
class SunResult:
    """A genuine message. `file_data` is what SDMENCFileData held (whole blocks), None when there was none."""

    uid: bytes
    read_counter: int
    file_data: bytes | None = None


@dataclass(frozen=True, slots=True)
class SunReport:
    """The answer of `verify`: hex in lower case, all None unless `valid`; then `problem` says why not."""

    valid: bool
    uid: str | None = None
    read_counter: int | None = None
    file_data: str | None = None
    problem: str | None = None

    def as_dict(self) -> dict[str, object]:
        """`{valid, uid, read_counter, file_data}`, as `verify_sun --json` prints it (protocol section 5)."""
        return {
            "valid": self.valid,
            "uid": self.uid,
            "read_counter": self.read_counter,
            "file_data": self.file_data,
        }


def claimed_picc_data(message: SunMessage, meta_read_key: bytes | None, mode: SunMode) -> PiccData | None:
    """Who the message claims to be from, decrypted with K_SDMMetaRead or read off a plain mirror.

    Not authenticated. None when there is no key to decrypt with, when the length is that of the other mode,
    or when the result is no PICC data with UID and counter.
    """
    if message.picc_enc_data is None:
        if message.uid is None or message.read_counter is None:
            return None
        return PiccData(message.uid, message.read_counter)
    suite = SUITES[mode]
    if meta_read_key is None or len(message.picc_enc_data) != suite.picc_enc_bytes:
        return None
    plain = suite.open_picc_data(meta_read_key, message.picc_enc_data)
    # A mirror of the UID alone has the same MAC on every tap; one of the counter alone names no card.
    if plain[0] != PICC_DATA_TAG:
        return None
    return PiccData(plain[1:_UID_END], int.from_bytes(plain[_UID_END:_COUNTER_END], "little"))


def authenticate(
    message: SunMessage, claim: PiccData, file_read_key: bytes, mode: SunMode, mac_input: str | None = None
) -> bool:
    """Whether the card with this K_SDMFileRead made the message, in constant time (NT4H2421Gx 9.3.8)."""
    text = message.mac_input if mac_input is None else mac_input
    expected = SUITES[mode].sdm_mac(file_read_key, claim.context, text.encode("utf-8", "replace"))
    return hmac.compare_digest(expected, message.sdm_mac)


def well_formed_uid(claim: PiccData | None) -> bytes | None:
    """The UID of a claim if it can be NXP's: noise decrypts to the right tag once in 256 times."""
    return claim.uid if claim is not None and claim.uid[0] == UID_MANUFACTURER else None


def verify_sun(
    message: SunMessage,
    *,
    file_read_key: bytes,
    meta_read_key: bytes | None = None,
    mode: SunMode = "aes",
    mac_input: str | None = None,
) -> SunResult | NotGenuine:
    """Verify one SUN message with one card's keys (16 bytes each), from PICC data to file data.

    `meta_read_key` may be None for a plain mirror. `mac_input` replaces the text the URL suggests, for tags
    whose MAC covers other text. Whatever the message holds, the answer is a value; only keys of a wrong
    length raise ValueError.
    """
    claim = claimed_picc_data(message, meta_read_key, mode)
    if claim is None:
        return NotGenuine(None)
    if not authenticate(message, claim, file_read_key, mode, mac_input):
        return NotGenuine(well_formed_uid(claim))
    file_data: bytes | None = None
    if message.enc_file_data is not None:
        file_data = SUITES[mode].open_file_data(file_read_key, claim.context, message.enc_file_data)
    return SunResult(claim.uid, claim.read_counter, file_data)


def verify(
    url: str,
    *,
    file_read_key: bytes,
    meta_read_key: bytes | None = None,
    mode: SunMode = "aes",
    mac_input: str | None = None,
) -> SunReport:
    """`verify_sun` for a URL, answered for a person: what the management command of that name prints.

    Raises ValueError only for keys of a wrong length.
    """
    try:
        message = SunMessage.from_url(url)
    except MalformedSun as error:
        return SunReport(valid=False, problem=str(error))
    if message.picc_enc_data is not None and meta_read_key is None:
        return SunReport(valid=False, problem="the PICC data is encrypted: the meta read key is needed")
    result = verify_sun(
        message, file_read_key=file_read_key, meta_read_key=meta_read_key, mode=mode, mac_input=mac_input
    )
    if isinstance(result, SunResult):
        file_data = None if result.file_data is None else result.file_data.hex()
        return SunReport(True, result.uid.hex(), result.read_counter, file_data)
    if result.claimed_uid is not None:
        return SunReport(valid=False, problem=f"the MAC is wrong (the PICC data names card {result.claimed_uid.hex()})")
    return SunReport(valid=False, problem="the PICC data cannot be decrypted with this key and mode")
