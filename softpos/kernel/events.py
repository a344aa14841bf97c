"""What a phone may report to the kernel.

Relies on the NDEF records of `ndef`. It will never carry anything a phone has interpreted: only what the
reader said.
"""

from __future__ import annotations

from dataclasses import dataclass

from .ndef import NdefRecord


@dataclass(frozen=True, slots=True)
class TapPresented:
    """NDEFReader fired `reading`.

    `serial_number` is Chrome's `04:a1:…`, possibly empty. It can be cloned, so the kernel never decides by
    it; the identity is the UID inside the cryptogram.
    """

    serial_number: str
    records: tuple[NdefRecord, ...]


@dataclass(frozen=True, slots=True)
class ReadFailed:
    """NDEFReader fired `readingerror`: a torn tap, or no NDEF at all (a bank card, a wallet phone)."""


Event = TapPresented | ReadFailed
"""Everything `Kernel.handle` takes."""
