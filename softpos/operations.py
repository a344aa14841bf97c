"""The operator's door: `/live`, `/ready` and `/metrics`, and a name for every request and socket.

Stands before Django, in the event loop: a probe that waited for Django's one thread behind somebody's slow page would
call a process dead that sells perfectly well. It also needs no session, no host name and no redirect to HTTPS, which
a load balancer on the same network has not.
"""

import json
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from softpos.health import readiness
from softpos.logs import request_id
from softpos.metrics import may_read
from transactions import metrics

REQUEST_ID_BYTES = 8
_GIVEN_ID = re.compile(rb"[0-9A-Za-z_-]{8,64}")  # nothing that could break a log line

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Answer = tuple[int, str, bytes]


class OperatorsDoor:
    """ASGI middleware around the whole site."""

    def __init__(self, site: Any) -> None:
        self.site = site
        self.answers = {"/live": live, "/ready": ready, "/metrics": exposition}

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.site(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        by_our_proxy = settings.SOFTPOS_PROXIES > 0 and _GIVEN_ID.fullmatch(given)
        name = given.decode() if by_our_proxy else secrets.token_hex(REQUEST_ID_BYTES)
        request_id.set(name)  # a task of its own serves each request and each socket
        answer = self.answers.get(scope["path"]) if scope["type"] == "http" else None
        if answer is None:
            await self.site(scope, receive, send if scope["type"] == "websocket" else _named(send, name))
        elif scope["method"] not in ("GET", "HEAD"):
            await _say(send, (405, "text/plain", b"GET only\n"), scope)
        else:
            await _say(send, await answer(scope, headers), scope)


async def live(_scope: Scope, _headers: dict[bytes, bytes]) -> Answer:
    """The event loop turns. Asks nobody."""
    return 200, "application/json", b'{"status":"live"}'


async def ready(_scope: Scope, _headers: dict[bytes, bytes]) -> Answer:
    """Whether taps can be sent here, and the state of each part."""
    report = await readiness().report()
    return 200 if report.ready else 503, "application/json", json.dumps(report.content).encode()


async def exposition(scope: Scope, headers: dict[bytes, bytes]) -> Answer:
    """Prometheus' text format; as if it weren't there for who may not read it."""
    address = (scope.get("client") or ("", 0))[0]
    if not may_read(address, headers):
        return 404, "text/plain", b"not found\n"
    return 200, CONTENT_TYPE_LATEST, generate_latest(metrics.registry)


async def _say(send: Send, answer: Answer, scope: Scope) -> None:
    status, content_type, body = answer
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _named(send: Send, name: str) -> Send:
    """Tell the client the request's id: what a person reports leads to the lines of the log."""

    async def named(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"x-request-id", name.encode())]}
        await send(message)

    return named
