"""What every template may ask: who looks at it, for which merchant, and what they may do."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from merchants.permissions import CAPABILITIES, may, member_of


def who(request: HttpRequest) -> dict[str, Any]:
    """`member` (or None), `can` (capability -> bool) and `softpos_demo`."""
    member = member_of(request.user) if hasattr(request, "user") else None
    return {
        "member": member,
        "can": {capability: member is not None and may(member.role, capability) for capability in CAPABILITIES},
        "softpos_demo": settings.SOFTPOS_DEMO,
    }
