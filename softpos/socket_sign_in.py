"""Who opens a socket: the person of the session cookie, or of `Authorization: Token T` (protocol, section 1).

A browser always sends Origin with a WebSocket, so another site's page is told by it and turned away before its cookie
counts. A client without Origin is no browser.
"""

from typing import Any
from urllib.parse import urlsplit

from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from django.conf import settings

from merchants.tokens import token_of


class SocketSignIn:
    """ASGI middleware: sets `scope["user"]`, or closes the socket of a foreign origin."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.by_session = AuthMiddlewareStack(inner)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and not _is_ours(origin, headers.get(b"host", b"").decode("latin-1")):
            await send({"type": "websocket.close", "code": 4403})
            return
        header = headers.get(b"authorization", b"")
        token = await database_sync_to_async(token_of)(header) if header else None
        if token is None:
            await self.by_session(scope, receive, send)
        else:
            await self.inner({**scope, "user": token.user, "token_id": token.pk, "cookies": {}}, receive, send)


def _is_ours(origin: str, host: str) -> bool:
    return urlsplit(origin).netloc == host or origin in settings.CSRF_TRUSTED_ORIGINS
