"""A rolling histogram holds exactly the observations of its windows."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.histogram import merge
from streams.rolling_histogram import RollingHistogram
from streams.windows import Window

START = 1_800_000_000
WINDOWS = [60, 300, 3600]
STEPS = st.lists(
    st.tuples(st.one_of(st.integers(0, 5), st.integers(0, 2000)), st.integers(-3, 3), st.integers(1, 5)), max_size=40
)


def expected(log: list[tuple[int, int, int]], seconds: int, tick: int) -> dict[int, int]:
    first = Window.of(seconds).first_tick(tick)
    return merge({bucket: count} for then, bucket, count in log if then >= first)


@settings(max_examples=80, deadline=None)
@given(STEPS, st.integers(0, 40))
def test_a_window_holds_what_a_list_of_all_observations_says(steps: list[tuple[int, int, int]], stop: int) -> None:
    rolling = RollingHistogram(WINDOWS)
    log: list[tuple[int, int, int]] = []
    tick = START
    for at, (ahead, bucket, count) in enumerate(steps):
        tick += ahead
        rolling.add({bucket: count}, tick)
        log.append((tick, bucket, count))
        if at == stop:
            body = rolling.dump()
            rolling = RollingHistogram(WINDOWS)
            rolling.load(body)
        for seconds in WINDOWS:
            assert rolling.counts(seconds, tick) == expected(log, seconds, tick)
    tick += 200
    for seconds in WINDOWS:
        assert rolling.counts(seconds, tick) == expected(log, seconds, tick)


@settings(max_examples=60, deadline=None)
@given(STEPS, STEPS)
def test_folding_adds_the_other_series_slot_by_slot(
    ours: list[tuple[int, int, int]], theirs: list[tuple[int, int, int]]
) -> None:
    log: list[tuple[int, int, int]] = []
    histograms = []
    last = START
    for steps in (ours, theirs):
        rolling = RollingHistogram(WINDOWS)
        tick = START
        for ahead, bucket, count in steps:
            tick += ahead
            rolling.add({bucket: count}, tick)
            log.append((tick, bucket, count))
        last = max(last, tick)
        histograms.append(rolling)
    histograms[0].fold(histograms[1], last)
    for tick in (last, last + 100, last + 1800):
        for seconds in WINDOWS:
            assert histograms[0].counts(seconds, tick) == expected(log, seconds, tick)


def test_other_windows_keep_the_observations_of_those_they_share() -> None:
    rolling = RollingHistogram([60, 300])
    rolling.add({7: 1}, START)
    rolling.rewindow([300, 600])
    assert rolling.counts(300, START) == {7: 1}
    assert rolling.counts(600, START) == {}
