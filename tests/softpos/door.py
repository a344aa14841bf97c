"""Asks the whole ASGI application, as a server would, from any address."""

from collections.abc import Mapping
from typing import Any, cast

import httpx

from softpos.asgi import application

LOOPBACK = "127.0.0.1"


async def ask(
    path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, client: str = LOOPBACK
) -> httpx.Response:
    """The answer to one request; the host name is none that Django would know."""
    transport = httpx.ASGITransport(
        app=cast(Any, application),
        client=(client, 50_000),
        raise_app_exceptions=False,
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://balancer.internal") as http:
        return await http.request(method, path, headers=dict(headers or {}))
