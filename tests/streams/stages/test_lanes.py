"""Cells of a step have lanes, values of its dimensions have series, however they come."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.effects import Cell
from streams.segments import OTHER
from streams.stages.lanes import MOST_LANES, WHOLE, Lanes, groups_of

CELLS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=12)
GROUPS = groups_of([("device", ["b", "a"]), ("region", ["x"])])


def told(*updates: list[Cell]) -> Lanes:
    lanes = Lanes()
    for cells in updates:
        lanes.take(cells)
    return lanes


@settings(max_examples=50, deadline=None)
@given(st.lists(CELLS, max_size=5), st.integers(0, 2**32))
def test_the_order_and_repetition_of_cells_within_an_update_make_no_difference(
    updates: list[list[Cell]], seed: int
) -> None:
    random_ = random.Random(seed)
    shuffled = [random_.sample(cells, len(cells)) + cells[:2] for cells in updates]
    one, other = told(*updates), told(*shuffled)
    assert one.cells == other.cells
    assert [one.lane(cell) for cells in updates for cell in cells] == [
        other.lane(cell) for cells in updates for cell in cells
    ]


def test_new_cells_get_the_next_lanes_and_known_ones_keep_theirs() -> None:
    lanes = Lanes()
    assert lanes.take([("b",), ("a",)]) == 2
    assert lanes.take([("c",), ("a",)]) == 1
    assert lanes.take([("c",)]) == 0
    assert [lanes.lane((value,)) for value in "abc"] == [0, 1, 2]


def test_beyond_two_thousand_cells_share_one_lane_and_find_it_again_after_a_restart() -> None:
    lanes = Lanes()
    assert lanes.take([(f"{number:05d}", "x") for number in range(MOST_LANES + 500)]) == MOST_LANES + 1
    assert lanes.take([("later", "x")]) == 0
    shared = lanes.lane((f"{MOST_LANES:05d}", "x"))
    assert lanes.cells[shared] == (OTHER, OTHER)
    assert lanes.lane(("later", "x")) == shared
    assert lanes.lane((f"{MOST_LANES - 1:05d}", "x")) != shared
    again = Lanes()
    again.load(lanes.dump())
    assert again.take([("later", "x"), ("00007", "x")]) == 0
    assert again.lane(("later", "x")) == shared
    assert again.lane(("00007", "x")) == 7
    assert again.dump() == lanes.dump()


def test_a_step_without_segments_has_one_lane_and_one_series() -> None:
    lanes = told([()])
    assert lanes.group(()) == []
    assert lanes.member().tolist() == [[WHOLE]]


def test_every_lane_belongs_to_the_whole_and_to_one_value_of_each_dimension() -> None:
    lanes = told([("a", "x"), ("b", "y"), ("c", "x")])
    lanes.group(GROUPS)
    assert lanes.series[WHOLE] == ("", "")
    names = [[lanes.series[number] for number in row] for row in lanes.member()]
    assert names == [
        [("", "")] * 3,
        [("device", "a"), ("device", "b"), ("device", OTHER)],
        [("region", "x"), ("region", OTHER), ("region", "x")],
    ]


def test_before_any_values_are_known_there_is_only_the_whole() -> None:
    lanes = told([("a", "x"), ("b", "y")])
    assert lanes.member().tolist() == [[WHOLE, WHOLE]]


def test_a_value_that_goes_leaves_its_number_to_the_next_and_the_others_keep_theirs() -> None:
    lanes = told([("a",), ("b",), ("c",)])
    assert lanes.group(groups_of([("device", ["a", "b"])])) == []
    before = {place: number for number, place in enumerate(lanes.series)}
    changed = lanes.group(groups_of([("device", ["b", "c"])]))
    after = {place: number for number, place in enumerate(lanes.series)}
    assert changed == [before["device", "a"]]
    assert after["device", "c"] == before["device", "a"]
    assert after["device", "b"] == before["device", "b"]
    assert lanes.group(groups_of([("device", ["b"])])) == [after["device", "c"]]
    assert lanes.series[after["device", "c"]] is None
    assert lanes.member()[1].tolist() == [after["device", OTHER], after["device", "b"], after["device", OTHER]]


@pytest.mark.parametrize(
    ("segments", "found"),
    [
        ([{"device": "a"}], [0, 1]),
        ([{"device": "a", "region": "y"}], [1]),
        ([{"region": "x"}, {"device": "b"}], [0, 2]),
        ([{"device": "c"}], []),
        ([], []),
    ],
)
def test_lanes_are_found_by_the_values_of_their_cells(segments: list[dict[str, str]], found: list[int]) -> None:
    lanes = told([("a", "x"), ("a", "y"), ("b", "x")])
    lanes.group(GROUPS)
    assert lanes.matching(segments).tolist() == found


@settings(max_examples=50, deadline=None)
@given(CELLS, CELLS, st.lists(st.sampled_from("abcd"), unique=True))
def test_what_is_loaded_goes_on_the_same(first: list[Cell], second: list[Cell], values: list[str]) -> None:
    lanes = told(first)
    lanes.group(GROUPS)
    again = Lanes()
    again.load((list(lanes.cells), lanes.groups, list(lanes.series)))
    groups = groups_of([("device", values), ("region", ["z"])])
    for one in (lanes, again):
        one.take(second)
    assert lanes.group(groups) == again.group(groups)
    assert lanes.dump() == again.dump()
    np.testing.assert_array_equal(lanes.member(), again.member())
    assert lanes.member().shape == (3, len(lanes.cells))
