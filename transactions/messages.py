"""What a phone may say: each message parsed into a value, everything bounded, before anybody acts on it.

The shapes are the protocol's (section 1). A message of the wrong shape raises `InvalidMessage`; one whose content can't
be served (an amount of 0, another currency) is well-formed and gets an outcome from the consumer.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from softpos.kernel import MalformedTap, NdefRecord, parse_records, parse_serial_number
from transactions.models import Transaction
from transactions.models.log import NOTE_LENGTH_MAX

FRAME_BYTES_MAX = 64 * 1024
KINDS = frozenset(Transaction.Kind.values)
SIGNATURE_LENGTH_MAX = 128
CURRENCY_LENGTH_MAX = 8
EXACT_FLOAT_MAX = 1 << 53
AMOUNT_OPTIONAL = ("balance", "void")  # nothing moves, or what is undone says how much
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


class InvalidMessage(Exception):
    """`code` is the protocol's error code; the text names what is wrong, never what was sent."""

    def __init__(self, code: str, text: str, message_id: str | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.message_id = message_id


@dataclass(frozen=True, slots=True)
class Hello:
    """The terminal names itself and signs the challenge."""

    terminal: UUID
    spelled: str  # the id as it was signed
    signature: str


@dataclass(frozen=True, slots=True)
class Start:
    """Arm a transaction. `amount` is None when it is a number but no whole one."""

    id: UUID
    kind: str
    amount: int | None
    currency: str
    note: str
    order_reference: str


@dataclass(frozen=True, slots=True)
class Tap:
    """What NDEFReader handed over."""

    id: UUID
    tap: UUID
    serial_number: str
    records: tuple[NdefRecord, ...]


@dataclass(frozen=True, slots=True)
class ReadError:
    """NDEFReader fired `readingerror`."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Pin:
    """An answer to `pin_required`."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Cancel:
    """Give up an armed transaction."""

    id: UUID


Message = Hello | Start | Tap | ReadError | Pin | Cancel


def parse(text: str | None) -> tuple[Message, str]:
    """One text frame: the message, and its id as the client spelled it, which answers repeat.

    Raises `InvalidMessage`.
    """
    if text is None:
        raise InvalidMessage("malformed", "binary frames are not understood")
    if len(text) * 4 > FRAME_BYTES_MAX and len(text.encode("utf-8", "surrogatepass")) > FRAME_BYTES_MAX:
        raise InvalidMessage("too_large", f"a message has at most {FRAME_BYTES_MAX} bytes")
    try:
        content = orjson.loads(text)
    except ValueError:
        raise InvalidMessage("malformed", "this is no JSON") from None
    if not isinstance(content, dict):
        raise InvalidMessage("malformed", "a message is a JSON object")
    parser = PARSERS.get(content["type"]) if isinstance(content.get("type"), str) else None
    if parser is None:
        raise InvalidMessage("unknown_message", "this type of message is not known", _id_of(content))
    try:
        return parser(content), _id_of(content) or ""
    except InvalidMessage as error:
        error.message_id = _id_of(content)
        raise
    except MalformedTap as error:
        raise InvalidMessage("invalid_message", str(error), _id_of(content)) from None


def _hello(content: dict[str, Any]) -> Hello:
    return Hello(_uuid(content, "terminal"), content["terminal"], _text(content, "signature", SIGNATURE_LENGTH_MAX))


def _start(content: dict[str, Any]) -> Start:
    kind = _text(content, "kind", 20)
    if kind not in KINDS:
        raise InvalidMessage("invalid_message", "kind is not one of the protocol's")
    return Start(
        id=_uuid(content, "id"),
        kind=kind,
        amount=_amount(content, kind),
        currency=_text(content, "currency", CURRENCY_LENGTH_MAX, optional=kind in AMOUNT_OPTIONAL),
        note=_text(content, "note", NOTE_LENGTH_MAX, optional=True),
        order_reference=_text(content, "order_reference", 64, optional=True),
    )


def _tap(content: dict[str, Any]) -> Tap:
    return Tap(
        id=_uuid(content, "id"),
        tap=_uuid(content, "tap"),
        serial_number=parse_serial_number(content.get("serial_number")),
        records=parse_records(content.get("records")),
    )


PARSERS: dict[str, Callable[[dict[str, Any]], Message]] = {
    "hello": _hello,
    "start": _start,
    "tap": _tap,
    "read_error": lambda content: ReadError(_uuid(content, "id")),
    "pin": lambda content: Pin(_uuid(content, "id")),
    "cancel": lambda content: Cancel(_uuid(content, "id")),
}


def _uuid(content: dict[str, Any], name: str) -> UUID:
    value = content.get(name)
    if isinstance(value, str) and _UUID.fullmatch(value):
        return UUID(value)
    raise InvalidMessage("invalid_message", f"{name} is a UUID")


def _text(content: dict[str, Any], name: str, length_max: int, *, optional: bool = False) -> str:
    value = content.get(name)
    if value is None and optional:
        return ""
    if not isinstance(value, str) or len(value) > length_max:
        raise InvalidMessage("invalid_message", f"{name} is a text of at most {length_max} characters")
    if "\0" in value:
        raise InvalidMessage("invalid_message", f"{name} has a character no database would keep")
    return " ".join(value.split()) if not value.isprintable() else value


def _amount(content: dict[str, Any], kind: str) -> int | None:
    value = content.get("amount")
    if value is None and kind in AMOUNT_OPTIONAL:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidMessage("invalid_message", "amount is a whole number of minor units")
    if isinstance(value, float):  # 1.0 and 1e2 are whole numbers in JSON (RFC 8259, section 6)
        return int(value) if value.is_integer() and abs(value) < EXACT_FLOAT_MAX else None
    return value


def _id_of(content: dict[str, Any]) -> str | None:
    value = content.get("id")
    return value if isinstance(value, str) and len(value) <= 36 else None
