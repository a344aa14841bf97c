"""Who may do what: the one table, and the one place every view, socket and command asks.

A role has capabilities; a view names the capability it needs. Another merchant's object is never "forbidden", it is
not found: querysets are scoped to the member's merchant before they are looked into.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from merchants.models import Member

Capability = Literal["sell", "read_own", "read_all", "export", "manage_terminals"]

# fmt: off
TABLE: dict[str, frozenset[Capability]] = {
    "owner":      frozenset({"sell", "read_own", "read_all", "export", "manage_terminals"}),
    "cashier":    frozenset({"sell", "read_own"}),
    "accountant": frozenset({"read_own", "read_all", "export"}),
}
# fmt: on
CAPABILITIES: tuple[Capability, ...] = ("sell", "read_own", "read_all", "export", "manage_terminals")

# Kinds a role may start at a terminal; refunds and voids are not offered yet.
KINDS_AT_A_TERMINAL = ("purchase", "top_up", "balance")


def may(role: str, capability: Capability) -> bool:
    """Whether the role has the capability. An unknown role has none."""
    return capability in TABLE.get(role, frozenset())


def may_start(role: str, kind: str) -> bool:
    """Whether the role may start this kind of transaction at a terminal."""
    return may(role, "sell") and kind in KINDS_AT_A_TERMINAL


def member_of(user: Any) -> Member | None:
    """The membership a signed-in person acts under, their oldest one still standing; None for everyone else.

    Asked once per user object: the answer is kept on it.
    """
    if not getattr(user, "is_authenticated", False) or not user.is_active:
        return None
    if not hasattr(user, "_softpos_member"):
        user._softpos_member = (
            Member.objects.select_related("merchant", "user").filter(user=user, removed_at=None).order_by("pk").first()
        )
    member: Member | None = user._softpos_member
    return member


def require(capability: Capability) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Decorate an HTML view: sign in first, then have the capability. The member is handed to the view.

    Raises `PermissionDenied` (403) for a signed-in person without it.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        @login_required
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            member = member_of(request.user)
            if member is None or not may(member.role, capability):
                raise PermissionDenied
            return view(request, member, *args, **kwargs)

        return guarded

    return decorate


class MayDo(BasePermission):
    """Django REST framework's door: the view's `capability` (or `capabilities[action]`) decides."""

    def has_permission(self, request: Request, view: Any) -> bool:
        member = member_of(request.user)
        capabilities: dict[str, Capability] = getattr(view, "capabilities", {})
        capability = capabilities.get(getattr(view, "action", "") or "", getattr(view, "capability", None))
        return member is not None and capability is not None and may(member.role, capability)
