"""Sources of a file's events under watch for falling silent."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from streams.effects import Partial, SourceSeen
from streams.findings import SeriesKey
from streams.stages.series import Columns
from streams.stages.source_alarms import MOST_SOURCES, SourceAlarms
from tests.streams.stages.series_book import CREDIT, DAY, HOUR, START, Book, run

Counts = dict[int, dict[str, int]]
"""Tick -> source -> events."""
KINDS = {"shop": "cart.updated", "billing": "order.completed", "carrier": "order.delivered"}


def hour_of_week(second: int) -> int:
    return (second - START) // HOUR % 168


def watching() -> SourceAlarms:
    return SourceAlarms(hour_of_week)


def events(seed: int, source: str, per_second: float, since: int, until: int) -> Counts:
    counts = np.random.default_rng(seed).poisson(per_second, until - since)
    return {START + since + int(second): {source: int(counts[second])} for second in np.flatnonzero(counts)}


def together(*parts: Counts) -> Counts:
    counts: Counts = {}
    for part in parts:
        for tick, some in part.items():
            counts.setdefault(tick, {}).update(some)
    return counts


def ticks(counts: Counts, partitions: int = 1, seed: int = 0) -> dict[int, list[tuple[Partial, Columns]]]:
    """The events of each source dealt to partitions at random."""
    randomness = random.Random(seed)
    dealt: dict[int, list[tuple[Partial, Columns]]] = {}
    for tick, some in counts.items():
        parts: list[dict[str, int]] = [{} for _ in range(partitions)]
        for source, count in some.items():
            for _ in range(count):
                part = parts[randomness.randrange(partitions)]
                part[source] = part.get(source, 0) + 1
        dealt[tick] = [(partial(number, tick, part), ()) for number, part in enumerate(parts) if part]
    return dealt


def partial(number: int, tick: int, counts: dict[str, int]) -> Partial:
    return Partial(
        number, 0, tick, tick, "hash",
        sources=tuple(SourceSeen(source, n, tick * 10**6, tick * 10**6, 0) for source, n in sorted(counts.items())),
        types={KINDS[source]: n for source, n in counts.items() if source in KINDS},
    )  # fmt: skip


def test_a_source_that_falls_silent_is_one_alarm_and_ends_when_it_speaks_again() -> None:
    shop = events(1, "shop", 0.2, 0, 2 * DAY)
    billing = together(events(2, "billing", 0.1, 0, DAY), events(3, "billing", 0.1, DAY + 2 * HOUR, 2 * DAY))
    alarms, book = watching(), Book()
    content = ticks(together(shop, billing))
    middle = START + DAY + HOUR
    run(alarms, book, {tick: some for tick, some in content.items() if tick <= middle}, middle)
    assert book.changes() == [("fire", "billing")]
    assert book.findings[0].series == SeriesKey("source", "down", signal="billing")
    assert START + DAY < book.findings[0].tick < START + DAY + 300
    assert book.findings[0].expected > 5
    assert [view.signal for view in alarms.watched() if view.state == "firing"] == ["billing"]
    run(alarms, book, {tick: some for tick, some in content.items() if tick > middle}, START + 2 * DAY)
    assert book.changes() == [("fire", "billing"), ("resolve", "billing")]
    assert all(view.state != "firing" for view in alarms.watched())


def test_silence_of_everybody_is_noticed_though_nothing_arrives() -> None:
    book = Book()
    run(watching(), book, ticks(events(1, "shop", 0.5, 0, 6 * HOUR)), START + 7 * HOUR)
    assert book.changes() == [("fire", "shop")]


def test_slow_sources_are_seen_but_get_no_credit() -> None:
    alarms, book = watching(), Book()
    run(alarms, book, ticks(together(events(1, "shop", 0.5, 0, DAY), events(2, "carrier", 0.002, 0, DAY))), START + DAY)
    assert alarms.live() == 1
    assert [(view.signal, view.state) for view in alarms.watched()] == [("carrier", "quiet"), ("shop", "watching")]
    assert book.told == []


def test_what_watched_sources_can_see_is_said_in_words() -> None:
    alarms, book = watching(), Book()
    run(alarms, book, ticks(events(1, "shop", 0.5, 0, DAY)), START + DAY)
    (view,) = alarms.watched()
    assert view.sees.startswith("a silence of ")
    assert view.credit_per_week > 0


def test_there_are_never_more_sources_than_there_is_room_for() -> None:
    alarms, book = watching(), Book()
    crowd = {START + n: [(partial(0, START + n, {f"till-{n}": 1}), ())] for n in range(MOST_SOURCES + 50)}
    run(alarms, book, crowd, START + HOUR)
    assert len(alarms.sources) == MOST_SOURCES
    run(alarms, book, {START + 9 * DAY: [(partial(0, START + 9 * DAY, {"late": 1}), ())]}, START + 9 * DAY)
    assert set(alarms.sources) == {"late"}


def test_a_source_that_is_gone_for_good_is_forgotten_when_that_is_accepted() -> None:
    alarms, book = watching(), Book()
    shop = events(1, "shop", 0.2, 0, 3 * DAY)
    content = ticks(together(shop, events(2, "billing", 0.2, 0, DAY), events(4, "billing", 0.001, 2 * DAY, 3 * DAY)))
    middle = START + 2 * DAY
    run(alarms, book, {tick: some for tick, some in content.items() if tick <= middle}, middle)
    alarms.accept(SeriesKey("source", "down", signal="billing"))
    run(alarms, book, {tick: some for tick, some in content.items() if tick > middle}, START + 3 * DAY)
    assert book.changes() == [("fire", "billing"), ("rebaseline", "billing")]
    assert all(view.state != "firing" for view in alarms.watched())


def story() -> Counts:
    return together(
        events(1, "shop", 0.1, 0, 12 * HOUR),
        events(2, "billing", 0.05, 0, 8 * HOUR),
        events(3, "billing", 0.05, 10 * HOUR, 12 * HOUR),
        events(4, "carrier", 0.01, 0, 12 * HOUR),
    )


def expected() -> tuple[Book, SourceAlarms]:
    book, alarms = Book(), watching()
    run(alarms, book, ticks(story()), START + 12 * HOUR, budget=1e-5)
    return book, alarms


@settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.integers(1, 5), st.integers(0, 2**32))
def test_over_how_many_partitions_the_events_are_spread_makes_no_difference(partitions: int, seed: int) -> None:
    whole, alone = expected()
    book, alarms = Book(), watching()
    run(alarms, book, ticks(story(), partitions, seed), START + 12 * HOUR, budget=1e-5)
    assert book.told == whole.told
    assert book.findings == whole.findings
    assert alarms.changes(whole=True) == alone.changes(whole=True)
    assert whole.changes() == [("fire", "billing"), ("resolve", "billing")]


@settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(st.integers(0, 12 * HOUR), min_size=1, max_size=6))
def test_a_restart_from_the_pieces_anywhere_makes_no_difference(cuts: Sequence[int]) -> None:
    whole, alone = expected()
    book, alarms = Book(), watching()
    content = ticks(story())
    stored: dict[str, bytes] = {}
    before = -1
    for cut in [*sorted(set(cuts)), 12 * HOUR]:
        part = {tick: some for tick, some in content.items() if START + before < tick <= START + cut}
        last = START + cut if cut == 12 * HOUR else max(part, default=None)
        if last is not None:
            run(alarms, book, part, last, budget=1e-5)
        before = cut
        stored.update(alarms.changes())
        alarms = watching()
        alarms.load(stored)
        assert alarms.changes() == {}
    assert book.told == whole.told
    assert book.findings == whole.findings
    assert alarms.changes(whole=True) == alone.changes(whole=True)


def test_credit_is_granted_for_what_comes_not_for_what_was() -> None:
    alarms, book = watching(), Book()
    run(alarms, book, ticks(events(1, "shop", 0.5, 0, 6 * HOUR)), START + 6 * HOUR)
    alarms.close(START + 6 * HOUR + 1, 2 * CREDIT, book)
    assert alarms.sources["shop"].credit == 2 * CREDIT
