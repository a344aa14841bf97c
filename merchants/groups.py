"""What is told over the channel layer, and to whom.

Every message names its group, so that one listener can tell them apart.
"""

from typing import Any
from uuid import UUID

TERMINALS_GROUP = "terminals"


def merchant_group(merchant_id: int) -> str:
    """Hears that a merchant's log has moved, or that one of its terminals has changed."""
    return f"merchant.{merchant_id}"


def log_moved(merchant_id: int) -> dict[str, Any]:
    """The merchant's log has grown: look."""
    return {"type": "log.moved", "group": merchant_group(merchant_id), "merchant_id": merchant_id}


def terminal_changed(merchant_id: int, terminal_id: UUID) -> dict[str, Any]:
    """A terminal came, went, was enrolled or revoked: read it again."""
    return {"type": "terminal.changed", "group": merchant_group(merchant_id), "terminal_id": str(terminal_id)}


def terminal_revoked(terminal_id: UUID) -> dict[str, Any]:
    """Close this terminal's sockets, in whatever process they are."""
    return {"type": "terminal.revoked", "group": TERMINALS_GROUP, "terminal_id": str(terminal_id)}
