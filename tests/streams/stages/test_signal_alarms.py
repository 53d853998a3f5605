"""Signals and arrivals of a file under watch."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from streams.config.load import load_text
from streams.config.structs import Config, Detector
from streams.effects import Entered, Measured, Partial
from streams.findings import SeriesKey
from streams.segments import Dimension
from streams.stages.series import Columns
from streams.stages.signal_alarms import SignalAlarms
from tests.streams.stages import series_book
from tests.streams.stages.series_book import CREDIT, DAY, HOUR, START, Book, OnePart

FILE = """
version: 1
segments: [{region: [kyiv, lviv]}]
journeys:
  purchase:
    arrivals: both
    steps:
      - {name: cart, on: cart.updated}
      - {name: paid, on: order.completed}
  signup:
    steps: [{name: visit, on: page.viewed}]
signals:
  csat: {on: survey.answered, where: {metric: csat}}
  calls: {on: call.started, watch: up}
  handle: {on: call.ended, value: duration_s, watch: up, detector: {name: page_hinkley, threshold: 300, delta: 10}}
  errors: {on: error.seen}
"""
CONFIG = load_text(FILE, "test.yml").config
GROUPS = (("region", ("kyiv", "lviv")),)
COLUMNS: Columns = ((Dimension("region", ("kyiv", "lviv")), 0),)
EVERYWHERE = ("kyiv",)

Content = Mapping[int, Sequence[tuple[Partial, Columns]]]
Items = dict[int, list[Entered | Measured]]


def run(alarms: SignalAlarms, book: Book, content: Content, until: int, budget: float | None = None) -> None:
    series_book.run(OnePart(alarms), book, content, until, budget)


def hour_of_week(second: int) -> int:
    return (second - START) // HOUR % 168


def watching(config: Config = CONFIG) -> SignalAlarms:
    alarms = SignalAlarms(config, hour_of_week)
    alarms.regroup(GROUPS)
    return alarms


def rate(seed: int, name: str, per_second: float, since: int, until: int) -> Items:
    counts = np.random.default_rng(seed).poisson(per_second, until - since)
    return {
        START + since + int(second): [Measured(name, EVERYWHERE, int(counts[second]), 0, 0, 0, 0, 0, {})]
        for second in np.flatnonzero(counts)
    }


def arrivals(seed: int, per_second: float, since: int, until: int) -> Items:
    counts = np.random.default_rng(seed).poisson(per_second, until - since)
    return {
        START + since + int(second): [Entered("purchase", "cart", EVERYWHERE, int(counts[second]), 0)]
        for second in np.flatnonzero(counts)
    }


def scores(seed: int, satisfied: float, since: int, until: int, region: str = "kyiv", every: int = 120) -> Items:
    chance = np.random.default_rng(seed)
    items: Items = {}
    for second in np.flatnonzero(chance.random(until - since) < 1 / every):
        score = 5 if chance.random() < satisfied else 2
        counted = {score * 1_000_000: 1}
        items[START + since + int(second)] = [Measured("csat", (region,), 1, 0, 0, 0, int(score == 5), 0, {}, counted)]
    return items


def together(*parts: Items) -> Items:
    items: Items = {}
    for part in parts:
        for tick, some in part.items():
            items.setdefault(tick, []).extend(some)
    return items


def partial(number: int, tick: int, items: Iterable[Entered | Measured]) -> Partial:
    some = list(items)
    return Partial(
        number, 0, tick, tick, "hash",
        entered=tuple(item for item in some if isinstance(item, Entered)),
        measured=tuple(item for item in some if isinstance(item, Measured)),
    )  # fmt: skip


def ticks(items: Items, partitions: int = 1, seed: int = 0) -> dict[int, list[tuple[Partial, Columns]]]:
    """The content dealt to partitions at random."""
    randomness = random.Random(seed)
    dealt: dict[int, list[tuple[Partial, Columns]]] = {}
    for tick, some in items.items():
        parts: list[list[Entered | Measured]] = [[] for _ in range(partitions)]
        for item in some:
            parts[randomness.randrange(partitions)].append(item)
        dealt[tick] = [(partial(number, tick, part), COLUMNS) for number, part in enumerate(parts) if part]
    return dealt


def test_watched_are_scores_and_what_the_file_asks_for() -> None:
    assert [(view.kind, view.journey, view.signal, view.direction) for view in watching().watched()] == [
        ("arrivals", "purchase", None, "down"),
        ("arrivals", "purchase", None, "up"),
        ("signal", None, "calls", "up"),
        ("signal", None, "csat", "down"),
        ("signal", None, "handle", "up"),
    ]


def test_watch_off_watches_nothing() -> None:
    off = load_text(FILE.replace("where: {metric: csat}", "where: {metric: csat}, watch: off"), "test.yml").config
    assert "csat" not in {view.signal for view in watching(off).watched()}


def test_a_detector_that_does_not_exist_or_cannot_be_made_is_named() -> None:
    for name, options in (("nothing", {}), ("page_hinkley", {"threshold": -1}), ("page_hinkley", {"speed": 1})):
        signal = msgspec.structs.replace(CONFIG.signals["handle"], detector=Detector(name=name, options=options))
        with pytest.raises(ValueError, match=r"signals\.handle\.detector: "):
            watching(msgspec.structs.replace(CONFIG, signals={"handle": signal}))


def test_more_calls_than_usual_are_reported_and_so_is_their_end() -> None:
    calls = together(
        rate(1, "calls", 0.02, 0, DAY),
        rate(2, "calls", 0.4, DAY, DAY + HOUR),
        rate(3, "calls", 0.02, DAY + HOUR, 2 * DAY),
    )
    book = Book()
    run(watching(), book, ticks(calls), START + 2 * DAY)
    assert book.changes() == [("fire", "calls"), ("resolve", "calls")]
    fired = book.findings[0]
    assert fired.series == SeriesKey("signal", "up", signal="calls")
    assert START + DAY < fired.tick < START + DAY + 300
    assert fired.observed > 5 * fired.expected
    assert fired.segments == ()
    assert fired.guarantee == "given baseline"


def test_nobody_arrives_any_more() -> None:
    book = Book()
    run(watching(), book, ticks(arrivals(1, 0.05, 0, DAY)), START + DAY + HOUR)
    assert book.changes() == [("fire", "purchase")]
    assert book.findings[0].series == SeriesKey("arrivals", "down", "purchase", "cart")
    assert START + DAY < book.findings[0].tick < START + DAY + 1200


def test_lower_scores_are_reported_in_the_signal_s_own_unit_and_for_the_region_they_come_from() -> None:
    items = together(
        scores(1, 0.9, 0, 4 * DAY, "kyiv"), scores(2, 0.9, 0, 3 * DAY, "lviv"), scores(3, 0.3, 3 * DAY, 4 * DAY, "lviv")
    )
    book = Book()
    run(watching(), book, ticks(items), START + 4 * DAY)
    fired = {(finding.series.dimension, finding.series.value): finding for finding in reversed(book.findings)}
    assert set(fired) == {("", ""), ("region", "lviv")}
    lviv = fired["region", "lviv"]
    assert lviv.expected == pytest.approx(0.9, abs=0.05)
    assert lviv.observed < 0.5
    assert lviv.segments == ({"region": "lviv"},)


def test_a_detector_of_the_file_watches_the_value_of_each_minute() -> None:
    items: Items = {}
    for minute in range(600):
        value = 100 + minute % 7 if minute < 500 else 250
        items[START + minute * 60 + 5] = [Measured("handle", EVERYWHERE, 2, 2 * value * 1_000_000, 0, 0, 0, 0, {})]
    book = Book()
    run(watching(), book, ticks(items), START + 600 * 60)
    assert book.changes() == [("fire", "handle")]
    assert book.findings[0].expected == pytest.approx(103, abs=1)
    assert START + 500 * 60 < book.findings[0].tick < START + 505 * 60


def test_a_value_that_loses_its_place_is_watched_no_more_and_its_alarm_is_over() -> None:
    alarms, book = watching(), Book()
    items = together(scores(2, 0.9, 0, 2 * DAY, "lviv"), scores(3, 0.2, 2 * DAY, 3 * DAY, "lviv"))
    run(alarms, book, ticks(items), START + 3 * DAY)
    alarms.regroup((("region", ("kyiv",)),))
    alarms.close(START + 3 * DAY + 1, {"": CREDIT}, book)
    lviv = SeriesKey("signal", "down", signal="csat", dimension="region", value="lviv")
    assert book.told[-1] == ("resolve", lviv, START + 3 * DAY + 1)
    assert all(view.value != "lviv" for view in alarms.watched())


def test_another_file_keeps_what_was_learnt_of_signals_that_stay() -> None:
    alarms, book = watching(), Book()
    run(alarms, book, ticks(rate(1, "calls", 0.02, 0, DAY)), START + DAY)
    learnt = next(view.sees for view in alarms.watched() if view.signal == "calls")
    changed = load_text(FILE.replace("name: visit", "name: seen"), "test.yml").config
    alarms.activate(changed, hour_of_week)
    assert next(view.sees for view in alarms.watched() if view.signal == "calls") == learnt
    other = load_text(FILE.replace("on: call.started", "on: call.held"), "test.yml").config
    alarms.activate(other, hour_of_week)
    assert next(view.state for view in alarms.watched() if view.signal == "calls") == "learning"


def test_what_is_pending_is_seen_before_anybody_is_told() -> None:
    alarms, book = watching(), Book()
    run(alarms, book, ticks(rate(1, "calls", 0.02, 0, DAY)), START + DAY)
    surge = rate(2, "calls", 0.1, DAY, DAY + 2 * HOUR)
    seen = []
    for tick, content in ticks(surge).items():
        run(alarms, book, {tick: content}, tick)
        if book.told:
            break
        seen += alarms.pending(tick)
    assert seen
    assert seen[0].series == SeriesKey("signal", "up", signal="calls")
    assert 0.1 <= seen[0].evidence < 1


def test_somebody_accepts_what_is_normal_now() -> None:
    alarms, book = watching(), Book()
    run(alarms, book, ticks(rate(1, "calls", 0.02, 0, DAY)), START + DAY)
    more = ticks(rate(2, "calls", 0.2, DAY, DAY + 3 * HOUR))
    half = START + DAY + HOUR
    run(alarms, book, {tick: content for tick, content in more.items() if tick <= half}, half)
    alarms.accept(SeriesKey("signal", "up", signal="calls"))
    run(alarms, book, {tick: content for tick, content in more.items() if tick > half}, START + DAY + 3 * HOUR)
    assert book.changes() == [("fire", "calls"), ("rebaseline", "calls")]


def story() -> Items:
    return together(
        rate(1, "calls", 0.01, 0, 10 * HOUR),
        rate(2, "calls", 0.3, 10 * HOUR, 11 * HOUR),
        arrivals(3, 0.02, 0, 9 * HOUR),
        scores(4, 0.9, 0, 8 * HOUR, "kyiv", 60),
        scores(5, 0.9, 0, 8 * HOUR, "lviv", 60),
        scores(6, 0.2, 8 * HOUR, 11 * HOUR, "lviv", 60),
    )


def expected() -> tuple[Book, SignalAlarms]:
    book, alarms = Book(), watching()
    run(alarms, book, ticks(story()), START + 12 * HOUR, budget=1e-5)
    return book, alarms


def pieces(alarms: SignalAlarms) -> dict[str, bytes]:
    return alarms.changes(whole=True)


@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.integers(1, 5), st.integers(0, 2**32))
def test_over_how_many_partitions_the_content_is_spread_makes_no_difference(partitions: int, seed: int) -> None:
    whole, alone = expected()
    book, alarms = Book(), watching()
    run(alarms, book, ticks(story(), partitions, seed), START + 12 * HOUR, budget=1e-5)
    assert book.told == whole.told
    assert book.findings == whole.findings
    assert pieces(alarms) == pieces(alone)


@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(st.integers(0, 12 * HOUR), min_size=1, max_size=6))
def test_a_restart_from_the_pieces_anywhere_makes_no_difference(cuts: Sequence[int]) -> None:
    whole, alone = expected()
    book, alarms = Book(), watching()
    content = ticks(story())
    stored: dict[str, bytes] = {}
    before = -1
    for cut in [*sorted(set(cuts)), 12 * HOUR]:
        part = {tick: some for tick, some in content.items() if START + before < tick <= START + cut}
        last = max(part, default=None)
        if cut == 12 * HOUR:
            last = START + cut
        if last is not None:
            run(alarms, book, part, last, budget=1e-5)
        before = cut
        stored.update(alarms.changes())
        alarms = watching()
        alarms.load(stored)
        assert alarms.changes() == {}
    assert book.told == whole.told
    assert book.findings == whole.findings
    assert pieces(alarms) == pieces(alone)
    assert {verb for verb, _, _ in whole.told} >= {"fire", "update"}
