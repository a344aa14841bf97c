"""Who may read this process's metrics. What is counted is in `transactions.metrics`.

Off until an operator names a token or addresses. A request that came through a proxy never counts as coming from its
address: the proxy stands on this machine, its clients don't.
"""

import hmac
from ipaddress import ip_address

from django.conf import settings

# A proxy of ours adds one of these, and no client can take it away again.
FORWARDED = (b"x-forwarded-for", b"forwarded", b"x-real-ip")


def may_read(address: str, headers: dict[bytes, bytes]) -> bool:
    """Whether the bearer of these headers, connected from this address, may."""
    token = settings.SOFTPOS_METRICS_TOKEN
    if token and hmac.compare_digest(headers.get(b"authorization", b""), f"Bearer {token}".encode()):
        return True
    if any(name in headers for name in FORWARDED):
        return False
    try:
        peer = ip_address(address)
    except ValueError:  # a Unix socket has none
        return False
    return any(peer in network for network in settings.SOFTPOS_METRICS_FROM)
