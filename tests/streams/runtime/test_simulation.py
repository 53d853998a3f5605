"""Feeding a service with simulated traffic: the past at once, the present as it comes, nothing twice or never."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from connectors.synthetic.incidents import MINUTE, SECOND, Schedule
from connectors.synthetic.traffic import Traffic
from streams.codec import encode
from streams.runtime.clock import VirtualClock
from streams.runtime.service import Busy
from streams.runtime.simulation import Simulation
from streams.units import format_time
from tests.streams.runtime.memory_service import MemoryService

NOON = 1_795_000_000 * SECOND


def traffic() -> Traffic:
    """A quiet shop that opened ten minutes ago; an incident comes in a minute."""
    return Traffic(1, rate=20, opens=NOON - 10 * MINUTE, schedule=Schedule(first=NOON + MINUTE))


async def test_the_past_and_the_present_are_fed_whole_and_in_order() -> None:
    service, clock = MemoryService(), VirtualClock(NOON)
    simulation = Simulation(service, traffic(), clock, NOON - 10 * MINUTE)
    seen: list[tuple[int, int]] = []
    await simulation.catch_up(lambda done, left: seen.append((done, left)))
    assert seen[-1][0] > 8 * MINUTE
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    running = asyncio.create_task(simulation.run())
    for _ in range(50):
        await asyncio.sleep(0)
        clock.advance(SECOND // 5)
    for _ in range(5):
        await asyncio.sleep(0)
    running.cancel()
    expected = [encode(event) for event in traffic().events(NOON - 10 * MINUTE, NOON + 10 * SECOND)]
    assert service.log == expected
    assert simulation.fed == len(expected)


async def test_a_busy_service_is_asked_again_and_misses_nothing() -> None:
    class Reluctant(MemoryService):
        refused = 0

        async def submit(self, bodies: Sequence[bytes]) -> Sequence[int]:
            self.refused += 1
            if self.refused % 2:
                raise Busy
            return await super().submit(bodies)

    service, clock = Reluctant(), VirtualClock(NOON)
    simulation = Simulation(service, traffic(), clock, NOON - 10 * MINUTE)
    feeding = asyncio.create_task(simulation.catch_up())
    while not feeding.done():
        await asyncio.sleep(0)
        clock.advance(SECOND // 10)
    reached = clock.now()
    assert service.refused > 2
    told = [encode(event) for event in traffic().events(NOON - 10 * MINUTE, reached)]
    assert service.log == told[: len(service.log)]
    assert len(told) - len(service.log) < 20 * 2 * 75  # at most the last portion is still to come


async def test_the_truth_about_the_incident_is_told_before_during_and_after() -> None:
    clock = VirtualClock(NOON)
    simulation = Simulation(MemoryService(), traffic(), clock, NOON)
    before = simulation.incident()
    assert (before.running, before.next) == (False, "2026-11-18T11:07:40.000Z")
    clock.advance(90 * SECOND)
    during = simulation.incident()
    assert during.running
    assert during.what == "80% of mobile payments fail"
    assert (during.since, during.until) == ("2026-11-18T11:07:40.000Z", "2026-11-18T11:10:40.000Z")
    clock.advance(3 * MINUTE)
    assert simulation.incident().next == "2026-11-18T11:17:40.000Z"


async def test_an_incident_planted_by_hand_runs_at_once() -> None:
    clock = VirtualClock(NOON)
    simulation = Simulation(MemoryService(), traffic(), clock, NOON)
    planted = simulation.plant()
    assert planted.running
    assert planted == simulation.incident()
    assert planted.since == "2026-11-18T11:06:40.000Z"


async def test_incidents_come_a_minute_after_they_were_planned_however_long_the_past_took() -> None:
    clock = VirtualClock(NOON)
    shop = Traffic(1, rate=20, opens=NOON - 10 * MINUTE)
    simulation = Simulation(MemoryService(), shop, clock, NOON - 10 * MINUTE)
    assert simulation.incident().next is None
    clock.advance(7 * MINUTE)
    simulation.plan()
    assert simulation.incident().next == format_time(NOON + 8 * MINUTE)
    assert [one.start for one in shop.incidents(NOON, NOON + 9 * MINUTE)] == [NOON + 8 * MINUTE]
