"""A WebSocket client that costs next to nothing, for load generators that share the server's cores (RFC 6455).

Only what the benchmarks need: text frames, unfragmented, pings answered. It masks with a key of zeros, which a server
can't tell from any other and which leaves the text as it is; never use it against anything but one's own server.
"""

import asyncio
import base64
import os
from collections import deque
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
_NO_MASK = b"\0\0\0\0"


class Connection(asyncio.Protocol):
    """One socket. `send` and `receive` carry whole text messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._messages: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._open = False
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._wake()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self._status = bytes(self._buffer[:end]).split(b"\r\n")[0]
            del self._buffer[: end + 4]
            self._open = True
            self._wake()
        while self._take_frame():
            pass

    def _take_frame(self) -> bool:
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        length, start = buffer[1] & 0x7F, 2
        if length == 126:
            length, start = int.from_bytes(buffer[2:4]), 4
        elif length == 127:
            length, start = int.from_bytes(buffer[2:10]), 10
        if len(buffer) < start + length:
            return False
        payload = bytes(buffer[start : start + length])
        kind = buffer[0] & 0x0F
        del buffer[: start + length]
        if kind == TEXT:
            self.arrived(payload)
        elif kind == PING:
            self._write(PONG, payload)
        elif kind == CLOSE:
            self._transport.close()
        return True

    def arrived(self, payload: bytes) -> None:
        """A text message came. Kept for `receive`, unless a subclass has something better to do."""
        self._messages.append(payload)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _write(self, kind: int, payload: bytes) -> None:
        length = len(payload)
        if length < 126:
            head = bytes((0x80 | kind, 0x80 | length))
        else:
            head = bytes((0x80 | kind, 0x80 | 126)) + length.to_bytes(2)
        self._transport.write(head + _NO_MASK + payload)

    async def handshake(self, url: str, headers: dict[str, str]) -> None:
        """Ask for the upgrade. Raises ConnectionError when it is refused."""
        parts = urlsplit(url)
        lines = [
            f"GET {parts.path}{'?' + parts.query if parts.query else ''} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        self._transport.write("\r\n".join([*lines, "", ""]).encode())
        while not self._open and not self.closed:
            await self._wait()
        if self.closed or b" 101 " not in self._status:
            raise ConnectionError(f"no upgrade: {getattr(self, '_status', b'closed')!r}")

    def send(self, payload: bytes) -> None:
        """One text message, at most 64 KiB less one byte."""
        self._write(TEXT, payload)

    async def receive(self) -> bytes:
        """The next text message. Raises ConnectionError when the server is gone."""
        while not self._messages:
            if self.closed:
                raise ConnectionError("the server closed the socket")
            await self._wait()
        return self._messages.popleft()

    def close(self) -> None:
        """Say goodbye and go."""
        if not self.closed:
            self._write(CLOSE, (1000).to_bytes(2))
            self._transport.close()


Kind = TypeVar("Kind", bound=Connection)


async def connect(url: str, headers: dict[str, str], kind: Callable[[], Kind]) -> Kind:
    """An open socket to `ws://…`, of this kind."""
    parts = urlsplit(url)
    _, connection = await asyncio.get_running_loop().create_connection(kind, parts.hostname or "", parts.port or 80)
    await connection.handshake(url, headers)
    return connection
