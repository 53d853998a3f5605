"""Scores become points of a grid, whatever the scale."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.fields import scaled
from streams.scores import MOST_POINTS, Grid


@pytest.mark.parametrize(
    ("scale", "step"),
    [((1, 5), 0.1), ((1, 7), 0.1), ((0, 10), 0.25), ((0, 100), 2.5), ((0, 1), 0.025), ((-3, 3), 0.1), ((0, 63), 1)],
)
def test_the_points_lie_as_closely_as_64_of_them_allow(scale: tuple[float, float], step: float) -> None:
    assert Grid(*scale).step == scaled(step)


@pytest.mark.parametrize("scale", [(1, 5), (1, 7), (0, 10), (0, 5), (0.5, 5)])
def test_whole_and_half_scores_of_usual_scales_stay_what_they_are(scale: tuple[float, float]) -> None:
    grid = Grid(*scale)
    halves = [half * 500_000 for half in range(int(scale[0] * 2), int(scale[1] * 2) + 1)]
    assert [grid.point(half) for half in halves] == halves


scores = st.integers(-(10**12), 10**12)


@given(scores, scores, st.lists(st.floats(0, 1), min_size=1))
def test_there_are_at_most_64_points_and_none_lies_off_the_scale(one: int, other: int, places: list[float]) -> None:
    low, high = min(one, other), max(one, other) + 1
    grid = Grid(low / 1e6, high / 1e6)
    assert (grid.high - grid.low + grid.step // 2) // grid.step + 1 <= MOST_POINTS
    for place in places:
        score = grid.low + round(place * (grid.high - grid.low))
        point = grid.point(score)
        assert grid.low <= point <= grid.high
        assert 2 * abs(point - score) <= grid.step + 1
        assert grid.point(point) == point
