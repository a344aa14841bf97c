"""Clients that speak the protocol: one script, over an in-process socket or a real one."""

import asyncio
import json
import uuid
from typing import Any, Protocol

import websockets
from channels.testing import WebsocketCommunicator

from tests.factories import Phone

ANSWER_WITHIN_S = 20


class Line(Protocol):
    """A socket that carries JSON."""

    async def send(self, content: dict[str, Any] | str | bytes) -> None: ...

    async def receive(self) -> dict[str, Any]: ...


class InProcessLine:
    """A socket to the ASGI application in this process, by Channels' communicator."""

    def __init__(self, path: str, *, token: str = "", headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        from softpos.asgi import application

        signed_in = ((b"authorization", f"Token {token}".encode()),) if token else ()
        self.communicator = WebsocketCommunicator(
            application, path, headers=[(b"host", b"testserver"), *signed_in, *headers]
        )

    async def open(self) -> bool:
        """Whether the server took the connection."""
        connected, _ = await self.communicator.connect(timeout=ANSWER_WITHIN_S)
        return bool(connected)

    async def send(self, content: dict[str, Any] | str | bytes) -> None:
        if isinstance(content, bytes):
            await self.communicator.send_to(bytes_data=content)
        else:
            await self.communicator.send_to(text_data=content if isinstance(content, str) else json.dumps(content))

    async def receive(self) -> dict[str, Any]:
        return dict(await self.communicator.receive_json_from(timeout=ANSWER_WITHIN_S))

    async def closed(self) -> int:
        """The code the server closed with."""
        message = await self.communicator.receive_output(timeout=ANSWER_WITHIN_S)
        assert message["type"] == "websocket.close", message
        return int(message["code"])

    async def silent(self) -> bool:
        """Whether nothing more comes for a moment."""
        return bool(await self.communicator.receive_nothing(timeout=0.2))

    async def close(self) -> None:
        await self.communicator.disconnect(timeout=ANSWER_WITHIN_S)


class RealLine:
    """A WebSocket to a running server."""

    def __init__(self, url: str, *, token: str) -> None:
        self.url, self.token = url, token

    async def open(self) -> "RealLine":
        """Connect."""
        headers = {"Authorization": f"Token {self.token}"}
        self.socket = await websockets.connect(self.url, additional_headers=headers, open_timeout=ANSWER_WITHIN_S)
        return self

    async def send(self, content: dict[str, Any] | str | bytes) -> None:
        await self.socket.send(content if isinstance(content, str | bytes) else json.dumps(content))

    async def receive(self) -> dict[str, Any]:
        return dict(json.loads(await asyncio.wait_for(self.socket.recv(), ANSWER_WITHIN_S)))

    async def close(self) -> None:
        await self.socket.close()


class Till:
    """A phone at work on a line: says hello, starts, taps."""

    def __init__(self, line: Line, phone: Phone, terminal_id: object | None = None) -> None:
        self.line = line
        self.phone = phone
        self.terminal_id = terminal_id or (phone.terminal.id if phone.terminal else None)

    async def ready(self) -> dict[str, Any]:
        """Answer the challenge; the server's `ready`."""
        challenge = await self.line.receive()
        assert challenge["type"] == "challenge", challenge
        signature = self.phone.sign(challenge["nonce"], self.terminal_id)
        await self.line.send({"type": "hello", "terminal": str(self.terminal_id), "signature": signature})
        return await self.line.receive()

    async def ask(self, message: str, /, **content: Any) -> dict[str, Any]:
        """Send a message and take the answer."""
        await self.line.send({"type": message, **content})
        return await self.line.receive()

    async def start(self, amount: Any, start_id: str | None = None, **more: Any) -> dict[str, Any]:
        """Arm a purchase (or another kind)."""
        content = {"id": start_id or str(uuid.uuid4()), "kind": "purchase", "amount": amount, "currency": "CNY"}
        return await self.ask("start", **{**content, **more})

    async def tap(self, start_id: str, tap: dict[str, Any]) -> dict[str, Any]:
        """Hand over a card's tap."""
        return await self.ask("tap", id=start_id, tap=str(uuid.uuid4()), **tap)

    async def sell(self, amount: int, tap: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A whole sale; the outcome."""
        armed = await self.start(amount, **more)
        assert armed["type"] == "present_card", armed
        return await self.tap(armed["id"], tap)


async def gather(*work: Any) -> list[Any]:
    """All at once."""
    return list(await asyncio.gather(*work))
