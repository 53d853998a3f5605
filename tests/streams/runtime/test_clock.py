"""The clock that stands still."""

from __future__ import annotations

import asyncio

from streams.runtime.clock import SystemClock, VirtualClock


async def test_sleepers_wake_when_their_time_has_come_and_in_its_order() -> None:
    clock = VirtualClock(1_000)
    woken: list[str] = []

    async def sleeper(name: str, duration: int) -> None:
        await clock.sleep(duration)
        woken.append(name)

    tasks = [asyncio.create_task(sleeper(name, duration)) for name, duration in (("b", 20), ("a", 10), ("c", 31))]
    await asyncio.sleep(0)
    clock.advance(9)
    await asyncio.sleep(0)
    assert woken == []
    clock.advance(21)
    await asyncio.sleep(0)
    assert woken == ["a", "b"]
    assert clock.now() == 1_030
    clock.advance(1)
    await asyncio.gather(*tasks)
    assert woken == ["a", "b", "c"]


async def test_a_sleeper_that_gave_up_is_no_trouble() -> None:
    clock = VirtualClock(0)
    task = asyncio.create_task(clock.sleep(5))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    clock.advance(10)
    assert clock.now() == 10


async def test_the_machines_clock_counts_microseconds() -> None:
    clock = SystemClock()
    before = clock.now()
    await clock.sleep(1_000)
    assert 1_000 <= clock.now() - before < 60_000_000
    assert before > 1_700_000_000_000_000
