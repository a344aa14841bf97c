"""Measuring in turns on a machine that others use too: A B A B, and what others took of it meanwhile.

What is compared is measured within the same seconds. A round in which others took more than `OTHERS_MAX` of a core is
run again, up to a limit; whether a round counts depends on the others' load only, never on its result. With patience
(`--patience`) a round also waits for a quiet moment to begin in.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from benchmarks.machine import Others

OTHERS_MAX = 0.25  # cores
LOOK_S = 2.0

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Round(Generic[Result]):
    """What one round found, and how many cores others took while it lasted."""

    result: Result
    others: float


@dataclass(slots=True)
class Patience:
    """How long is waited for quiet, over all rounds together; and how often a round may be run again."""

    seconds: float = 0.0
    runs_per_round: int = 1

    async def wait(self) -> None:
        """Returns when others are quiet, or when patience has run out."""
        while self.seconds > 0:
            others = Others()
            await asyncio.sleep(LOOK_S)
            if others.cores() <= OTHERS_MAX:
                return
            self.seconds -= LOOK_S


patience = Patience()


async def rounds(count: int, one: Callable[[], Awaitable[Result]]) -> list[Round[Result]]:
    """So many rounds, the quietest of all that were run."""
    done: list[Round[Result]] = []
    runs_max = count * patience.runs_per_round
    while sum(each.others <= OTHERS_MAX for each in done) < count and len(done) < runs_max:
        await patience.wait()
        others = Others()
        result = await one()
        done.append(Round(result, others.cores()))
        print(f"[others {done[-1].others:.2f}]", end=" ", file=sys.stderr, flush=True)
    return sorted(done, key=lambda each: each.others)[:count]
