"""Segment values are admitted, bounded and freed by what happened, tick by tick."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.segments import CANDIDATES, OTHER, Dimension

START = 1_800_000_000
WEEK = 7 * 86_400


def enter(dimension: Dimension, tick: int, **entries: int) -> list[str]:
    freed = dimension.silent(tick)
    dimension.count(entries, set(), tick)
    return freed


def test_a_value_is_other_until_its_fiftieth_entry() -> None:
    device = Dimension("device")
    enter(device, START, mobile=49)
    assert device.series("mobile", START) == OTHER
    enter(device, START + 1, mobile=1)
    assert device.series("mobile", START + 1) == "mobile"


def test_entries_before_the_admission_stay_other() -> None:
    device = Dimension("device")
    enter(device, START, mobile=49)
    enter(device, START + 5, mobile=3)
    assert device.series("mobile", START + 4) == OTHER
    assert device.series("mobile", START + 5) == "mobile"


def test_at_most_twenty_values_are_admitted_and_the_rest_is_other() -> None:
    device = Dimension("device")
    for at in range(25):
        enter(device, START + at, **{f"d{at:02}": 50})
    assert len(device.admitted) == 20
    assert device.series("d19", START + 100) == "d19"
    assert device.series("d20", START + 100) == OTHER


def test_places_in_one_tick_go_by_the_order_of_the_text() -> None:
    one, other = Dimension("device"), Dimension("device")
    values = {f"d{at:02}": 50 + at for at in range(25)}
    one.count(values, set(), START)
    other.count(dict(reversed(values.items())), set(), START)
    assert sorted(one.admitted) == sorted(other.admitted) == [f"d{at:02}" for at in range(20)]


def test_listed_values_are_admitted_at_once_and_take_places() -> None:
    region = Dimension("region", ("kyiv", "lviv"))
    assert region.series("kyiv", START) == "kyiv"
    for at in range(25):
        enter(region, START + at, **{f"r{at:02}": 50})
    assert len(region.admitted) == 20
    assert sorted(region.admitted)[:2] == ["kyiv", "lviv"]


def test_a_value_silent_for_seven_days_loses_its_place_and_starts_anew() -> None:
    device = Dimension("device")
    enter(device, START, mobile=50)
    assert enter(device, START + WEEK - 1) == []
    assert enter(device, START + WEEK) == ["mobile"]
    assert device.series("mobile", START + WEEK) == OTHER
    enter(device, START + WEEK + 1, mobile=49)
    assert device.series("mobile", START + WEEK + 1) == OTHER


def test_a_listed_value_keeps_its_place_in_silence() -> None:
    region = Dimension("region", ("kyiv",))
    assert enter(region, START + 10 * WEEK) == []
    assert region.series("kyiv", START) == "kyiv"


def test_an_answer_of_a_survey_ends_the_silence_but_does_not_count_towards_admission() -> None:
    device = Dimension("device")
    enter(device, START, mobile=50, tablet=49)
    device.silent(START + WEEK - 1)
    device.count({}, {"mobile", "tablet"}, START + WEEK - 1)
    assert enter(device, START + WEEK) == []
    assert device.series("mobile", START + WEEK) == "mobile"
    assert device.series("tablet", START + WEEK) == OTHER


def test_a_value_that_waited_for_a_place_gets_it_with_its_next_entry() -> None:
    device = Dimension("device")
    for at in range(20):
        enter(device, START, **{f"d{at:02}": 50})
    enter(device, START + WEEK - 1, late=60, **{f"d{at:02}": 1 for at in range(1, 20)})
    assert device.series("late", START + WEEK - 1) == OTHER
    assert enter(device, START + WEEK, late=1) == ["d00"]
    assert device.series("late", START + WEEK) == "late"


def test_a_value_named_other_is_counted_as_other() -> None:
    device = Dimension("device", (OTHER,))
    enter(device, START, other=100)
    assert device.admitted == {}


def test_unknown_is_a_value_like_any_other() -> None:
    device = Dimension("device")
    enter(device, START, unknown=49)
    assert device.series("unknown", START) == OTHER
    enter(device, START + 1, unknown=1)
    assert device.series("unknown", START + 1) == "unknown"


def test_the_values_counted_towards_admission_are_bounded_and_the_frequent_ones_stay() -> None:
    device = Dimension("device")
    enter(device, START, frequent=40)
    for at in range(5 * CANDIDATES):
        enter(device, START + 1 + at // 100, **{f"noise{at}": 1})
        assert len(device.dump()[3]) <= 2 * CANDIDATES
    enter(device, START + 1000, frequent=10)
    assert device.series("frequent", START + 1000) == "frequent"


def test_a_newly_listed_value_counts_from_then_on_and_one_no_longer_listed_can_fall_silent() -> None:
    region = Dimension("region", ("kyiv",))
    region.relist(("lviv",), START)
    assert region.series("lviv", START - 1) == OTHER
    assert region.series("lviv", START) == "lviv"
    assert region.series("kyiv", START) == "kyiv"
    assert enter(region, START + WEEK) == ["kyiv"]


@given(st.lists(st.tuples(st.integers(0, WEEK), st.sampled_from("abc"), st.integers(1, 60)), max_size=30), st.data())
def test_a_stored_dimension_goes_on_as_the_undisturbed_one(
    entries: list[tuple[int, str, int]], data: st.DataObject
) -> None:
    stop = data.draw(st.integers(0, len(entries)))
    plain, stored = Dimension("device", ("a",)), Dimension("device", ("a",))
    tick = START
    for at, (ahead, value, count) in enumerate(entries):
        if at == stop:
            body = stored.dump()
            stored = Dimension("device", ("a",))
            stored.load(body)
        tick += ahead
        assert enter(plain, tick, **{value: count}) == enter(stored, tick, **{value: count})
        assert plain.admitted == stored.admitted
