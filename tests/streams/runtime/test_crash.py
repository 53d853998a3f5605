"""Crashes inside one process: what was in memory is lost, batches differ, the effects are the same."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.row import Row
from streams.codec import encode
from streams.config.load import Loaded
from streams.decisions import encode as encode_decision
from streams.effects import Partial
from streams.model import Event, Record
from streams.rules import Rules
from streams.runtime.clock import VirtualClock
from streams.runtime.embedded import Embedded, Limits
from streams.runtime.replay import Replay
from streams.runtime.store.store import Store
from streams.stages.journey import CONFIG_ACTIVATED, JourneyStage
from streams.units import format_time
from tests.streams.runtime.reference import log_of, stored, undisturbed
from tests.streams.runtime.shop import FILE, OTHER_FILE, START, events, shop

SECOND = 1_000_000
SHOP = shop()
OTHER = shop(OTHER_FILE)
SHORTER = shop(
    FILE.replace("segments: [device, region]", "segments: [region]")
    .replace("      - {name: cart, on: cart.updated}\n", "")
    .replace("within: 40s, ", "")
    .replace("  orders: {on: order.completed}\n", "")
)
"""Without the step that most customers are in, one dimension and one signal."""
RENAMED = shop(
    FILE.replace("segments: [device, region]", "segments: [region, tier, device]")
    .replace("name: checkout", "name: address")
    .replace("as: p90", "as: p50")
)
MOST = '["05:00", "06:14"], ["06:15", "06:16"], ["06:17", "18:00"]'
REST = '["05:00", "06:14"], ["06:16", "18:00"]'
HOURS = shop(
    f"{FILE}calendars: {{office: {{open: {{wed: [{MOST}]}}}}, desk: {{open: {{wed: [{REST}]}}}}}}\n".replace(
        "within: 40s,", "within: 40s, calendar: office,"
    ).replace("within: 30s}", "within: 30s, calendar: desk}")
)
"""Two steps are done by people who are away for some minutes of the story; both come back the same day."""
FILES = [SHOP, OTHER, SHORTER, RENAMED]
"""What stays, goes and comes again differs between any two of them."""


async def live(
    path: Path,
    loaded: Loaded,
    clock: VirtualClock,
    bodies: list[bytes],
    rng: random.Random,
    files: list[Loaded] | None = None,
) -> None:
    """One life of the service: some events in pieces of any size, pauses, commits at any moment, and any end.

    With `files` the file changes meanwhile.
    """
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
        if files is not None and rng.random() < 0.15:
            await service.activate(rng.choice(files))
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
        assert stored(path, known) == undisturbed(log, SHOP, known)


async def reloaded_lives(path: Path, bodies: list[bytes], seed: int, files: list[Loaded]) -> None:
    rng = random.Random(seed)
    clock = VirtualClock(START)
    while bodies:
        await live(path, rng.choice(files), clock, bodies, rng, files)
    service = Embedded(rng.choice(files), Store(path), clock)
    await service.start()
    await service.drain()
    await service.stop()


def check_reloaded_lives(seed: int, files: list[Loaded], count: int = 400) -> None:
    known = {loaded.hash: loaded for loaded in files}
    first = random.Random(seed).choice(files)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "shop.db")
        asyncio.run(reloaded_lives(path, events(count, seed), seed, files))
        log = log_of(path)
        found, expected = stored(path, known), undisturbed(log, first, known)
        for field in found._fields:
            assert getattr(found, field) == getattr(expected, field), field


@pytest.mark.parametrize("seed", range(5))
def test_files_that_change_to_and_fro_between_crashes_leave_the_effects_of_an_undisturbed_run(seed: int) -> None:
    check_reloaded_lives(seed, FILES)


@pytest.mark.parametrize("seed", [2, 3])
def test_steps_with_opening_hours_come_through_crashes_and_changes_of_the_file(seed: int) -> None:
    check_reloaded_lives(seed, [HOURS, SHOP] if seed % 2 else [HOURS], 1_000)


def test_the_service_decides_in_opening_hours_as_replay_does() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "shop.db")
        asyncio.run(lives(path, events(1_500, 4), 4, [HOURS]))
        log = log_of(path)
        found = stored(path, {HOURS.hash: HOURS})
    replay = Replay(HOURS, recorded=True)
    for _ in replay.feed(Row(record.body, received=record.log_time) for record in log):
        pass
    assert replay.decisions
    assert found.decisions == sorted((one.id, encode_decision(one)) for one in replay.decisions)
    assert found.totals == replay.signals.totals()
    away = undisturbed([record for record in log if not record.internal], SHOP).totals
    assert away.journeys["purchase"]["cart"].abandoned != found.totals.journeys["purchase"]["cart"].abandoned


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5, 30))
def test_the_same_with_longer_lives(seed: int) -> None:
    check_reloaded_lives(seed, FILES, 1_200)


@pytest.mark.parametrize(
    ("before", "after", "ahead", "late"),
    [("allowed_lateness: 10s", "allowed_lateness: 1s", 0, 5), ("max_ahead: 0s", "max_ahead: 30s", 5, 0)],
)
def test_what_waited_when_the_file_changed_keeps_its_time_through_a_crash(
    before: str, after: str, ahead: int, late: int
) -> None:
    known = {loaded.hash: Rules.of(loaded) for loaded in (shop(f"{FILE}{before}\n"), shop(f"{FILE}{after}\n"))}
    old, new = known
    log = [
        record(0, 0, time=ahead * SECOND),
        record(1, 0, kind=CONFIG_ACTIVATED, named=new),
        record(2, 0, time=-late * SECOND),
        record(3, 60 * SECOND),
        record(4, 70 * SECOND),
    ]
    undisturbed_stage = JourneyStage(known[old], rules_by_hash=known.__getitem__)
    expected = worked_off(undisturbed_stage, log, {})
    stage = JourneyStage(known[old], rules_by_hash=known.__getitem__)
    partials = worked_off(stage, log[:2], {})
    left = stage.changes()
    timers = [(key, due) for key, due in left.timers.items() if due is not None]
    again = JourneyStage.restore(known[new], left.head, timers, rules_by_hash=known.__getitem__)
    assert partials + worked_off(again, log[left.position.low :], left.states) == expected


def record(offset: int, received: int, *, time: int = 0, kind: str = "cart.updated", named: str = "") -> Record:
    """A record `received` after START with an event time `time` after that."""
    own = kind == CONFIG_ACTIVATED
    event = Event(
        id=f"e-{offset}",
        source="touchline" if own else "shop",
        type=kind,
        time=format_time(START + received + time),
        subject=None if own else f"c-{offset}",
        data={"hash": named} if own else {},
    )
    return Record(offset, START + received, encode(event), own)


def worked_off(stage: JourneyStage, batch: list[Record], states: Mapping[str, bytes | None]) -> list[Partial]:
    while wanted := stage.needs(batch):
        stage.load({key: states.get(key) for key in wanted})
    return stage.process(batch).partials


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
