"""The kernel itself: what a phone reports goes in, what it means comes out.

Relies on a keyring and on the URL prefixes of our own cards, both handed in. It will never raise whatever a
card says, never remember a tap (freshness is the authoriser's), and believes nothing before its MAC has been
found right.
"""

from __future__ import annotations

import re
from typing import assert_never

from . import sun
from .events import Event, ReadFailed, TapPresented
from .keys import Keyring, KeyVersion
from .message import MalformedSun, SunMessage
from .ndef import NdefRecord
from .outcomes import CardRead, NotGenuine, Outcome, TryAgain

_ORIGIN = re.compile(r"(https?|lnurlw)://[!-.0->@-~]*", re.ASCII | re.IGNORECASE)
_BOUNDARY = ("/", "?", "#", "")


class Kernel:
    """Turns events into outcomes; keeps no state between them, so one may serve every socket of a process.

    `url_prefixes` are the beginnings our cards' URLs have, such as `https://pos.example/c/` or
    `lnurlw://pos.example/`; none means any host and path. Scheme and host count without regard to case, and a
    prefix ends at a boundary: `https://pos.example` does not let `https://pos.example.net/` in. Raises
    ValueError for a prefix with another scheme.

    | event | a record of ours | keys | outcome |
    |---|---|---|---|
    | ReadFailed | | | TryAgain read_error |
    | TapPresented | none | | TryAgain unsupported_card |
    | TapPresented | two that differ | | TryAgain several_cards |
    | TapPresented | one | a key version finds the MAC right | CardRead |
    | TapPresented | one | one decrypts it, none finds the MAC right | NotGenuine with claimed_uid |
    | TapPresented | one | none decrypts it | NotGenuine |
    """

    __slots__ = ("_keyring", "_prefixes")

    def __init__(self, keyring: Keyring, url_prefixes: tuple[str, ...] = ()) -> None:
        self._keyring = keyring
        self._prefixes = tuple(_normalised(prefix) for prefix in url_prefixes)
        if not all(_ORIGIN.match(prefix) for prefix in self._prefixes):
            raise ValueError("a URL prefix begins with https://, http:// or lnurlw://")

    def handle(self, event: Event) -> Outcome:
        """The outcome of one event. Total: it returns one whatever the bytes of the tap."""
        match event:
            case ReadFailed():
                return TryAgain("read_error")
            case TapPresented(records=records):
                return self._tap(records)
        assert_never(event)

    def _tap(self, records: tuple[NdefRecord, ...]) -> Outcome:
        ours: SunMessage | None = None
        for record in records:
            message = self._message_of(record)
            if message is None or message == ours:
                continue
            if ours is not None:
                return TryAgain("several_cards")
            ours = message
        if ours is None:
            return TryAgain("unsupported_card")
        return self._verify(ours)

    def _message_of(self, record: NdefRecord) -> SunMessage | None:
        """The SUN message of a record, if it is a URL of ours that carries one."""
        url = record.url
        if url is None:
            return None
        if self._prefixes and not self._accepts(url):
            return None
        try:
            return SunMessage.from_url(url)
        except MalformedSun:
            return None

    def _accepts(self, url: str) -> bool:
        url = _normalised(url)
        return any(
            url.startswith(prefix) and (prefix.endswith("/") or url[len(prefix) : len(prefix) + 1] in _BOUNDARY)
            for prefix in self._prefixes
        )

    def _verify(self, message: SunMessage) -> CardRead | NotGenuine:
        """Try each key version in turn; the first one whose MAC is right tells the truth."""
        claimed_uid: bytes | None = None
        for version in self._keyring.versions:
            claim = _claim_under(version, message)
            if claim is None:
                continue
            if sun.authenticate(message, claim, version.card_file_read_key(claim.uid), version.mode):
                return CardRead(claim.uid, claim.read_counter, version.programme_id, version.version)
            claimed_uid = claimed_uid or sun.well_formed_uid(claim)
        return NotGenuine(claimed_uid)


def _claim_under(version: KeyVersion, message: SunMessage) -> sun.PiccData | None:
    if message.picc_enc_data is None and not version.allow_plain:
        return None
    return sun.claimed_picc_data(message, version.meta_read_key, version.mode)


def _normalised(url: str) -> str:
    """Scheme and host in lower case; the rest is case-sensitive and stays as it is (RFC 3986, 6.2.2.1)."""
    origin = _ORIGIN.match(url)
    return url if origin is None else origin[0].lower() + url[origin.end() :]
