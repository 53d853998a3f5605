"""Likelihood ratios of sets, the best unions against all subsets, and how many pairs are looked at."""

from __future__ import annotations

import math
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.steps.candidates import (
    MOST_PAIRS,
    Candidate,
    Column,
    Sums,
    likelihood_ratio,
    pairs,
    sums_at,
    unions,
    values,
)


def column(name: str, observed: list[float], expected: list[float]) -> Column:
    """One dimension whose cells are its values, `a`, `b` …"""
    texts = [chr(ord("a") + at) for at in range(len(expected))]
    return Column(name, texts, np.arange(len(texts)), Sums(np.array(observed), np.array(expected)))


def total(sums: Sums) -> Sums:
    return Sums(sums.observed.sum(), sums.expected.sum())


def named(candidate: Candidate) -> str:
    return "|".join("&".join(f"{dimension}={value}" for dimension, value in one) for one in candidate.conditions)


def test_the_likelihood_ratio_is_that_of_two_poisson_means() -> None:
    found = likelihood_ratio(Sums(np.array([25.0, 0.0, 50.0, 60.0]), np.full(4, 50.0)), 1.0)
    assert found == pytest.approx([25 * math.log(0.5) + 25, 50.0, 0.0, 0.0])


def test_clumped_events_weigh_less() -> None:
    sums = Sums(np.array([25.0]), np.array([50.0]))
    assert likelihood_ratio(sums, 4.0) == pytest.approx(likelihood_ratio(sums, 1.0) / 4)


def test_the_score_of_a_value_is_its_likelihood_ratio_less_the_look_at_all_values_and_one() -> None:
    one, other = column("x", [20.0, 80.0], [60.0, 60.0]), column("y", [50.0, 50.0], [60.0, 60.0])
    best = values([one, other], total(one.sums), 1.0)[0]
    assert (named(best), best.observed, best.expected) == ("x=a", 20.0, 60.0)
    assert best.score == pytest.approx(20 * math.log(20 / 60) + 40 - math.log(4) - 1)


def test_values_that_are_everything_or_nothing_are_no_candidates() -> None:
    only = column("x", [20.0, 0.0], [60.0, 0.0])
    assert values([only], total(only.sums), 1.0) == []
    assert unions([only], total(only.sums), 1.0) == []


def test_a_union_costs_the_look_at_all_subsets_of_its_size_and_one_for_each_value() -> None:
    wide = column("x", [5.0, 10.0, 50.0, 50.0, 50.0], [50.0] * 5)
    best = unions([wide, column("y", [82.0, 83.0], [125.0, 125.0])], total(wide.sums), 1.0)
    found = min(best, key=lambda candidate: candidate.rank)
    assert (named(found), found.observed, found.expected) == ("x=a|x=b", 15.0, 100.0)
    assert found.looked == pytest.approx(math.log(10 + 1))
    assert found.score == pytest.approx(15 * math.log(0.15) + 85 - math.log(11) - 2)


def test_tiny_values_that_happen_to_be_empty_are_left_out_of_a_union() -> None:
    wide = column("x", [0.0, 0.0, 0.0, 30.0, 25.0, 200.0], [0.5, 0.4, 0.6, 100.0, 90.0, 200.0])
    assert [named(one) for one in unions([wide], total(wide.sums), 1.0)] == ["x=d|x=e"]


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), min_size=3, max_size=7),
    st.sampled_from([1.0, 2.0]),
)
def test_no_subset_of_all_explains_more_than_the_one_that_was_found(
    cells: list[tuple[int, int]], dispersion: float
) -> None:
    wide = column("x", [float(one) for one, _ in cells], [float(other) for _, other in cells])
    width = len(cells)

    def score(places: tuple[int, ...]) -> float:
        sums = Sums(
            np.array([wide.sums.observed[list(places)].sum()]), np.array([wide.sums.expected[list(places)].sum()])
        )
        size = len(places)
        return float(likelihood_ratio(sums, dispersion)[0]) - math.log(math.comb(width, size)) - size

    subsets = [places for size in range(1, width) for places in combinations(range(width), size)]
    best = max(score(places) for places in subsets)
    found = [*values([wide], total(wide.sums), dispersion), *unions([wide], total(wide.sums), dispersion)]
    assert max(one.score for one in found) <= best + 1e-9
    # Ratios are tried at the prefixes only: one case in thousands loses a little.
    assert max(one.score for one in found) >= best - 0.05


def test_a_pair_costs_the_look_at_all_pairs_and_three() -> None:
    cells = list(product("ab", "cd"))
    counts = Sums(np.array([5.0, 50.0, 52.0, 48.0]), np.full(4, 50.0))
    columns = []
    for at, name in enumerate(("x", "y")):
        texts = sorted({cell[at] for cell in cells})
        places = np.array([texts.index(cell[at]) for cell in cells])
        columns.append(Column(name, texts, places, sums_at(places, counts, len(texts))))
    best = pairs(columns, counts, total(counts), 1.0)
    assert [named(one) for one in best] == ["x=a&y=c"]
    assert best[0].score == pytest.approx(5 * math.log(0.1) + 45 - math.log(4) - 3)


def test_at_most_fifteen_thousand_pairs_are_looked_at_those_of_which_most_was_expected() -> None:
    width = 130
    expected = np.arange(1.0, width * width + 1)
    counts = Sums(expected.copy(), expected)
    # The least voluminous pair is empty, and so is one that is looked at.
    counts.observed[[0, width * width - MOST_PAIRS]] = 0.0
    columns = []
    for name, places in (
        ("x", np.arange(width * width) // width),
        ("y", np.arange(width * width) % width),
    ):
        texts = [f"{at:03d}" for at in range(width)]
        columns.append(Column(name, texts, places, sums_at(places, counts, width)))
    best = pairs(columns, counts, total(counts), 1.0)
    assert [one.expected for one in best] == [width * width - MOST_PAIRS + 1]
    assert best[0].looked == pytest.approx(math.log(MOST_PAIRS))
