"""The sets of cells that may have fallen: values, unions of values of one dimension, pairs of values.

Each is weighed by its likelihood ratio, one lower ratio in S against the usual everywhere,
ℓ(S) = (N ln ρ̂ + (1 − ρ̂)μ)/φ with ρ̂ = min(1, N/μ), less what it costs to have looked at many of its kind.
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.recursion import Floats
from detectors.steps.attribution import Conditions

MOST_PAIRS = 15_000
"""Pairs that are candidates: those of which most was expected."""
_PER_VALUE = 1.0
_PER_PAIR = 3.0
_LEAST = 1e-300
"""Stands for a ratio of 0 where its logarithm is taken."""
_DIGITS = 9
"""Scores that agree to so many decimals tie, and the text decides."""

Places = NDArray[np.intp]


class Sums(NamedTuple):
    """N and μ of sets, arrays of one shape."""

    observed: Floats
    expected: Floats


class Column(NamedTuple):
    """One dimension: the values that are candidates in the order of their text, and each cell's place among them.

    Cells of other values have the place after the last.
    """

    name: str
    values: list[str]
    places: Places
    sums: Sums


class Candidate(NamedTuple):
    """One set of cells."""

    score: float
    conditions: tuple[Conditions, ...]
    """Conjunctions whose union it is, in the order of their text."""
    observed: float
    expected: float
    looked: float
    """ln of the number of candidates of its kind."""

    @property
    def rank(self) -> tuple[float, int, tuple[Conditions, ...]]:
        """The smallest is the best: score, then fewer conditions, then text."""
        return (-round(self.score, _DIGITS), sum(map(len, self.conditions)), self.conditions)


def likelihood_ratio(sums: Sums, dispersion: float) -> Floats:
    """ℓ of each set in nats; 0 where as much came as was expected."""
    observed, expected = sums
    less = (observed > 0) & (observed < expected)
    logs = np.log(np.divide(observed, expected, out=np.ones_like(expected), where=less))
    ratio: Floats = (observed * logs + np.maximum(expected - observed, 0.0)) / dispersion
    return ratio


def sums_at(places: Places, cells: Sums, width: int) -> Sums:
    """Sums of the cells at each place, shape (width,)."""
    observed, expected = (np.asarray(np.bincount(places, each, width), dtype=np.float64) for each in cells)
    return Sums(observed, expected)


def values(columns: list[Column], total: Sums, dispersion: float) -> list[Candidate]:
    """The best single values. `total`: of all cells, each of shape ()."""
    looked = _log(sum(int(_parts(column.sums, total).sum()) for column in columns))
    found = []
    for column in columns:
        scores = likelihood_ratio(column.sums, dispersion) - looked - _PER_VALUE
        best = _best(scores, _parts(column.sums, total))
        found += [_candidate(scores, (((column.name, column.values[at]),),), column.sums, at, looked) for at in best]
    return found


def unions(columns: list[Column], total: Sums, dispersion: float) -> list[Candidate]:
    """The best unions of two and more, but not all, values of one dimension.

    Every prefix of the values by N/μ gives a ratio (Neill 2012, *Fast subset scan for spatial pattern detection*), and
    for a ratio the best set is found at once: each value adds its own part of ℓ, so the k values with the largest
    parts, k where they exceed by most what a set of k costs (Speakman et al. 2016, *Penalized fast subset scanning*).
    A bare prefix would take along every tiny value that happens to be empty.
    """
    widths = [int((column.sums.expected > 0).sum()) for column in columns]
    subsets = [sum(math.comb(width, size) for width in widths) for size in range(max(widths, default=0) + 1)]
    looked = np.array([_log(count) for count in subsets])
    found = []
    for column, width in zip(columns, widths, strict=True):
        if width < 3:
            continue
        observed, expected = column.sums
        ratios = np.divide(observed, expected, out=np.full_like(expected, np.inf), where=expected > 0)
        order = np.argsort(ratios, kind="stable")[:width]
        observed, expected = observed[order], expected[order]
        ratio = np.clip(np.cumsum(observed) / np.cumsum(expected), _LEAST, 1.0)[:, None]
        gains = (observed * np.log(ratio) + (1 - ratio) * expected) / dispersion
        by_gain = np.argsort(-gains, axis=1, kind="stable")
        sizes = np.arange(1, width)
        costs = looked[1:width] + _PER_VALUE * sizes
        gained = np.cumsum(np.take_along_axis(gains, by_gain, axis=1), axis=1)[:, :-1]
        most = np.argmax(gained - costs, axis=1)
        taken = np.zeros(gains.shape, dtype=np.bool_)
        np.put_along_axis(taken, by_gain, np.arange(width) <= most[:, None], axis=1)
        sums = Sums(taken @ observed, taken @ expected)
        scores = likelihood_ratio(sums, dispersion) - costs[most]
        # Prefixes with much the same ratio give the same set.
        distinct = {taken[at].tobytes(): at for at in _best(scores, _parts(sums, total) & (most > 0))}
        for at in distinct.values():
            conditions = tuple(((column.name, column.values[place]),) for place in sorted(order[taken[at]]))
            found.append(_candidate(scores, conditions, sums, at, float(looked[most[at] + 1])))
    return found


def pairs(columns: list[Column], cells: Sums, total: Sums, dispersion: float) -> list[Candidate]:
    """The best pairs of values of two dimensions."""
    crossed = [(one, other, _crossed(one, other, cells)) for one, other in combinations(columns, 2)]
    if not crossed:
        return []
    sums = Sums(*(np.concatenate(grids) for grids in zip(*(grid for *_, grid in crossed), strict=True)))
    parts = _parts(sums, total)
    if parts.sum() > MOST_PAIRS:
        # Those that tie with the first one too many go too: their order says nothing.
        parts &= sums.expected > np.partition(sums.expected[parts], -MOST_PAIRS - 1)[-MOST_PAIRS - 1]
    looked = _log(int(parts.sum()))
    scores = likelihood_ratio(sums, dispersion) - looked - _PER_PAIR
    starts = np.cumsum([0, *(grid.expected.size for *_, grid in crossed)])
    found = []
    for at in _best(scores, parts):
        grid = int(np.searchsorted(starts, at, side="right")) - 1
        one, other, _ = crossed[grid]
        row, column = divmod(int(at - starts[grid]), len(other.values))
        condition = ((one.name, one.values[row]), (other.name, other.values[column]))
        found.append(_candidate(scores, (condition,), sums, at, looked))
    return found


def _crossed(one: Column, other: Column, cells: Sums) -> Sums:
    """Sums of every pair of values, row by row."""
    rows, width = len(one.values) + 1, len(other.values) + 1
    sums = sums_at(one.places * width + other.places, cells, rows * width)
    observed, expected = (grid.reshape(rows, width)[:-1, :-1].ravel() for grid in sums)
    return Sums(observed, expected)


def _parts(sums: Sums, total: Sums) -> NDArray[np.bool_]:
    """Which sets can be told from everything: something is expected in them, and something outside."""
    parts: NDArray[np.bool_] = (sums.expected > 0) & (sums.expected < total.expected)
    return parts


def _best(scores: Floats, parts: NDArray[np.bool_]) -> Places:
    """Places of the best sets: several where they tie."""
    rounded = np.where(parts, np.round(scores, _DIGITS), -np.inf)
    return np.flatnonzero(parts & (rounded == rounded.max(initial=-np.inf)))


def _candidate(scores: Floats, conditions: tuple[Conditions, ...], sums: Sums, at: np.intp, looked: float) -> Candidate:
    return Candidate(float(scores[at]), conditions, float(sums.observed[at]), float(sums.expected[at]), looked)


def _log(count: int) -> float:
    return math.log(max(count, 1))
