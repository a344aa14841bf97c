"""SIGTERM: what waits is decided and answered before the lines go, and the process ends in bounded time.

Daphne by itself cuts every socket at once, and then waits for good for a thread whose database hangs. Nothing was ever
lost by that, because a phone asks again; but it had to.
"""

import asyncio
import logging
import os
import signal
import threading
from typing import Any

from transactions.desk import desk

ANSWER_S_MAX = 5.0  # to decide and answer what waits
STOP_S_MAX = 8.0  # then the process ends whatever hangs; less than the ten seconds container engines give
LAST_ANSWERS_S = 0.05  # for outcomes that are known to get from their futures to the sockets

log = logging.getLogger(__name__)


def stop_in_order() -> None:
    """Answer SIGTERM from now on; call it where the application is made. Does nothing until Daphne runs."""
    _reactor().callLater(0, _take_over)  # it has put in its own handler by then


def _take_over() -> None:
    signal.signal(signal.SIGTERM, lambda *_: _reactor().callFromThread(_begin))


def _begin() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    watchdog = threading.Timer(STOP_S_MAX, os._exit, [1])
    watchdog.daemon = True
    watchdog.start()
    _Stopping.task = asyncio.get_running_loop().create_task(_stop())


class _Stopping:
    """Keeps the task alive: a loop holds on to its tasks only weakly."""

    task: asyncio.Task[None]


async def _stop() -> None:
    try:
        await asyncio.wait_for(desk().drain(), ANSWER_S_MAX)
        await asyncio.sleep(LAST_ANSWERS_S)
    except TimeoutError:
        log.warning("stopping with attempts that could not be decided; their phones will ask again")
    finally:
        _reactor().stop()


def _reactor() -> Any:
    from twisted.internet import reactor  # not before Daphne has chosen which

    return reactor
