"""The NDEF records a phone hands over: from the JSON of a `tap` message to checked values, and back.

Relies on nothing but the shape written in protocol section 1 (Web NFC's NDEFRecord, data as base64url). It
will never interpret a record, and never let an unbounded or wrongly shaped value past.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypedDict

RECORDS_MAX = 16
"""Records in one tap. A card of ours has one; a tag's file is 256 bytes."""
DATA_BYTES_MAX = 4096
"""Bytes of all records' data together."""
TEXT_CHARS_MAX = 255
"""Characters of a type, media type, encoding, language or id (NFC Forum NDEF: one length byte)."""
SERIAL_BYTES_MAX = 10
"""ISO 14443-3: a UID is 4, 7 or 10 bytes; ISO 15693 has 8."""

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_SERIAL = re.compile(r"(?:[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2})*)?", re.ASCII)
_URL_TYPES = frozenset({"url", "absolute-url"})


class MalformedTap(ValueError):
    """The phone's message has the wrong shape. The text names the field, never its content."""


class RecordJson(TypedDict):
    """One record as the `tap` message carries it; `data` is base64url without padding."""

    record_type: str
    media_type: str | None
    encoding: str | None
    lang: str | None
    id: str
    data: str


@dataclass(frozen=True, slots=True)
class NdefRecord:
    """One record as Web NFC's NDEFRecord has it; of a `url` record, `data` is the full URL in UTF-8.

    `data` stays out of the repr: it holds the whole tap, which does not belong in a log.
    """

    record_type: str
    media_type: str | None
    encoding: str | None
    lang: str | None
    id: str
    data: bytes = field(repr=False)

    @property
    def url(self) -> str | None:
        """The URL of a `url` or `absolute-url` record; None for other types and for what is not ASCII."""
        if self.record_type not in _URL_TYPES:
            return None
        try:
            return self.data.decode("ascii")
        except UnicodeDecodeError:
            return None


def url_record(url: str) -> NdefRecord:
    """The record NDEFReader makes of a URI record: the URL already expanded (Web NFC, "url" records)."""
    return NdefRecord("url", None, None, None, "", url.encode("utf-8"))


def parse_records(value: object) -> tuple[NdefRecord, ...]:
    """The JSON `records` value of a `tap` message, checked.

    Absent optional fields count as null, and null `id` or `data` as empty (a blank tag's `empty` record has
    both null). Fields unknown to protocol version 1 are ignored, so that the contract can be extended. Raises
    `MalformedTap` for every other shape and for anything past the limits above.
    """
    if not isinstance(value, list):
        raise MalformedTap("records is not a list")
    if len(value) > RECORDS_MAX:
        raise MalformedTap(f"more than {RECORDS_MAX} records")
    records: list[NdefRecord] = []
    room_bytes = DATA_BYTES_MAX
    for item in value:
        if not isinstance(item, Mapping):
            raise MalformedTap("a record is not an object")
        record_type = _text(item, "record_type")
        if not record_type:
            raise MalformedTap("record_type is missing")
        data = _data(item.get("data"), room_bytes)
        room_bytes -= len(data)
        media_type, encoding, lang = (_text(item, name) for name in ("media_type", "encoding", "lang"))
        records.append(NdefRecord(record_type, media_type, encoding, lang, _text(item, "id") or "", data))
    return tuple(records)


def records_to_json(records: Iterable[NdefRecord]) -> list[RecordJson]:
    """What `parse_records` takes, from records: for virtual cards and recorded transcripts."""
    return [
        RecordJson(
            record_type=record.record_type,
            media_type=record.media_type,
            encoding=record.encoding,
            lang=record.lang,
            id=record.id,
            data=base64.urlsafe_b64encode(record.data).rstrip(b"=").decode("ascii"),
        )
        for record in records
    ]


def parse_serial_number(value: object) -> str:
    """The `serial_number` of a `tap` message in lower case: hex pairs with colons, or empty.

    Raises `MalformedTap` for anything else.
    """
    if not isinstance(value, str) or len(value) > 3 * SERIAL_BYTES_MAX - 1 or not _SERIAL.fullmatch(value):
        raise MalformedTap("serial_number is not hex pairs with colons")
    return value.lower()


def _text(item: Mapping[object, object], name: str) -> str | None:
    value = item.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise MalformedTap(f"{name} is not a string")
    if len(value) > TEXT_CHARS_MAX:
        raise MalformedTap(f"{name} is longer than {TEXT_CHARS_MAX} characters")
    # JSON can carry lone surrogates and NUL, which no database column and no log would take.
    if not value.isprintable():
        raise MalformedTap(f"{name} has unprintable characters")
    return value


def _data(value: object, room_bytes: int) -> bytes:
    if value is None:
        return b""
    if not isinstance(value, str):
        raise MalformedTap("data is not a string")
    if len(value) * 3 // 4 > room_bytes:  # before decoding, so that a huge value costs nothing
        raise MalformedTap(f"more than {DATA_BYTES_MAX} bytes of data")
    if not _BASE64URL.fullmatch(value):
        raise MalformedTap("data is not base64url without padding")
    try:
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except binascii.Error:
        raise MalformedTap("data is not base64url without padding") from None
