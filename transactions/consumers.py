"""The phone's socket: speaks the protocol (section 1), decides nothing.

What the card said goes to the kernel, what may move to the authoriser. The armed transaction on the server holds the
amount; a tap carries none.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from django.utils import timezone

from merchants.keys import kernels
from merchants.models import Terminal
from merchants.permissions import KINDS_AT_A_TERMINAL, Capability, may_start
from merchants.terminal_keys import proves
from softpos.kernel import NotGenuine, Outcome, TapPresented, TryAgain
from transactions import messages
from transactions.batching import Busy
from transactions.database_thread import DatabaseLost
from transactions.decision import Attempt
from transactions.desk import desk
from transactions.messages import InvalidMessage
from transactions.outcomes import outcome, try_again
from transactions.presence import presence
from transactions.reasons import Reason
from transactions.sockets import Socket
from transactions.wire import local_time

PROTOCOL = 1
ARMED_FOR_S = 120
EXPIRE_AGAIN_AFTER_S = 5  # when the end of an armed transaction could not be recorded
NONCE_BYTES = 24

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Armed:
    """The one transaction a socket waits for a card with; `spelled` is its id as the client wrote it."""

    start: messages.Start
    spelled: str
    timer: asyncio.TimerHandle | None = None
    deciding: bool = False


class TerminalConsumer(Socket):
    """challenge → hello → ready, then one armed transaction at a time."""

    capability: ClassVar[Capability] = "sell"
    kind: ClassVar[str] = "terminal"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.nonce = secrets.token_urlsafe(NONCE_BYTES)
        self.terminal: Terminal | None = None
        self.armed: Armed | None = None
        self.expiring: asyncio.Task[None] | None = None
        self.handlers: dict[type, Callable[[Any, str], Awaitable[None]]] = {
            messages.Start: self.on_start,
            messages.Tap: self.on_tap,
            messages.ReadError: self.on_read_error,
            messages.Pin: self.on_pin,
            messages.Cancel: self.on_cancel,
        }

    async def admitted(self) -> None:
        """Challenge the phone to prove that it is the terminal it will say it is."""
        await self.say({"type": "challenge", "nonce": self.nonce, "protocol": PROTOCOL})

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One frame. Whatever is wrong with it, or with us, the answer is a message and the socket stays usable."""
        if not hasattr(self, "member"):
            return  # refused and closing
        spelled = ""
        try:
            message, spelled = messages.parse(text_data)
            if isinstance(message, messages.Hello):
                await self.on_hello(message)
            elif self.terminal is None:
                raise InvalidMessage("not_ready", "say hello first", spelled)
            else:
                await self.handlers[type(message)](message, spelled)
        except InvalidMessage as error:
            await self._say_error(error.code, str(error), error.message_id)
        except (Busy, DatabaseLost):
            await self._say_error("busy", "not now: send the same id again", spelled)
        except Exception:
            log.exception("a message to a terminal could not be followed")
            await self._say_error("busy", "not now: send the same id again", spelled)

    async def _say_error(self, code: str, text: str, spelled: str | None) -> None:
        await self.say({"type": "error", "code": code, "message": text} | ({"id": spelled} if spelled else {}))

    # --- hello -------------------------------------------------------------------------------------

    async def on_hello(self, hello: messages.Hello) -> None:
        """Believe the phone once it has signed the challenge with its terminal's key."""
        if self.terminal is not None:
            raise InvalidMessage("invalid_message", "hello was said already")
        terminal = await desk().reads.run(_enrolled_terminal, self.member.merchant_id, hello)
        if terminal is None or not proves(terminal.public_key, self.nonce, hello.spelled, hello.signature):
            await self.refuse("This phone is not an enrolled terminal.", reason="terminal_unknown")
            return
        if terminal.revoked_at:
            await self._revoked()
            return
        if kernels.at_hand is None:
            await desk().reads.run(kernels.refresh)
        self.terminal = terminal
        await self.say(self._ready(terminal))
        await presence().come(terminal, self, self._revoked)

    def _ready(self, terminal: Terminal) -> dict[str, Any]:
        merchant = self.member.merchant
        return {
            "type": "ready",
            "merchant": {
                "id": merchant.slug,
                "name": merchant.name,
                "currency": merchant.currency,
                "time_zone": merchant.time_zone,
            },
            "terminal": {"id": str(terminal.id), "name": terminal.name},
            "operator": {"name": self.member.name, "role": self.member.role},
            "limits": {
                "amount_min": 1,
                "amount_max": merchant.amount_max,
                "currency": merchant.currency,
                "kinds": [kind for kind in KINDS_AT_A_TERMINAL if may_start(self.member.role, kind)],
                "frame_bytes_max": messages.FRAME_BYTES_MAX,
            },
            "server_time": local_time(timezone.now(), merchant.zone),
        }

    # --- one transaction ---------------------------------------------------------------------------

    async def on_start(self, start: messages.Start, spelled: str) -> None:
        """Arm, or give the stored outcome of an id that was decided before."""
        if await self._told_stored_outcome(start.id, spelled):
            return
        if self.armed and self.armed.start.id == start.id and self.armed.start != start:
            raise InvalidMessage("id_reused", "this id is armed with other content", spelled)
        refusal = self._refusal(start)
        if refusal:
            self._disarm()
            await self._authorise(self._attempt(start, refused=refusal), spelled)
            return
        if self.armed is None or self.armed.start.id != start.id:
            self._disarm()
            self.armed = Armed(start, spelled)
            self._expire_in(ARMED_FOR_S, self.armed)
        await self.say({"type": "present_card", "id": spelled, "expires_in": ARMED_FOR_S})

    async def on_tap(self, tap: messages.Tap, spelled: str) -> None:
        """Have the card read by the kernel and, if it can be told what it is, the movement decided."""
        armed = await self._armed(tap.id, spelled)
        if armed is None:
            return
        read = await self._read(TapPresented(tap.serial_number, tap.records))
        if isinstance(read, TryAgain):
            await self.say(try_again(spelled, armed.start.kind, read, self.language))
            return
        armed.deciding = True
        try:
            await self._authorise(self._attempt(armed.start, card=read, tap_id=tap.tap), spelled)
            self._disarm()
        finally:
            armed.deciding = False

    async def on_read_error(self, error: messages.ReadError, spelled: str) -> None:
        """Torn away, or a card without NDEF: nothing was decided."""
        armed = await self._armed(error.id, spelled)
        if armed is not None:
            await self.say(try_again(spelled, armed.start.kind, TryAgain("read_error"), self.language))

    async def on_pin(self, pin: messages.Pin, spelled: str) -> None:
        """No outcome asks for a PIN yet."""
        if await self._armed(pin.id, spelled) is not None:
            raise InvalidMessage("unexpected", "no PIN was asked for", spelled)

    async def on_cancel(self, cancel: messages.Cancel, spelled: str) -> None:
        """Give up, for good: recorded under the id, so that a tap on its way elsewhere can't still be taken."""
        armed = await self._armed(cancel.id, spelled)
        if armed is not None:
            await self._authorise(self._attempt(armed.start, cancelled=True), spelled)
            self._disarm()

    def _expire_in(self, seconds: float, armed: Armed) -> None:
        armed.timer = asyncio.get_running_loop().call_later(seconds, self._expire, armed)

    def _expire(self, armed: Armed) -> None:
        if self.armed is not armed:
            return
        if armed.deciding:
            self._expire_in(EXPIRE_AGAIN_AFTER_S, armed)
        else:
            self.expiring = asyncio.create_task(self._end(armed))

    async def _end(self, armed: Armed) -> None:
        """Record that nobody tapped in time; it stays armed, and is tried again, while that can't be recorded."""
        attempt = self._attempt(armed.start, cancelled=True, refused=Reason.EXPIRED)
        try:
            decided = await desk().authorise(attempt)
        except Exception as error:
            log.warning("an armed transaction could not be ended yet: %s", type(error).__name__)
            self._expire_in(EXPIRE_AGAIN_AFTER_S, armed)
            return
        if self.armed is armed:
            self._disarm()
            await self.say(outcome(decided.transaction, armed.spelled, self.member.merchant, self.language))

    async def _armed(self, start_id: UUID, spelled: str) -> Armed | None:
        """The armed transaction of this id; or None, after its stored outcome was told."""
        if self.armed and self.armed.start.id == start_id:
            return self.armed
        if await self._told_stored_outcome(start_id, spelled):
            return None
        raise InvalidMessage("not_armed", "nothing is armed under this id: send start", spelled)

    async def _told_stored_outcome(self, start_id: UUID, spelled: str) -> bool:
        stored = await desk().stored_outcome(self.member.merchant_id, start_id)
        if stored is not None:
            await self.say(outcome(stored, spelled, self.member.merchant, self.language))
        return stored is not None

    def _refusal(self, start: messages.Start) -> Reason | None:
        """Why this can't be armed, whatever card would come."""
        merchant = self.member.merchant
        if not may_start(self.member.role, start.kind):
            return Reason.NOT_PERMITTED
        if start.kind == "balance":
            return None
        if start.currency != merchant.currency:
            return Reason.INVALID_TRANSACTION
        if start.amount is None or not 1 <= start.amount <= merchant.amount_max:
            return Reason.INVALID_AMOUNT
        return None

    def _attempt(self, start: messages.Start, **more: Any) -> Attempt:
        assert self.terminal is not None
        bad_amount = more.get("refused") in (
            Reason.INVALID_AMOUNT,
            Reason.INVALID_TRANSACTION,
            Reason.NOT_PERMITTED,
        )
        return Attempt(
            merchant_id=self.member.merchant_id,
            start_id=start.id,
            kind=start.kind,
            # What can't be moved is not recorded as if it could: an impossible amount stands as 0.
            amount=0 if bad_amount or start.kind == "balance" else start.amount or 0,
            currency=self.member.merchant.currency,
            terminal_id=self.terminal.id,
            operator_id=self.member.user_id,
            note=start.note,
            order_reference=start.order_reference,
            **more,
        )

    async def _authorise(self, attempt: Attempt, spelled: str) -> None:
        decided = await desk().authorise(attempt)
        await self.say(outcome(decided.transaction, spelled, self.member.merchant, self.language))

    async def _read(self, event: TapPresented) -> Outcome:
        """What the kernel says: with the merchant's own keys first, which nearly every tap fits.

        Then, in a thread, with everybody's, so that another merchant's card is told from a forged one; with keys read
        anew when those at hand are not the newest.
        """
        at_hand = kernels.at_hand
        if at_hand is not None:
            read = at_hand.of(self.member.merchant_id).handle(event)
            if not isinstance(read, NotGenuine):
                return read
        return await desk().reads.run(_read_with_every_key, event)

    def _disarm(self) -> None:
        if self.armed and self.armed.timer:
            self.armed.timer.cancel()
        self.armed = None

    # --- the end -----------------------------------------------------------------------------------

    async def _revoked(self) -> None:
        await self.refuse("This terminal was revoked.", reason="terminal_revoked")

    async def leave(self) -> None:
        """Let go of everything; a transaction that is being decided is decided all the same."""
        await super().leave()
        self._disarm()
        if self.terminal is not None:
            await presence().go(self.terminal, self)


def _enrolled_terminal(merchant_id: int, hello: messages.Hello) -> Terminal | None:
    return Terminal.objects.filter(pk=hello.terminal, merchant=merchant_id).exclude(enrolled_at=None).first()


def _read_with_every_key(event: TapPresented) -> Outcome:
    return kernels.refresh().everyone.handle(event)
