"""What stands: merchants, their people, terminals, card programmes, cards and fee schedules.

Everything here changes rarely and is read often. What a tap must lock lives in `transactions` (hot and cold,
docs/architecture.md); this room never imports that one.
"""

from merchants.models.cards import Card, CardProgramme, ProgrammeKey, VirtualCard
from merchants.models.fees import FeeComponent, FeeSchedule
from merchants.models.people import ApiToken, Member, Role, User
from merchants.models.places import Merchant, Terminal

__all__ = [
    "ApiToken",
    "Card",
    "CardProgramme",
    "FeeComponent",
    "FeeSchedule",
    "Member",
    "Merchant",
    "ProgrammeKey",
    "Role",
    "Terminal",
    "User",
    "VirtualCard",
]
