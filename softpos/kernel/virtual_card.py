"""A card in software: behaves towards the kernel exactly as an NTAG 424 DNA does towards a phone.

Relies on the same `suites` as the verifier (so tests also check it against published messages), and on
randomness handed in. It will never be a secret's home in production: it exists for tests, demonstrations and
benchmarks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from .events import ReadFailed, TapPresented
from .keys import KEY_BYTES, UID_BYTES, KeyVersion, SunMode
from .message import COUNTER_BYTES, FILE_DATA_BLOCK_BYTES, READ_COUNTER_MAX
from .ndef import NdefRecord, url_record
from .suites import PICC_RANDOM_BYTES, SUITES
from .sun import PICC_DATA_TAG, PiccData

PADDING_BYTES: Final = 5
"""Random padding that fills PICC data up to a block (NT4H2421Gx section 9.3.4)."""

ENCRYPTED: Final = "p={picc_data}&c={cmac}"
"""Encrypted PICC data, MAC over nothing: how SoftPOS personalises its cards."""
ENCRYPTED_WITH_FILE_DATA: Final = "p={picc_data}&enc={enc}&c={cmac}"
"""Encrypted PICC data and encrypted file data, MAC from the file data on."""
PLAIN: Final = "uid={uid}&ctr={ctr}&c={cmac}"
"""UID and counter in the clear, MAC over nothing."""


class CardWornOut(Exception):
    """The read counter is at its limit: the chip answers reads with an error (NT4H2421Gx 9.3.1 and 9.3.2)."""


def url_template(base_url: str, layout: str = ENCRYPTED) -> str:
    """A card's URL with its placeholders: the base and one of the layouts above, joined by `?` or `&`."""
    return f"{base_url}{'&' if '?' in base_url else '?'}{layout}"


@dataclass(frozen=True, slots=True)
class VirtualCard:
    """The state of a card; `tap` returns the next state beside what the phone reads.

    `url_template` is the URL with placeholders `{picc_data}`, `{enc}`, `{cmac}`, `{uid}` and `{ctr}`, each
    where the chip mirrors. The MAC covers the text from `{mac_from}` (SDMMACInputOffset) or else from
    `{enc}`, or nothing. `file_data` is what `{enc}` encrypts, whole blocks of 16 bytes. `counter` is the last
    one given out: a new card has 0 and its first tap says 1. At `counter_limit` (SDMReadCtrLimit) reading
    ends, and at 2**24 - 1 in any case. Raises ValueError for keys, UID, counters or file data of impossible
    size.
    """

    uid: bytes
    file_read_key: bytes = field(repr=False)
    meta_read_key: bytes = field(repr=False)
    url_template: str
    counter: int = 0
    mode: SunMode = "aes"
    file_data: bytes = field(default=b"", repr=False)
    counter_limit: int = READ_COUNTER_MAX

    def __post_init__(self) -> None:
        if len(self.uid) != UID_BYTES:
            raise ValueError("a UID is 7 bytes")
        if len(self.file_read_key) != KEY_BYTES or len(self.meta_read_key) != KEY_BYTES:
            raise ValueError("a key is 16 bytes")
        if not 0 <= self.counter <= READ_COUNTER_MAX or not 0 <= self.counter_limit <= READ_COUNTER_MAX:
            raise ValueError("a read counter has 24 bits")
        if len(self.file_data) % FILE_DATA_BLOCK_BYTES or bool(self.file_data) != ("{enc}" in self.url_template):
            raise ValueError("file data is whole blocks, and there where the URL mirrors it")

    @classmethod
    def issued(
        cls,
        key_version: KeyVersion,
        uid: bytes,
        base_url: str,
        *,
        counter: int = 0,
        layout: str = ENCRYPTED,
        file_data: bytes = b"",
        counter_limit: int = READ_COUNTER_MAX,
    ) -> VirtualCard:
        """The card of this UID, personalised under a key version: mode and keys are the programme's."""
        return cls(
            uid=uid,
            file_read_key=key_version.card_file_read_key(uid),
            meta_read_key=key_version.meta_read_key,
            url_template=url_template(base_url, layout),
            counter=counter,
            mode=key_version.mode,
            file_data=file_data,
            counter_limit=counter_limit,
        )

    @property
    def serial_number(self) -> str:
        """The UID as Chrome writes it: `04:a1:…`."""
        return self.uid.hex(":")

    @property
    def worn_out(self) -> bool:
        """Whether the next read will be an error."""
        return self.counter >= self.counter_limit

    def tap(self, padding: bytes, picc_random: bytes | None = None) -> tuple[VirtualCard, str]:
        """One read: the card with its counter one higher, and the URL a phone reads.

        `padding` is 5 random bytes; `picc_random`, 8 random bytes, is needed in LRP mode. Raises ValueError
        without them, and `CardWornOut` when the counter stands at its limit.
        """
        if self.worn_out:
            raise CardWornOut
        card = replace(self, counter=self.counter + 1)
        return card, card._url(padding, picc_random)

    def present(
        self, padding: bytes, picc_random: bytes | None = None
    ) -> tuple[VirtualCard, TapPresented | ReadFailed]:
        """One tap as the kernel's event; a worn-out card is a read that fails, as NDEFReader would say."""
        if self.worn_out:
            return self, ReadFailed()
        card, url = self.tap(padding, picc_random)
        return card, TapPresented(self.serial_number, self.records(url))

    def advance(self, reads: int = 1) -> VirtualCard:
        """The card after others have read it: Android before Chrome, or a phone somewhere else."""
        if reads < 0:
            raise ValueError("a counter never goes back")
        return replace(self, counter=max(self.counter, min(self.counter + reads, self.counter_limit)))

    @staticmethod
    def records(url: str) -> tuple[NdefRecord, ...]:
        """What NDEFReader hands over for a card with this URL: one `url` record."""
        return (url_record(url),)

    def _url(self, padding: bytes, picc_random: bytes | None) -> str:
        if len(padding) != PADDING_BYTES:
            raise ValueError(f"the padding is {PADDING_BYTES} bytes")
        suite = SUITES[self.mode]
        if self.mode == "lrp" and (picc_random is None or len(picc_random) != PICC_RANDOM_BYTES):
            raise ValueError(f"in LRP mode a tap takes {PICC_RANDOM_BYTES} random bytes")
        context = PiccData(self.uid, self.counter).context
        plain = bytes([PICC_DATA_TAG]) + context + padding
        text = self.url_template
        if "{mac_from}" not in text:
            text = text.replace("{enc}", "{mac_from}{enc}")
        mirrors: dict[str, Callable[[], bytes]] = {
            "{picc_data}": lambda: suite.seal_picc_data(self.meta_read_key, plain, picc_random or b""),
            "{enc}": lambda: suite.seal_file_data(self.file_read_key, context, self.file_data),
            "{uid}": lambda: self.uid,
            # In plain the counter is most significant byte first, in the cryptography the other way round.
            "{ctr}": lambda: self.counter.to_bytes(COUNTER_BYTES, "big"),
        }
        for placeholder, mirror in mirrors.items():
            if placeholder in text:
                text = text.replace(placeholder, mirror().hex().upper())
        covered = text.partition("{cmac}")[0].partition("{mac_from}")[2]
        mac = suite.sdm_mac(self.file_read_key, context, covered.encode("utf-8"))
        return text.replace("{mac_from}", "").replace("{cmac}", mac.hex().upper())
