"""The SUN message in a card's URL: what is PICC data, MAC and file data, and which text the MAC covers.

Relies on the parameter names of protocol section 6 alone. It will never decrypt or believe anything, and
never fetch a URL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from .keys import UID_BYTES
from .suites import SUITES

URL_CHARS_MAX: Final = 512
"""A tag's NDEF file is 256 bytes, and a URI prefix adds at most 26: twice that is no card of ours."""
MAC_BYTES: Final = 8
COUNTER_BYTES: Final = 3
READ_COUNTER_MAX: Final = 2**24 - 1
FILE_DATA_BLOCK_BYTES: Final = 16

PARAMETER_ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "p": "picc_data",
        "picc_data": "picc_data",
        "e": "picc_data",
        "c": "mac",
        "cmac": "mac",
        "m": "mac",
        "enc": "enc",
        "uid": "uid",
        "ctr": "ctr",
    }
)
"""What each parameter of a URL carries. Names are case-sensitive, and each role may occur once."""

_PICC_ENC_BYTES = frozenset(suite.picc_enc_bytes for suite in SUITES.values())
_URL = re.compile(r"(https?|lnurlw)://([!-~]+)", re.ASCII | re.IGNORECASE)


class MalformedSun(ValueError):
    """The URL is no SUN message. The text says what is wrong with it, without quoting it."""


@dataclass(frozen=True, slots=True)
class SunMessage:
    """A SUN message taken apart, nothing believed yet.

    Either `picc_enc_data` is set (16 bytes in AES mode, 24 in LRP mode), or `uid` (7 bytes) and
    `read_counter` are: the plain mirror. `mac_input` is the text the MAC covers as far as the URL tells: from
    the start of `enc` up to the MAC (AN12196 table 6), or nothing without `enc`. The fields that would make a
    fresh tap usable stay out of the repr.
    """

    picc_enc_data: bytes | None = field(repr=False)
    uid: bytes | None
    read_counter: int | None
    enc_file_data: bytes | None = field(repr=False)
    sdm_mac: bytes = field(repr=False)
    mac_input: str = field(repr=False)

    @classmethod
    def from_url(cls, url: str) -> SunMessage:
        """Take a card's URL apart. Raises `MalformedSun` for whatever is not one whole SUN message.

        Refused besides bad hex and lengths: a parameter given twice (under any of its names), both mirrors at
        once, a UID without counter or the reverse (such a message is the same on every tap), file data behind
        the MAC.
        """
        query = _query_of(url)
        values: dict[str, str] = {}
        starts: dict[str, int] = {}
        position = 0
        for part in query.split("&"):
            name, equals, value = part.partition("=")
            role = PARAMETER_ROLES.get(name)
            if role is not None:
                if role in values:
                    raise MalformedSun(f"{role} is given twice")
                values[role] = value
                starts[role] = position + len(name) + len(equals)
            position += len(part) + 1

        if "mac" not in values:
            raise MalformedSun("there is no MAC")
        mac = _unhex(values["mac"], "the MAC", MAC_BYTES)

        enc: bytes | None = None
        mac_input = ""
        if "enc" in values:
            enc = _unhex(values["enc"], "enc")
            if not enc or len(enc) % FILE_DATA_BLOCK_BYTES:
                raise MalformedSun("enc is not whole blocks")
            if starts["enc"] > starts["mac"]:
                raise MalformedSun("enc stands behind the MAC, which cannot cover it")
            mac_input = query[starts["enc"] : starts["mac"]]

        plain = values.keys() & {"uid", "ctr"}
        if "picc_data" in values:
            if plain:
                raise MalformedSun("the PICC data is there both encrypted and plain")
            picc = _unhex(values["picc_data"], "the PICC data")
            if len(picc) not in _PICC_ENC_BYTES:
                raise MalformedSun("the PICC data has the wrong length")
            return cls(picc, None, None, enc, mac, mac_input)
        if len(plain) != 2:
            raise MalformedSun("UID and read counter are not both there")
        # ASCII mirroring shows the counter most significant byte first (NT4H2421Gx section 9.3.1).
        counter = int.from_bytes(_unhex(values["ctr"], "ctr", COUNTER_BYTES), "big")
        return cls(None, _unhex(values["uid"], "uid", UID_BYTES), counter, enc, mac, mac_input)


def _query_of(url: str) -> str:
    if len(url) > URL_CHARS_MAX:
        raise MalformedSun(f"the URL is longer than {URL_CHARS_MAX} characters")
    if not _URL.fullmatch(url):
        raise MalformedSun("this is no https, http or lnurlw URL in printable ASCII")
    return url.partition("#")[0].partition("?")[2]


def _unhex(text: str, name: str, length: int | None = None) -> bytes:
    # The URL has no white space (checked before), the one thing bytes.fromhex would let pass.
    try:
        value = bytes.fromhex(text)
    except ValueError:
        raise MalformedSun(f"{name} is not hexadecimal") from None
    if length is not None and len(value) != length:
        raise MalformedSun(f"{name} is not {length} bytes")
    return value
