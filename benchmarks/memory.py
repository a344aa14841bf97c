"""Memory for each connected phone: the server's resident memory with none and with hundreds that are ready to sell."""

import asyncio
from typing import Any

from benchmarks.load import Till, close_all, open_all
from benchmarks.machine import QUIET, memory_bytes
from benchmarks.world import prepare
from tests.servers import RunningServer

FIRST = 10  # phones that come first: threads, connections and caches are the process's, not theirs
SETTLE_S = 3.0


def measure(phones: int) -> dict[str, Any]:
    """Open that many sockets, each another phone, and let them rest."""
    with RunningServer(database="postgresql", redis_url="", demo=False, env=QUIET) as server:
        world = prepare(server.env, merchants=8, cards=0, terminals=FIRST + phones)
        tills = [Till(server.ws_url, phone) for phone in world.phones]

        async def resting(opened: list[Till]) -> int:
            await open_all(opened)
            await asyncio.sleep(SETTLE_S)
            return memory_bytes(server.pid)

        async def both() -> tuple[int, int]:
            sizes = await resting(tills[:FIRST]), await resting(tills[FIRST:])
            close_all(tills)
            return sizes

        none, all_of_them = asyncio.run(both())
    return {
        "phones": phones,
        "server_mib_without": round(none / 2**20, 1),
        "server_mib_with": round(all_of_them / 2**20, 1),
        "kib_per_phone": round((all_of_them - none) / phones / 1024, 1),
    }
