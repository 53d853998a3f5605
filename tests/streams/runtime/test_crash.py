"""Crashes inside one process: what was in memory is lost, batches differ, the effects are the same."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Mapping
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.config.load import Loaded
from streams.customer import Customer, decode
from streams.runtime.clock import VirtualClock
from streams.runtime.embedded import Embedded, Limits
from streams.runtime.store.store import Store
from tests.streams.runtime.reference import log_of, stored, undisturbed
from tests.streams.runtime.shop import OTHER_FILE, START, events, shop

SECOND = 1_000_000
SHOP = shop()
OTHER = shop(OTHER_FILE)


async def live(path: Path, loaded: Loaded, clock: VirtualClock, bodies: list[bytes], rng: random.Random) -> None:
    """One life of the service: some events in pieces of any size, pauses, commits at any moment, and any end."""
    limits = Limits(
        batch=rng.choice([1, 7, 60, 500]),
        cache=rng.choice([1, 10, 1_000]),
        commit_seconds=0,
        pieces_seconds=rng.choice([0, 1_000]),
    )
    service = Embedded(loaded, Store(path), clock, limits=limits)
    await service.start()
    while bodies:
        size = rng.choice([1, 10, 40])
        await service.submit(bodies[:size])
        del bodies[:size]
        clock.advance(rng.choice([0, 100_000, 2 * SECOND]))
        for _ in range(rng.choice([0, 1, 30])):
            await asyncio.sleep(0)
        if rng.random() < 0.1:
            await service.drain()
        if rng.random() < 0.03:
            clock.advance(rng.choice([3, 90]) * SECOND)
            await service.drain()
        if rng.random() < 0.03:
            await service.abandon()
            return
    await service.stop()


async def lives(path: Path, bodies: list[bytes], seed: int, files: list[Loaded]) -> None:
    rng = random.Random(seed)
    clock = VirtualClock(START)
    await live(path, files[0], clock, bodies, rng)
    at = 0
    while bodies:
        at = rng.randrange(at, len(files))
        await live(path, files[at], clock, bodies, rng)
    service = Embedded(files[at], Store(path), clock)
    await service.start()
    await service.drain()
    await service.stop()


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_crashes_anywhere_with_other_batches_leave_the_effects_of_an_undisturbed_run(seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "shop.db")
        asyncio.run(lives(path, events(400, seed), seed, [SHOP]))
        log = log_of(path)
        assert stored(path, {SHOP.hash: SHOP}) == undisturbed(log, SHOP)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_a_file_that_changes_between_crashes_holds_from_one_place_of_the_log_on(seed: int) -> None:
    known = {SHOP.hash: SHOP, OTHER.hash: OTHER}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "shop.db")
        asyncio.run(lives(path, events(400, seed), seed, [SHOP, OTHER]))
        log = log_of(path)
        left, expected = stored(path, known), undisturbed(log, SHOP, known)
        assert left._replace(states={}) == expected._replace(states={})
        assert by_device(left.states) == by_device(expected.states)


def by_device(states: Mapping[str, bytes]) -> dict[str, Customer]:
    """The states as the other file sees them: one that nobody has touched since is stored in its old shape."""
    seen = {}
    for key, body in states.items():
        customer = decode(body)
        customer.shape = 0
        for instance in customer.instances.values():
            instance.cell = instance.cell[:1]
        seen[key] = customer
    return seen


def test_the_seeded_events_reach_everything_the_comparison_is_about() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "shop.db")
        asyncio.run(lives(path, events(2_000, 5), 5, [SHOP]))
        found = stored(path, {SHOP.hash: SHOP})
        assert found.decisions
        assert found.dead_letters
        assert found.totals.door.duplicate
        assert found.totals.journeys["purchase"]["cart"].completed
        assert found.totals.journeys["purchase"]["cart"].abandoned
        assert any(record.internal for record in log_of(path))
