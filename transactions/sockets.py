"""What both sockets share: who is there, in which language, and messages in and out.

Channels hops to one shared thread on every message to look for old database connections, and holds a channel and two
tasks per socket. Both are left out here: 1.5 to 2.6 times the throughput (facts: speed), and a channel layer that goes
away takes no socket along. Handlers never touch the ORM; database work goes through the desk's threads.
"""

import contextlib
from typing import Any, ClassVar

import orjson
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.utils import translation

from merchants.models import Member
from merchants.permissions import Capability, may, member_of
from transactions import metrics
from transactions.database_thread import DatabaseLost
from transactions.desk import desk
from transactions.door import door

CLOSE_UNAUTHORISED = 4401
CLOSE_TRY_AGAIN = 1013  # RFC 6455 registry: "try again later"


class Socket(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels ships no types
    """A socket for people with a capability at a merchant. Subclasses add handlers."""

    capability: ClassVar[Capability]
    kind: ClassVar[str]
    member: Member
    language: str
    counted = False

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Take one message after the other, and nothing else."""
        self.scope, self.base_send = scope, send
        handlers = {
            "websocket.connect": self.websocket_connect,
            "websocket.receive": self.websocket_receive,
            "websocket.disconnect": self.websocket_disconnect,
        }
        try:
            with contextlib.suppress(StopConsumer):
                while True:
                    message = await receive()
                    await handlers[message["type"]](message)
        finally:  # also when something nobody expected went wrong, or the server gave the socket up
            await self.leave()

    async def websocket_connect(self, message: dict[str, Any]) -> None:
        """The handshake; no groups to join."""
        await self.connect()

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        """The end; `leave` follows."""
        raise StopConsumer

    async def leave(self) -> None:
        """Let go of whatever this socket holds, however it ended. Subclasses add to it."""
        door().go(self)
        if self.counted:
            metrics.socket_closed(self.kind)
            self.counted = False

    async def connect(self) -> None:
        """Accept, so that a refusal can be told in words, then let in who may come in."""
        self.language = _language(self.scope)
        await self.accept()
        metrics.socket_opened(self.kind)
        self.counted = True
        self.token_id: int | None = self.scope.get("token_id")
        try:
            member = await desk().reads.run(member_of, self.scope["user"])
        except DatabaseLost:
            await self.say({"type": "error", "code": "busy", "message": "not now: connect again soon"})
            await self.close(CLOSE_TRY_AGAIN)
            return
        if member is None or not may(member.role, self.capability):
            await self.refuse("Sign in as someone who may do this.")
            return
        self.member = member
        door().come(self)
        await self.admitted()

    async def admitted(self) -> None:
        """Called once the person is known and may be here."""

    async def refuse(self, text: str, **more: Any) -> None:
        """Say `unauthorised` and close, as the protocol has it."""
        await self.say({"type": "error", "code": "unauthorised", "message": text, **more})
        await self.close(CLOSE_UNAUTHORISED)

    async def turn_out(self) -> None:
        """From the door: this person may be here no longer."""
        await self.refuse("You may not do this any longer. Sign in again.")

    async def say(self, content: dict[str, Any]) -> None:
        """Send one message."""
        await self.base_send({"type": "websocket.send", "text": orjson.dumps(content).decode()})


def _language(scope: dict[str, Any]) -> str:
    """The operator's language: the site's cookie, else what the browser prefers, else the default."""
    cookie = scope.get("cookies", {}).get(settings.LANGUAGE_COOKIE_NAME, "")
    accepted = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"accept-language"), "")
    for wanted in [cookie, *(part.split(";")[0].strip() for part in accepted[:200].split(","))]:
        try:
            return translation.get_supported_language_variant(wanted)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE
