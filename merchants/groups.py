"""Names of the channel-layer groups: who hears of what."""

from uuid import UUID


def merchant_group(merchant_id: int) -> str:
    """Hears that a merchant's log has moved, or that one of its terminals has changed."""
    return f"merchant.{merchant_id}"


def terminal_group(terminal_id: UUID) -> str:
    """The sockets of one terminal, in whatever process: hears that it was revoked."""
    return f"terminal.{terminal_id}"
