"""The server-side kernel: is this a genuine card, and what did it say?

Relies on the standard library and `cryptography`; keys, randomness and time are handed in. It will never do
I/O, read a clock, make a random number, log, or know Django. Everything other rooms may use is exported here.
"""

from .events import Event, ReadFailed, TapPresented
from .kernel import Kernel
from .keys import (
    SOFTPOS_AID,
    SOFTPOS_SYSTEM_ID,
    CardKeys,
    Keyring,
    KeyVersion,
    MasterKeys,
    SunMode,
    diversify,
)
from .message import READ_COUNTER_MAX, MalformedSun, SunMessage
from .ndef import (
    MalformedTap,
    NdefRecord,
    RecordJson,
    parse_records,
    parse_serial_number,
    records_to_json,
    url_record,
)
from .outcomes import CardRead, NotGenuine, Outcome, TryAgain, TryAgainReason
from .sun import SunReport, SunResult, verify, verify_sun
from .virtual_card import (
    ENCRYPTED,
    ENCRYPTED_WITH_FILE_DATA,
    PLAIN,
    CardWornOut,
    VirtualCard,
    url_template,
)

__all__ = [
    "ENCRYPTED",
    "ENCRYPTED_WITH_FILE_DATA",
    "PLAIN",
    "READ_COUNTER_MAX",
    "SOFTPOS_AID",
    "SOFTPOS_SYSTEM_ID",
    "CardKeys",
    "CardRead",
    "CardWornOut",
    "Event",
    "Kernel",
    "KeyVersion",
    "Keyring",
    "MalformedSun",
    "MalformedTap",
    "MasterKeys",
    "NdefRecord",
    "NotGenuine",
    "Outcome",
    "ReadFailed",
    "RecordJson",
    "SunMessage",
    "SunMode",
    "SunReport",
    "SunResult",
    "TapPresented",
    "TryAgain",
    "TryAgainReason",
    "VirtualCard",
    "diversify",
    "parse_records",
    "parse_serial_number",
    "records_to_json",
    "url_record",
    "url_template",
    "verify",
    "verify_sun",
]
