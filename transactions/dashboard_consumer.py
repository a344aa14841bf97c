"""The owner's socket (protocol, section 2): a snapshot, then the log as it grows. Listens to nothing."""

import asyncio
import logging
from typing import ClassVar
from urllib.parse import parse_qs

from autobahn.exception import Disconnected

from merchants.permissions import Capability
from transactions.live import SlowDashboard, hub
from transactions.sockets import Socket

CLOSE_TOO_SLOW = 4408
CURSOR_DIGITS_MAX = 18

log = logging.getLogger(__name__)


class DashboardConsumer(Socket):
    """Passes on what the hub has for this merchant."""

    capability: ClassVar[Capability] = "read_all"
    kind: ClassVar[str] = "dashboard"
    pump: asyncio.Task[None] | None = None

    async def admitted(self) -> None:
        """Begin at the cursor the page names, or at now."""
        wanted = parse_qs(self.scope["query_string"].decode("latin-1")).get("after", [""])[0]
        after = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) <= CURSOR_DIGITS_MAX else None
        self.pump = asyncio.create_task(self._pump(after))

    async def _pump(self, after: int | None) -> None:
        try:
            async for text in hub().messages(self.member.merchant, after):
                await self.send(text_data=text)
        except SlowDashboard:
            await self.close(CLOSE_TOO_SLOW)
        except Disconnected:
            return  # the page left while something was on its way to it
        except Exception:  # the page comes back with its cursor and misses nothing
            log.exception("a dashboard's feed broke off")
            await self.close(1011)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Nothing is expected from the page."""
        await self.say({"type": "error", "code": "unknown_message", "message": "this socket only tells"})

    async def leave(self) -> None:
        """Stop passing on."""
        await super().leave()
        if self.pump is not None:
            self.pump.cancel()
            await asyncio.gather(self.pump, return_exceptions=True)
