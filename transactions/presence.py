"""Which terminals have a socket in this process: to close them when one is revoked, and to show the owner who is here.

A terminal is online while `online_until` lies ahead; a heartbeat moves it on. A process that dies takes nothing back,
and its terminals go offline by themselves.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from merchants.groups import TERMINALS_GROUP, merchant_group, terminal_changed
from merchants.models import Terminal
from transactions.desk import desk
from transactions.layer import Message, layer
from transactions.per_loop import PerLoop

HEARTBEAT_S = 45
AHEAD = timedelta(seconds=2 * HEARTBEAT_S)

Close = Callable[[], Awaitable[None]]

log = logging.getLogger(__name__)


class Presence:
    """The terminals at work here. One heartbeat serves them all."""

    def __init__(self) -> None:
        self._here: dict[UUID, dict[Any, Close]] = {}
        self._heartbeat: asyncio.Task[None] | None = None

    async def come(self, terminal: Terminal, socket: Any, close: Close) -> None:
        """A socket of the terminal is ready; `close` ends it when the terminal is revoked."""
        if self._heartbeat is None:
            self._heartbeat = asyncio.get_running_loop().create_task(self._beat())
            await layer().listen(TERMINALS_GROUP, self._hear)
        sockets = self._here.setdefault(terminal.pk, {})
        sockets[socket] = close
        if len(sockets) == 1:
            await self._mark([terminal.pk], AHEAD)
            _tell(terminal)

    async def go(self, terminal: Terminal, socket: Any) -> None:
        """A socket is gone; with the last one the terminal is offline."""
        sockets = self._here.get(terminal.pk)
        if sockets is None or sockets.pop(socket, None) is None or sockets:
            return
        del self._here[terminal.pk]
        await self._mark([terminal.pk], timedelta(0))
        if terminal.pk in self._here:  # another socket came while this one's end was written
            await self._mark([terminal.pk], AHEAD)
        _tell(terminal)

    async def _hear(self, message: Message) -> None:
        await self._close(UUID(message["terminal_id"]))

    async def _close(self, terminal_id: UUID) -> None:
        for close in list(self._here.get(terminal_id, {}).values()):
            await close()

    async def _beat(self) -> None:
        """Move every terminal's time on; one revoked while the layer was away is found here."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            here = list(self._here)
            try:
                standing = await self._mark(here, AHEAD)
            except Exception as error:
                log.warning("the heartbeat was not written: %s", type(error).__name__)
                continue
            for terminal_id in set(here) - standing:
                await self._close(terminal_id)

    async def _mark(self, terminal_ids: list[UUID], ahead: timedelta) -> set[UUID]:
        return await desk().reads.run(_mark_online, terminal_ids, ahead)

    async def close(self) -> None:
        """Stop the heartbeat."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            await asyncio.gather(self._heartbeat, return_exceptions=True)


def _tell(terminal: Terminal) -> None:
    message = terminal_changed(terminal.merchant_id, terminal.pk)
    layer().tell(merchant_group(terminal.merchant_id), message, about=str(terminal.pk))


def _mark_online(terminal_ids: list[UUID], ahead: timedelta) -> set[UUID]:
    """Note that the terminals are here for this long; returns those that are not revoked."""
    now = timezone.now()
    standing = Terminal.objects.filter(pk__in=terminal_ids, revoked_at=None)
    standing.update(last_seen_at=now, online_until=now + ahead)
    return set(standing.values_list("pk", flat=True))


presence = PerLoop(Presence)
