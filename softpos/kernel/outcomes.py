"""What the kernel concludes about a tap: values, never exceptions.

Relies on nothing. It will never say whether money may move: that is the authoriser's decision, made from
these values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TryAgainReason = Literal["read_error", "unsupported_card", "several_cards"]
"""Why nothing was decided; the words of protocol section 1."""


@dataclass(frozen=True, slots=True)
class CardRead:
    """A genuine card: its MAC was right under this key version.

    `uid` is 7 bytes, most significant first as printed; `read_counter` is SDMReadCtr, 0 to 2**24 - 1. Genuine
    does not mean fresh: whether the counter is greater than the last one accepted is the authoriser's check.
    """

    uid: bytes
    read_counter: int
    programme_id: int
    key_version: int


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Nothing was decided and nothing is owed: the card may be tapped again."""

    reason: TryAgainReason


@dataclass(frozen=True, slots=True)
class NotGenuine:
    """A SUN message no key of ours has made. It must change nothing that is stored.

    `claimed_uid` (7 bytes) is set when the PICC data decrypted to a well-formed UID and only the MAC was
    wrong, so that an unknown card can be told from a forged one. It is a claim: whoever knows the shared meta
    key can make any.
    """

    claimed_uid: bytes | None = None


Outcome = CardRead | TryAgain | NotGenuine
"""Everything `Kernel.handle` may return."""
