"""Natural group commit: batches of one when idle, of many under load, bounded always."""

import asyncio
import threading

import pytest

from transactions import batching
from transactions.batching import Batcher, Busy

# On PostgreSQL a batcher prepares its connection, whatever its batches do.
pytestmark = pytest.mark.django_db(transaction=True)


async def test_an_idle_batcher_waits_for_nothing():
    batches = []
    batcher = Batcher(lambda items: batches.append(list(items)) or items, name="t", batch_max=8)
    for n in range(3):
        assert await batcher.submit(n) == n
    assert batches == [[0], [1], [2]]
    await batcher.close()


async def test_what_arrives_during_a_batch_is_the_next_one():
    batches, gate = [], threading.Event()

    def handle(items):
        batches.append(list(items))
        gate.wait(5)
        return items

    batcher = Batcher(handle, name="t", batch_max=8)
    waiting = [asyncio.create_task(batcher.submit(n)) for n in range(20)]
    await asyncio.sleep(0.05)
    gate.set()
    assert await asyncio.gather(*waiting) == list(range(20))
    assert [len(batch) for batch in batches] == [8, 8, 4]
    await batcher.close()


async def test_a_full_queue_says_busy_and_loses_nobody(monkeypatch):
    monkeypatch.setattr(batching, "QUEUE_MAX", 3)
    gate = threading.Event()
    batcher = Batcher(lambda items: gate.wait(5) and items, name="t", batch_max=1)
    first = asyncio.create_task(batcher.submit(0))
    await asyncio.sleep(0.05)
    waiting = [asyncio.create_task(batcher.submit(n)) for n in (1, 2, 3)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await batcher.submit(4)
    gate.set()
    assert await asyncio.gather(first, *waiting) == [0, 1, 2, 3]
    await batcher.close()


async def test_a_failed_batch_tells_its_callers_and_the_next_goes_on():
    def handle(items):
        if 1 in items:
            raise RuntimeError("lost")
        return items

    batcher = Batcher(handle, name="t", batch_max=1)
    results = await asyncio.gather(*(batcher.submit(n) for n in range(3)), return_exceptions=True)
    assert [results[0], str(results[1]), results[2]] == [0, "lost", 2]
    await batcher.close()


async def test_a_caller_that_left_does_not_stop_the_batch():
    gate, done = threading.Event(), []

    def handle(items):
        gate.wait(5)
        done.extend(items)
        return items

    batcher = Batcher(handle, name="t", batch_max=8)
    gone = asyncio.create_task(batcher.submit(1))
    await asyncio.sleep(0.05)
    gone.cancel()
    gate.set()
    assert await batcher.submit(2) == 2
    assert done == [1, 2]
    await batcher.close()
