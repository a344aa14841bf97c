"""How an NTAG 424 DNA protects its messages, in AES and in LRP mode, from the card's and the server's side.

Relies on keys handed in and on NXP's NT4H2421Gx data sheet, whose sections are named below (AN12196 and
AN12343 say the same with examples). It will never compare a MAC or judge what it decrypted: `sun` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

from . import aes
from .keys import SunMode
from .lrp import Lrp

PICC_PLAIN_BYTES: Final = 16
"""Tag, UID, read counter and random padding, before encryption."""
PICC_RANDOM_BYTES: Final = 8
"""LRP only: the random initial value in front of the encrypted PICC data (section 9.3.4.2)."""


class Suite(Protocol):
    """What SUN needs of a mode. Keys are 16 bytes, `context` is UID ‖ SDMReadCtr (7 and 3, LSB first)."""

    picc_enc_bytes: int

    def open_picc_data(self, meta_read_key: bytes, sealed: bytes) -> bytes:
        """The 16 bytes of PICC data from PICCENCData of `picc_enc_bytes`."""

    def seal_picc_data(self, meta_read_key: bytes, plain: bytes, picc_random: bytes) -> bytes:
        """PICCENCData, as the card makes it; `picc_random` is 8 bytes in LRP mode and unused in AES mode."""

    def sdm_mac(self, file_read_key: bytes, context: bytes, text: bytes) -> bytes:
        """SDMMAC, 8 bytes, over the text between SDMMACInputOffset and SDMMACOffset (section 9.3.8)."""

    def open_file_data(self, file_read_key: bytes, context: bytes, sealed: bytes) -> bytes:
        """The plain file data behind SDMENCFileData, whole blocks (section 9.3.6)."""

    def seal_file_data(self, file_read_key: bytes, context: bytes, plain: bytes) -> bytes:
        """SDMENCFileData, as the card makes it."""


class AesSuite:
    """AES mode: CBC and CMAC (sections 9.3.4.1, 9.3.6.1, 9.3.8.1, 9.3.9.1; AN12196 section 4.4)."""

    picc_enc_bytes = PICC_PLAIN_BYTES

    _MAC_LABEL = bytes.fromhex("3CC300010080")
    _ENC_LABEL = bytes.fromhex("C33C00010080")

    def open_picc_data(self, meta_read_key: bytes, sealed: bytes) -> bytes:
        # One block with a zero IV: CBC (section 9.3.4.1) and a bare block are the same.
        return aes.decrypt_block(meta_read_key, sealed)

    def seal_picc_data(self, meta_read_key: bytes, plain: bytes, picc_random: bytes) -> bytes:
        return aes.encrypt_block(meta_read_key, plain)

    def session_mac_key(self, file_read_key: bytes, context: bytes) -> bytes:
        """K_SesSDMFileReadMAC, 16 bytes (section 9.3.9.1, SV2)."""
        return aes.cmac(file_read_key, self._MAC_LABEL + context)

    def session_enc_key(self, file_read_key: bytes, context: bytes) -> bytes:
        """K_SesSDMFileReadENC, 16 bytes (section 9.3.9.1, SV1)."""
        return aes.cmac(file_read_key, self._ENC_LABEL + context)

    def sdm_mac(self, file_read_key: bytes, context: bytes, text: bytes) -> bytes:
        return aes.cmac(self.session_mac_key(file_read_key, context), text)[1::2]

    def open_file_data(self, file_read_key: bytes, context: bytes, sealed: bytes) -> bytes:
        key = self.session_enc_key(file_read_key, context)
        return aes.cbc_decrypt(key, self._file_iv(key, context), sealed)

    def seal_file_data(self, file_read_key: bytes, context: bytes, plain: bytes) -> bytes:
        key = self.session_enc_key(file_read_key, context)
        return aes.cbc_encrypt(key, self._file_iv(key, context), plain)

    @staticmethod
    def _file_iv(key: bytes, context: bytes) -> bytes:
        return aes.encrypt_block(key, context[-3:].ljust(aes.BLOCK_BYTES, b"\0"))


class LrpSuite:
    """LRP mode: LRICB and CMAC-LRP (sections 9.3.4.2, 9.3.6.2, 9.3.8.2, 9.3.9.2; AN12304, AN12343)."""

    picc_enc_bytes = PICC_RANDOM_BYTES + PICC_PLAIN_BYTES

    _LABEL_HEAD = bytes.fromhex("00010080")
    _LABEL_TAIL = bytes.fromhex("1EE1")
    _MAC_KEY, _ENC_KEY = 0, 1

    def open_picc_data(self, meta_read_key: bytes, sealed: bytes) -> bytes:
        return Lrp(meta_read_key).decrypt(sealed[:PICC_RANDOM_BYTES], sealed[PICC_RANDOM_BYTES:])

    def seal_picc_data(self, meta_read_key: bytes, plain: bytes, picc_random: bytes) -> bytes:
        return picc_random + Lrp(meta_read_key).encrypt(picc_random, plain)

    def session_master_key(self, file_read_key: bytes, context: bytes) -> bytes:
        """SesSDMFileReadMasterKey, 16 bytes (section 9.3.9.2)."""
        return Lrp(file_read_key).cmac(self._LABEL_HEAD + context + self._LABEL_TAIL)

    def sdm_mac(self, file_read_key: bytes, context: bytes, text: bytes) -> bytes:
        return Lrp(self.session_master_key(file_read_key, context), self._MAC_KEY).cmac(text)[1::2]

    def open_file_data(self, file_read_key: bytes, context: bytes, sealed: bytes) -> bytes:
        return self._file_cipher(file_read_key, context).decrypt(self._file_iv(context), sealed)

    def seal_file_data(self, file_read_key: bytes, context: bytes, plain: bytes) -> bytes:
        return self._file_cipher(file_read_key, context).encrypt(self._file_iv(context), plain)

    def _file_cipher(self, file_read_key: bytes, context: bytes) -> Lrp:
        return Lrp(self.session_master_key(file_read_key, context), self._ENC_KEY)

    @staticmethod
    def _file_iv(context: bytes) -> bytes:
        return context[-3:] + bytes(3)  # SDMReadCtr ‖ 000000, counted as one 6-byte integer


SUITES: Final[Mapping[SunMode, Suite]] = MappingProxyType({"aes": AesSuite(), "lrp": LrpSuite()})
"""The suite of each mode."""
