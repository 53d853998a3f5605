"""SignalStage depends on content only, and goes on after a restore as if nothing had happened."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from streams.config.load import Loaded, load_text
from streams.effects import Partial
from streams.stages.signal import SignalStage
from tests.streams.stages.contents import DAY, FILE, LOADED, OFFICE, content, feed, interleaved, partials, stage

SEEDS = st.integers(0, 2**32)
AFTER = st.sampled_from([0, 1, 70, 1000, 9 * DAY])


@settings(max_examples=25, deadline=None)
@given(SEEDS, SEEDS, st.integers(1, 4), AFTER)
def test_partitions_arrival_and_declared_ranges_make_no_difference(
    seed: int, spread: int, partitions: int, after: int
) -> None:
    items = content(seed)
    until = items[-1][0] + after
    plain = stage()
    expected = feed(plain, partials(items, until, seed, 1, LOADED.hash)[0])

    split = stage(partitions)
    queues = partials(items, until, spread, partitions, LOADED.hash)
    assert feed(split, interleaved(queues, spread)) == expected
    assert split.totals() == plain.totals()
    assert split.view() == plain.view()


@settings(max_examples=10, deadline=None)
@given(SEEDS, SEEDS, st.integers(1, 3), AFTER)
def test_where_time_stands_still_neither_partitions_nor_restarts_make_a_difference(
    seed: int, spread: int, partitions: int, after: int
) -> None:
    random_ = random.Random(spread)
    items = content(seed)
    until = items[-1][0] + after
    plain = stage(1, OFFICE)
    expected = feed(plain, partials(items, until, seed, 1, OFFICE.hash)[0])

    crashing = stage(partitions, OFFICE)
    stored: dict[str, bytes] = {}
    decisions = []
    for partial in interleaved(partials(items, until, spread, partitions, OFFICE.hash), spread):
        decisions += feed(crashing, [partial])
        if random_.random() < 0.3:
            stored |= crashing.changes()
            if random_.random() < 0.5:
                crashing = SignalStage.restore(OFFICE.config, OFFICE.hash, stored)
    assert decisions == expected
    assert crashing.totals() == plain.totals()
    assert crashing.view() == plain.view()


def test_random_content_breaches_and_recovers() -> None:
    # Else the property above would compare empty lists.
    subjects = ("purchase/cart", "nps", "handle", "calls")
    expected = {(f"touchline.signal.{kind}", subject) for kind in ("breached", "recovered") for subject in subjects}
    kinds: set[tuple[str, str]] = set()
    for seed in range(30):
        items = content(seed, 300)
        arrived = partials(items, items[-1][0] + 1000, seed, 1, LOADED.hash)[0]
        kinds |= {(decision.type, decision.subject) for decision in feed(stage(), arrived)}
        if kinds >= expected:
            break
    assert kinds == expected


@settings(max_examples=20, deadline=None)
@given(SEEDS, SEEDS, st.integers(1, 3), AFTER)
def test_a_restored_stage_goes_on_as_the_undisturbed_one(seed: int, spread: int, partitions: int, after: int) -> None:
    random_ = random.Random(spread)
    items = content(seed)
    arrived = interleaved(partials(items, items[-1][0] + after, spread, partitions, LOADED.hash), spread)
    plain = stage(partitions)
    expected = feed(plain, arrived)

    crashing = stage(partitions)
    stored: dict[str, bytes] = {}
    decisions = []
    for partial in arrived:
        decisions += feed(crashing, [partial])
        if random_.random() < 0.3:
            stored |= crashing.changes()
            if random_.random() < 0.5:
                crashing = SignalStage.restore(LOADED.config, LOADED.hash, stored)
    assert decisions == expected
    assert crashing.totals() == plain.totals()
    assert crashing.view() == plain.view()
    assert crashing.positions == plain.positions


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.integers(1, 4))
def test_every_dimension_adds_up_to_the_whole(seed: int, partitions: int) -> None:
    items = content(seed, 120)
    full = stage(partitions)
    feed(full, interleaved(partials(items, items[-1][0] + 50, seed, partitions, LOADED.hash), seed))
    for step in full.view().journeys[0].steps:
        for dimension in ("device", "region"):
            segments = [segment for segment in step.segments if segment.dimension == dimension]
            assert len(segments) <= 21
            assert sum(segment.totals.entered for segment in segments) == step.totals.entered
            assert sum(segment.totals.completed for segment in segments) == step.totals.completed
            assert sum(segment.in_flight or 0 for segment in segments) == step.totals.in_flight
            for window in ("5m", "1h"):
                assert sum(segment.windows[window].entered for segment in segments) == step.windows[window].entered
                assert step.windows[window].completed == sum(segment.windows[window].completed for segment in segments)


OTHER_HOURS = load_text(OFFICE.text.replace('fri: ["09:00", "18:00"]', 'fri: ["09:00", "12:00"]'), "hours.yml")
HOLIDAY = load_text(OFFICE.text.replace('"18:00"]}', '"18:00"]}, closed: [2026-01-01, 2026-01-09]'), "holiday.yml")
CHANGES = [
    (
        LOADED,
        load_text(FILE.replace("segments: [device, ", "segments: [tier, ").replace("<= 30", "<= 20"), "next.yml"),
    ),
    (LOADED, OFFICE),
    (OFFICE, LOADED),
    (OFFICE, OTHER_HOURS),
    (OFFICE, HOLIDAY),
]


@settings(max_examples=20, deadline=None)
@given(SEEDS, SEEDS, st.integers(2, 4), st.sampled_from(CHANGES))
def test_another_file_holds_from_the_same_tick_whatever_the_order_of_arrival(
    seed: int, spread: int, partitions: int, change: tuple[Loaded, Loaded]
) -> None:
    first, changed = change
    assert first.hash != changed.hash
    items = content(seed)
    cut = items[len(items) // 2][0]
    before = [entry for entry in items if entry[0] <= cut]
    after = [entry for entry in items if entry[0] > cut]
    if not after:
        return
    queues = []
    for one, two in zip(
        partials(before, cut, spread, partitions, first.hash),
        partials(after, items[-1][0] + 100, spread, partitions, changed.hash),
        strict=True,
    ):
        queues.append([*one, *_continued(two, len(one), cut)])
    outcomes = []
    for order in (spread, spread + 1, spread + 2):
        split = stage(partitions, first)
        split.activate(changed.config, changed.hash)
        outcomes.append((feed(split, interleaved(queues, order)), split.totals(), split.view(), split.hash))
    assert outcomes[0][3] == changed.hash
    assert outcomes[0] == outcomes[1] == outcomes[2]


def _continued(queue: list[Partial], sequence: int, after: int) -> list[Partial]:
    kept = [partial for partial in queue if partial.tick > after]
    return [
        structs.replace(partial, sequence=sequence + at, first_tick=max(partial.first_tick, after + 1))
        for at, partial in enumerate(kept)
    ]
