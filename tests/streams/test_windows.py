"""Rings hold exactly what was added within their window."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.windows import STANDARD, Rings, Window

DAY = 86_400
START = 1_800_000_000


def test_the_standard_windows_have_sixty_slots_of_whole_seconds() -> None:
    assert [Window.of(seconds).slot for seconds in STANDARD.values()] == [1, 5, 60, 1440, 10_080]
    assert {Window.of(seconds).count for seconds in STANDARD.values()} == {60}


def test_a_length_that_does_not_divide_into_sixty_gets_whole_seconds_and_covers_its_length() -> None:
    assert Window.of(90) == Window(90, 2, 45)
    assert Window.of(7) == Window(7, 1, 7)
    odd = Window.of(3601)
    assert odd.slot * odd.count >= 3601 > odd.slot * (odd.count - 1)


def test_one_minute_forgets_a_count_after_exactly_sixty_seconds() -> None:
    rings = Rings([60], narrow=1)
    row = rings.open()
    rings.advance(START)
    rings.add([row], [[5]])
    rings.advance(START + 59)
    assert rings.row(60, row) == [5]
    rings.advance(START + 60)
    assert rings.row(60, row) == [0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(0, 3), st.integers(0, 400), st.just(200 * DAY)),
            st.integers(0, 3),
            st.integers(0, 10**6),
            st.integers(-(10**13), 10**13),
            st.integers(0, 10**26),
        ),
        max_size=60,
    )
)
def test_a_window_holds_what_a_list_of_all_counts_says(steps: list[tuple[int, int, int, int, int]]) -> None:
    rings = Rings([60, 90, 300, 3600], narrow=1, wide=2)
    rows = [rings.open() for _ in range(4)]
    tick = START
    log: list[tuple[int, int, list[int]]] = []
    for ahead, at, *fields in steps:
        tick += ahead
        rings.advance(tick)
        rings.add([rows[at]], [fields])
        log.append((tick, at, fields))
        for seconds, window in rings.windows.items():
            expected = [[0, 0, 0] for _ in rows]
            for then, series, added in log:
                if then >= window.first_tick(tick):
                    expected[series] = [a + b for a, b in zip(expected[series], added, strict=True)]
            assert rings.sums(seconds, rows) == expected
            assert [rings.row(seconds, row) for row in rows] == expected


def test_sums_of_squares_stay_exact_through_many_additions() -> None:
    rings = Rings([60], narrow=1, wide=1)
    row = rings.open()
    rings.advance(START)
    square = 123_456_789_012_345_678_901
    for _ in range(3000):
        rings.add([row], [[1, square]])
    assert rings.row(60, row) == [3000, 3000 * square]


def test_a_value_beyond_all_reason_does_not_stop_the_stream() -> None:
    rings = Rings([60], narrow=1, wide=1)
    row = rings.open()
    rings.advance(START)
    rings.add([row], [[1, 1 << 400]])
    rings.add([row], [[1, -(1 << 400)]])
    assert rings.row(60, row)[0] == 2


def test_a_row_that_was_given_back_starts_empty_for_its_next_series() -> None:
    rings = Rings(STANDARD.values(), narrow=2)
    row, other = rings.open(), rings.open()
    rings.advance(START)
    rings.add([row, other], [[1, 2], [3, 4]])
    rings.close(row)
    assert rings.open() == row
    assert rings.sums(60, [row, other]) == [[0, 0], [3, 4]]


def test_rows_grow_without_losing_counts() -> None:
    rings = Rings([60], narrow=1)
    rings.advance(START)
    rows = []
    for at in range(100):
        rows.append(rings.open())
        rings.add([rows[-1]], [[at]])
    assert rings.sums(60, rows) == [[at] for at in range(100)]


def test_a_folded_row_is_counted_in_the_other_from_then_on() -> None:
    rings = Rings([60], narrow=1, wide=1)
    row, other = rings.open(), rings.open()
    rings.advance(START)
    rings.add([row, other], [[1, 1 << 50], [2, 1 << 51]])
    rings.advance(START + 30)
    rings.fold(row, other)
    assert rings.row(60, other) == [3, 3 << 50]
    rings.advance(START + 60)
    assert rings.row(60, other) == [0, 0]


def test_stored_rows_age_by_the_time_between_storing_and_loading() -> None:
    rings = Rings([60, 300], narrow=1, wide=1)
    row = rings.open()
    for at, count in [(0, 1), (30, 2), (59, 4)]:
        rings.advance(START + at)
        rings.add([row], [[count, -count]])
    body = rings.dump([row])

    other = Rings([60, 300], narrow=1, wide=1)
    other.open()
    other.advance(START + 70)
    into = other.open()
    other.load([into], body, START + 59)
    assert other.row(60, into) == [6, -6]
    assert other.row(300, into) == [7, -7]
    other.advance(START + 95)
    assert other.row(60, into) == [4, -4]


def test_other_windows_keep_the_counts_of_those_they_share() -> None:
    rings = Rings([60, 300], narrow=1)
    row = rings.open()
    rings.advance(START)
    rings.add([row], [[5]])
    changed = rings.rewindowed([300, 600])
    assert changed.row(300, row) == [5]
    assert changed.row(600, row) == [0]
    changed.add([row], [[2]])
    changed.advance(START + 299)
    assert changed.row(600, row) == [2]
    assert changed.rewindowed([600, 300]) is changed


def test_the_last_slots_of_a_window_are_listed_oldest_first() -> None:
    rings = Rings([3600], narrow=2)
    row = rings.open()
    for minute, count in [(0, 1), (1, 2), (3, 4)]:
        rings.advance(START + 60 * minute)
        rings.add([row], [[0, count]])
    assert rings.slots(3600, row, 1, 5) == [0, 1, 2, 0, 4]


def test_time_that_goes_back_changes_nothing() -> None:
    rings = Rings([60], narrow=1)
    row = rings.open()
    rings.advance(START)
    rings.add([row], [[1]])
    rings.advance(START - 100)
    assert rings.tick == START
    assert rings.row(60, row) == [1]


def test_the_memory_of_the_concept_page_holds() -> None:
    page = (Path(__file__).parents[2] / "docs" / "concepts" / "windows.md").read_text(encoding="utf-8")
    stated = [int(number.replace(",", "")) for number in re.findall(r"\| ([\d,]+) \|$", page, re.MULTILINE)]
    steps, signals = Rings(STANDARD.values(), 6, 2), Rings(STANDARD.values(), 4, 2)
    longer = [*STANDARD.values(), 1200]
    assert stated == [
        steps.bytes_per_series,
        signals.bytes_per_series,
        Rings(longer, 6, 2).bytes_per_series - steps.bytes_per_series,
        Rings(longer, 4, 2).bytes_per_series - signals.bytes_per_series,
    ]


def test_a_hundred_thousand_empty_seconds_leave_nothing_behind() -> None:
    rings = Rings(STANDARD.values(), narrow=1)
    row = rings.open()
    rings.advance(START)
    rings.add([row], [[1]])
    rings.advance(START + 8 * DAY)
    assert [rings.row(seconds, row) for seconds in STANDARD.values()] == [[0]] * 5
