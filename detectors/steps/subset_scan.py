"""Which segments fell: the value, the union of values of one dimension or the pair of values that explains a deficit.

Every candidate S is weighed by its likelihood ratio, one lower ratio in S against the usual everywhere,
ℓ(S) = (N ln ρ̂ + (1 − ρ̂)μ)/φ with ρ̂ = min(1, N/μ), less what it costs to have looked at many. Unions need no search
over all subsets: for a given ratio the best is a prefix of the values ordered by N/μ (Neill 2012, *Fast subset scan for
spatial pattern detection*). Rules and thresholds: detection.md section 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.recursion import Floats
from detectors.steps.attribution import Attribution, Conditions, Ratio, everywhere, somewhere, untold

MOST_VALUES = 200
"""Values that are candidates: those of which most was expected."""
MOST_PAIRS = 15_000
_PER_VALUE = 1.0
_PER_PAIR = 3.0
_LOW = 3.0
"""ℓ above which the complement is low itself, and what naming S must gain over naming nothing."""
_MOST_OF_IT = 0.8
"""Share of the deficit from which S is named although the complement is low too."""
_DIGITS = 9
"""Scores that agree to so many decimals tie, and the text decides."""

Codes = NDArray[np.intp]


class _Sums(NamedTuple):
    """N and μ of sets, arrays of the same shape, or of one set."""

    observed: Floats
    expected: Floats


class _Column(NamedTuple):
    """One dimension: the values that are candidates in the order of their text, and each cell's place among them.

    Cells of other values have the place after the last.
    """

    name: str
    values: list[str]
    codes: Codes
    sums: _Sums


class _Candidate(NamedTuple):
    score: float
    conditions: tuple[Conditions, ...]
    """In the order of their text."""
    observed: float
    expected: float
    looked: float
    """ln of the number of candidates of this kind."""

    @property
    def rank(self) -> tuple[float, int, tuple[Conditions, ...]]:
        """The smallest is the best: score, then fewer conditions, then text."""
        return (-round(self.score, _DIGITS), sum(map(len, self.conditions)), self.conditions)


def likelihood_ratio(observed: Floats, expected: Floats, dispersion: float) -> Floats:
    """ℓ of each set in nats; 0 where as much came as was expected. `observed` and `expected` ≥ 0, of one shape."""
    less = (observed > 0) & (observed < expected)
    logs = np.log(np.divide(observed, expected, out=np.ones_like(expected), where=less))
    ratio: Floats = (observed * logs + np.maximum(expected - observed, 0.0)) / dispersion
    return ratio


def attribute(
    cells: Sequence[tuple[str, ...]],
    dimensions: Sequence[str],
    observed: Floats,
    expected: Floats,
    dispersion: float = 1.0,
) -> Attribution:
    """Name the segments that explain a deficit.

    Parameters
    ----------
    cells
        Segment values of each cell, one per dimension. `unknown` and `other` are values like any other. A cell may come
        more than once; the order of cells does not matter, to the bit.
    dimensions
        Names of the dimensions, in the order of a cell's values.
    observed, expected
        N and μ of each cell since the change, shape (cells,), ≥ 0.
    dispersion
        φ, variance of a count divided by its mean, ≥ 1.

    Raises ValueError when shapes do not fit or numbers are out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from detectors.steps.subset_scan import attribute
    >>> cells = [("mobile", "kyiv"), ("mobile", "lviv"), ("desktop", "kyiv"), ("desktop", "lviv")]
    >>> found = attribute(cells, ["device", "region"], np.array([11.0, 13.0, 51.0, 47.0]), np.full(4, 50.0))
    >>> found.segments
    ({'device': 'mobile'},)
    >>> print(found.explanation[:42], found.outside)
    device=mobile explains 97 % of what is mis 0.98 (0.80–1.19)
    """
    if not (dispersion >= 1 and math.isfinite(dispersion)):
        raise ValueError(f"expected a dispersion of at least 1, got {dispersion}")
    if set(map(len, cells)) - {len(dimensions)}:
        raise ValueError(f"expected {len(dimensions)} values in every cell, one per dimension")
    counts = _Sums(_counts(observed, len(cells)), _counts(expected, len(cells)))
    total = _Sums(counts.observed.sum(), counts.expected.sum())
    columns = _most_voluminous(_columns(cells, dimensions, counts))
    found = [
        *_values(columns, total, dispersion),
        *_unions(columns, total, dispersion),
        *_pairs(columns, counts, total, dispersion),
    ]
    return _judge(min(found, key=lambda one: one.rank, default=None), total, dispersion)


def _judge(best: _Candidate | None, total: _Sums, dispersion: float) -> Attribution:
    observed, expected = float(total.observed), float(total.expected)
    overall = Ratio.of(observed, expected, dispersion) if expected > 0 else None
    score = -math.inf if best is None else best.score
    if overall is None or (best is not None and score < 0) or (best is None and observed >= expected):
        return untold(observed, expected, overall, score)
    if best is None:
        return everywhere(overall, score)
    sets = np.array([[best.observed, best.expected], [observed - best.observed, expected - best.expected], total])
    here, elsewhere, together = likelihood_ratio(*sets.T, dispersion).tolist()
    missing = best.expected - best.observed
    share = missing / max(missing, expected - observed)
    if (elsewhere > _LOW and share < _MOST_OF_IT) or here + elsewhere - together - best.looked < _LOW:
        return everywhere(overall, score)
    (came, due), (came_elsewhere, due_elsewhere), _ = sets.tolist()
    inside = Ratio.of(came, due, dispersion)
    outside = Ratio.of(came_elsewhere, due_elsewhere, dispersion)
    return somewhere(best.conditions, share, inside, outside, score)


# The cells


def _counts(counts: Floats, cells: int) -> Floats:
    """Checked, and rounded to multiples of a power of two so that their sums are exact, in any order."""
    counts = np.asarray(counts, dtype=np.float64)
    if counts.shape != (cells,):
        raise ValueError(f"expected shape ({cells},), got {counts.shape}")
    most = float(counts.max(initial=0.0))
    if not (math.isfinite(most) and counts.min(initial=0.0) >= 0):
        raise ValueError("expected finite counts of at least 0")
    unit = math.ldexp(1.0, math.frexp(most)[1] + cells.bit_length() - 52)
    rounded: Floats = np.round(counts / unit) * unit
    return rounded


def _columns(cells: Sequence[tuple[str, ...]], dimensions: Sequence[str], counts: _Sums) -> list[_Column]:
    columns = []
    for name, texts in zip(dimensions, zip(*cells, strict=True), strict=bool(cells)):
        values = sorted(set(texts))
        place = {value: at for at, value in enumerate(values)}
        codes = np.fromiter(map(place.__getitem__, texts), dtype=np.intp, count=len(texts))
        columns.append(_Column(name, values, codes, _Sums(*(np.bincount(codes, one, len(values)) for one in counts))))
    return columns


def _most_voluminous(columns: list[_Column]) -> list[_Column]:
    """The dimensions with no more values than can be looked at."""
    if sum(len(column.values) for column in columns) <= MOST_VALUES:
        return columns
    ranked = sorted(
        (-due, column.name, value, at)
        for column in columns
        for at, (value, due) in enumerate(zip(column.values, column.sums.expected.tolist(), strict=True))
    )
    kept = []
    for column in columns:
        places = sorted(at for _, name, _, at in ranked[:MOST_VALUES] if name == column.name)
        place = np.full(len(column.values), len(places), dtype=np.intp)
        place[places] = np.arange(len(places))
        sums = _Sums(*(one[places] for one in column.sums))
        kept.append(_Column(column.name, [column.values[at] for at in places], place[column.codes], sums))
    return kept


# The candidates


def _parts(sums: _Sums, total: _Sums) -> NDArray[np.bool_]:
    """Which sets can be told from everything: something is expected in them, and something outside."""
    parts: NDArray[np.bool_] = (sums.expected > 0) & (sums.expected < total.expected)
    return parts


def _best(scores: Floats, parts: NDArray[np.bool_]) -> Codes:
    """Places of the best sets: several where they tie."""
    scores = np.where(parts, np.round(scores, _DIGITS), -np.inf)
    return np.flatnonzero((scores == scores.max(initial=-np.inf)) & parts)


def _values(columns: list[_Column], total: _Sums, dispersion: float) -> list[_Candidate]:
    """The best single values."""
    count = sum(int(_parts(column.sums, total).sum()) for column in columns)
    looked = math.log(max(count, 1))
    found = []
    for column in columns:
        scores = likelihood_ratio(*column.sums, dispersion) - looked - _PER_VALUE
        for at in _best(scores, _parts(column.sums, total)):
            found.append(_candidate(scores[at], (((column.name, column.values[at]),),), column.sums, at, looked))
    return found


def _unions(columns: list[_Column], total: _Sums, dispersion: float) -> list[_Candidate]:
    """The best unions of two and more values of one dimension, as many as there are subsets of that size."""
    widths = [int((column.sums.expected > 0).sum()) for column in columns]
    subsets = [sum(math.comb(width, size) for width in widths) for size in range(max(widths, default=0) + 1)]
    looked = np.array([math.log(max(count, 1)) for count in subsets])
    found = []
    for column, width in zip(columns, widths, strict=True):
        observed, expected = column.sums
        ratios = np.divide(observed, expected, out=np.full_like(expected, np.inf), where=expected > 0)
        order = np.argsort(ratios, kind="stable")[:width]
        sums = _Sums(np.cumsum(observed[order]), np.cumsum(expected[order]))
        sizes = np.arange(1, width + 1)
        scores = likelihood_ratio(*sums, dispersion) - looked[sizes] - _PER_VALUE * sizes
        for at in _best(scores, _parts(sums, total) & (sizes > 1)):
            conditions = tuple(((column.name, column.values[place]),) for place in sorted(order[: at + 1]))
            found.append(_candidate(scores[at], conditions, sums, at, looked[at + 1]))
    return found


def _pairs(columns: list[_Column], counts: _Sums, total: _Sums, dispersion: float) -> list[_Candidate]:
    """The best pairs of values of two dimensions."""
    named: list[tuple[_Column, _Column]] = []
    grids: list[_Sums] = []
    for one, other in combinations(columns, 2):
        width = len(other.values) + 1
        codes = one.codes * width + other.codes
        cells = (len(one.values) + 1) * width
        grids.append(_Sums(*(np.bincount(codes, each, cells).reshape(-1, width)[:-1, :-1].ravel() for each in counts)))
        named.append((one, other))
    if not grids:
        return []
    sums = _Sums(np.concatenate([grid.observed for grid in grids]), np.concatenate([grid.expected for grid in grids]))
    parts = _parts(sums, total)
    if parts.sum() > MOST_PAIRS:
        # Equally voluminous ones at the end of the list all go, so that their order does not matter.
        least = np.partition(sums.expected[parts], -MOST_PAIRS - 1)[-MOST_PAIRS - 1]
        parts &= sums.expected > least
    looked = math.log(max(int(parts.sum()), 1))
    scores = likelihood_ratio(*sums, dispersion) - looked - _PER_PAIR
    ends = np.cumsum([grid.expected.size for grid in grids])
    found = []
    for at in _best(scores, parts):
        grid = int(np.searchsorted(ends, at, side="right"))
        one, other = named[grid]
        row, column = divmod(int(at - ends[grid] + grids[grid].expected.size), len(other.values))
        condition = ((one.name, one.values[row]), (other.name, other.values[column]))
        found.append(_candidate(scores[at], (condition,), sums, at, looked))
    return found


def _candidate(
    score: float, conditions: tuple[Conditions, ...], sums: _Sums, at: int | np.intp, looked: float
) -> _Candidate:
    return _Candidate(float(score), conditions, float(sums.observed[at]), float(sums.expected[at]), float(looked))
