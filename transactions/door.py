"""Asks again, now and then, whether who has a socket may still have it: membership, role, sign-in, token.

The authoriser asks inside every batch; this is for those who only listen, and for a screen that should say so soon. One
statement for all sockets of the process.
"""

import asyncio
import logging
from typing import Protocol

from merchants.models import ApiToken, Member
from merchants.permissions import Capability, may
from transactions.desk import desk
from transactions.per_loop import PerLoop

ASK_EVERY_S = 15

log = logging.getLogger(__name__)


class Guest(Protocol):
    """A socket somebody has open."""

    capability: Capability
    member: Member
    token_id: int | None

    async def turn_out(self) -> None: ...


class Door:
    """The process's open sockets, and whether their people may stay."""

    def __init__(self) -> None:
        self._inside: set[Guest] = set()
        self._asking: asyncio.Task[None] | None = None

    def come(self, guest: Guest) -> None:
        """A socket was let in."""
        self._inside.add(guest)
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask())

    def go(self, guest: Guest) -> None:
        """A socket is gone."""
        self._inside.discard(guest)

    async def _ask(self) -> None:
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            inside = list(self._inside)
            try:
                roles, revoked = await desk().reads.run(
                    _standing,
                    {guest.member.pk for guest in inside},
                    {guest.token_id for guest in inside if guest.token_id is not None},
                )
                for guest in inside:
                    may_stay = may(roles.get(guest.member.pk, ""), guest.capability)
                    if not may_stay or guest.token_id in revoked:
                        await guest.turn_out()
            except Exception as error:
                log.warning("who may stay could not be asked: %s", type(error).__name__)

    async def close(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)


def _standing(member_ids: set[int], token_ids: set[int]) -> tuple[dict[int, str], set[int]]:
    """Member → role, of those who still are members and may sign in; and the tokens that were revoked."""
    members = Member.objects.filter(pk__in=member_ids, removed_at=None, user__is_active=True)
    standing = ApiToken.objects.filter(pk__in=token_ids, revoked_at=None).values_list("pk", flat=True)
    return dict(members.values_list("pk", "role")), token_ids - set(standing)


door = PerLoop(Door)
