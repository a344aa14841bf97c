"""A stall with its people, phones and cards, and sockets into it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from merchants.models import Card, Member, Merchant
from merchants.tokens import issue_token
from merchants.virtual import VirtualTap, fresh_tap
from tests.clients import InProcessLine, Till
from tests.factories import Phone, make_card, make_member, make_merchant, make_phone
from transactions.desk import desk
from transactions.door import door
from transactions.layer import layer
from transactions.live import hub
from transactions.models import CardAccount
from transactions.presence import presence


@dataclass(slots=True)
class Stall:
    """What a socket test needs, made before the event loop runs."""

    merchant: Merchant
    owner: Member
    cashier: Member
    phone: Phone
    card: Card
    tokens: dict[int, str] = field(default_factory=dict)

    def balance(self) -> int:
        """What is on the card."""
        return CardAccount.objects.get(card=self.card).balance

    async def tapped(self, card: Card | None = None) -> VirtualTap:
        """A fresh tap of the card."""
        return await sync_to_async(fresh_tap)(card or self.card)

    async def taps(self, count: int) -> list[VirtualTap]:
        """Several taps of the one card, in the card's order."""
        return [await self.tapped() for _ in range(count)]


@pytest.fixture
def stall(transactional_db: None) -> Stall:
    merchant = make_merchant()
    made = Stall(
        merchant, make_member(merchant, "owner"), make_member(merchant), make_phone(merchant), make_card(merchant)
    )
    made.tokens = {member.pk: issue_token(member.user) for member in (made.owner, made.cashier)}
    return made


Opener = Callable[..., Awaitable[Any]]


@pytest.fixture
async def open_line(stall: Stall) -> AsyncIterator[Opener]:
    """Opens sockets and closes them, and the process's threads, after the test."""
    lines: list[InProcessLine] = []

    async def opened(path: str, member: Member | None = None, **more: Any) -> InProcessLine:
        line = InProcessLine(path, token=stall.tokens[member.pk] if member else "", **more)
        assert await line.open()
        lines.append(line)
        return line

    yield opened
    for line in lines:
        await line.close()
    for shared in (door, presence, hub, layer, desk):
        await shared.close()
    await sync_to_async(connections.close_all)()  # of the thread that did this test's own reads


@pytest.fixture
async def open_till(stall: Stall, open_line: Opener) -> Opener:
    """Opens a terminal that is ready to sell."""

    async def opened(phone: Phone | None = None, member: Member | None = None) -> Till:
        till = Till(await open_line("/ws/terminal/", member or stall.cashier), phone or stall.phone)
        ready = await till.ready()
        assert ready["type"] == "ready", ready
        return till

    return opened
