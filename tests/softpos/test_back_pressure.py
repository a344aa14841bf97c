"""A streamed answer waits for its reader: the valve, and a real server with a client that reads slowly."""

import asyncio
import functools
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from twisted.web.http import Request

from benchmarks.machine import memory_bytes
from softpos.back_pressure import BackPressure, Message, Receive, Send
from tests.databases import ROOT, new_database
from tests.servers import RunningServer
from tests.services import find_services


class FakeRequest(Request):
    """Twisted's, as far as a producer sees it."""

    def __init__(self) -> None:
        self.channel: Any = object()
        self.valve: Any = None
        self.sent: list[Message] = []
        self.broken = False

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert streaming
        assert self.valve is None
        self.valve = producer

    def unregisterProducer(self) -> None:
        self.valve = None

    def loseConnection(self) -> None:
        self.broken = True


async def daphnes_handler(request: FakeRequest, message: Message) -> None:
    """Takes everything at once; the last piece must find no producer."""
    assert message.get("more_body") or request.valve is None
    request.sent.append(message)


async def site(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for number in range(3):
        await send({"type": "http.response.body", "body": bytes([number]), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def nothing() -> Message:
    raise AssertionError("nobody reads here")


def started(request: FakeRequest) -> "asyncio.Task[None]":
    send = functools.partial(daphnes_handler, request)
    return asyncio.ensure_future(BackPressure(site)({"type": "http"}, nothing, send))


async def turn() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_reader_that_keeps_up_gets_everything_at_once() -> None:
    request = FakeRequest()
    await started(request)
    assert [message.get("body") for message in request.sent] == [None, b"\0", b"\1", b"\2", b""]
    assert request.valve is None


def behind(request: FakeRequest) -> "asyncio.Task[None]":
    """A client that stops reading at the first piece."""

    class Pausing(list[Message]):
        def append(self, message: Message) -> None:
            super().append(message)
            if message.get("body") == b"\0":
                request.valve.pauseProducing()

    request.sent = Pausing()
    return started(request)


async def test_nothing_is_sent_while_the_reader_is_behind() -> None:
    request = FakeRequest()
    task = behind(request)
    await turn()
    assert len(request.sent) == 2
    request.valve.resumeProducing()
    await task
    assert len(request.sent) == 5


async def test_a_reader_that_leaves_holds_nobody_up() -> None:
    request = FakeRequest()
    task = behind(request)
    await turn()
    valve, request.channel, request.valve = request.valve, None, None  # as Twisted leaves it
    valve.stopProducing()
    await task


async def test_an_answer_that_fails_midway_ends_as_a_broken_connection() -> None:
    async def failing(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise OSError("the database is gone")

    request = FakeRequest()
    await BackPressure(failing)({"type": "http"}, nothing, functools.partial(daphnes_handler, request))
    assert request.broken
    assert request.valve is None


async def test_an_answer_that_fails_before_it_began_is_the_servers_to_tell() -> None:
    async def failing(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        raise OSError("the database is gone")

    request = FakeRequest()
    with pytest.raises(OSError, match="gone"):
        await BackPressure(failing)({"type": "http"}, nothing, functools.partial(daphnes_handler, request))
    assert not request.broken


async def test_an_answer_in_one_piece_needs_no_valve() -> None:
    async def short(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await send({"type": "http.response.body", "body": b"all"})

    request = FakeRequest()
    await BackPressure(short)({"type": "http"}, nothing, functools.partial(daphnes_handler, request))
    assert request.valve is None


async def test_another_servers_send_and_sockets_are_left_alone() -> None:
    given: list[Any] = []

    async def noting(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        given.append(send)

    async def send(message: Message) -> None:
        raise AssertionError("nothing is sent")

    of_daphne = functools.partial(daphnes_handler, FakeRequest())
    await BackPressure(noting)({"type": "http"}, nothing, send)
    await BackPressure(noting)({"type": "websocket"}, nothing, of_daphne)
    assert given == [send, of_daphne]


# --- a real server --------------------------------------------------------------------------------

ROWS = 300_000
WAIT_S = 5


@pytest.fixture
def server() -> Iterator[RunningServer]:
    """Over a history of fifty megabytes of CSV."""
    if find_services().missing:
        pytest.skip("needs PostgreSQL")
    database = new_database("postgresql")
    try:
        with RunningServer(database=database, redis_url="", demo=False) as running:
            command = [sys.executable, "-m", "benchmarks.history_load", str(ROWS)]
            loaded = subprocess.run(
                command, cwd=ROOT, env=running.env, text=True, stdout=subprocess.PIPE, check=True
            ).stdout
            running.env["TOKEN"] = json.loads(loaded)["token"]
            yield running
    finally:
        database.drop()


def asked(server: RunningServer) -> socket.socket:
    """A client that has asked for everything, and whose system takes little that it doesn't read."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    line.connect(("127.0.0.1", server.port))
    path = "/api/v1/transactions/export.csv?kind=all&status=all"
    line.sendall(f"GET {path} HTTP/1.0\r\nAuthorization: Token {server.env['TOKEN']}\r\n\r\n".encode())
    return line


def connections_of(server: RunningServer) -> int:
    with psycopg.connect(server.database.url) as connection:
        found = connection.execute(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert found is not None
    return int(found[0])


@pytest.mark.services
@pytest.mark.slow
def test_a_slow_client_is_waited_for_and_one_that_leaves_is_not(server: RunningServer) -> None:
    with asked(server) as line:
        size, rows = whole(line)
    assert rows > ROWS  # the answer's head and the file's first line are among them
    resting, idle = memory_bytes(server.pid), connections_of(server)
    with asked(server) as line:
        assert b" 200 " in line.recv(1024)
        time.sleep(WAIT_S)  # enough to make all of the file
        assert memory_bytes(server.pid) - resting < size / 3
        assert whole(line)[1] > ROWS - 100
    with asked(server) as line:
        line.recv(1024)
    until = time.monotonic() + 15
    while connections_of(server) > idle:
        assert time.monotonic() < until, "the export's readers are still connected"
        time.sleep(0.2)


def whole(line: socket.socket) -> tuple[int, int]:
    """Bytes and lines to the end."""
    size = lines = 0
    while piece := line.recv(1 << 20):
        size += len(piece)
        lines += piece.count(b"\n")
    return size, lines
