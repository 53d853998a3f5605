"""Which segments fell: the value, the union of values of one dimension or the pair of values that explains a deficit.

The best candidate is named, unless the rest has fallen too or naming it says too little more than "everywhere".
Rules and thresholds: detection.md section 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from detectors.recursion import Floats
from detectors.steps.attribution import Attribution, Ratio, everywhere, somewhere, untold
from detectors.steps.candidates import Candidate, Column, Sums, likelihood_ratio, pairs, sums_at, unions, values

MOST_VALUES = 200
"""Values that are candidates: those of which most was expected."""
_LOW = 3.0
"""ℓ above which the complement is low itself, and what naming S must gain over naming nothing."""
_MOST_OF_IT = 0.8
"""Share of the deficit from which S is named although the complement is low too."""


class SubsetScan:
    """The cells of one step, coded once; `attribute` for every look at their counts.

    Parameters
    ----------
    cells
        Segment values of each cell, one per dimension. `unknown` and `other` are values like any other. A cell may come
        more than once; the order of cells does not matter, to the bit. Raises ValueError where one has another width.
    dimensions
        Names of the dimensions, in the order of a cell's values.

    3,000 cells of 4 dimensions take about 1 ms to code and 1 ms to look at.

    Examples
    --------
    >>> import numpy as np
    >>> from detectors.steps.subset_scan import SubsetScan
    >>> cells = [("mobile", "kyiv"), ("mobile", "lviv"), ("desktop", "kyiv"), ("desktop", "lviv")]
    >>> scan = SubsetScan(cells, ["device", "region"])
    >>> found = scan.attribute(np.array([11.0, 13.0, 51.0, 47.0]), np.full(4, 50.0))
    >>> found.segments
    ({'device': 'mobile'},)
    >>> print(found.explanation.partition(":")[0])
    device=mobile explains 97 % of what is missing
    >>> print(found.outside)
    0.98 (0.80–1.19)
    """

    def __init__(self, cells: Sequence[tuple[str, ...]], dimensions: Sequence[str]) -> None:
        if set(map(len, cells)) - {len(dimensions)}:
            raise ValueError(f"expected {len(dimensions)} values in every cell, one per dimension")
        self.dimensions = tuple(dimensions)
        self._cells = len(cells)
        self._values: list[list[str]] = []
        self._places = []
        for texts in zip(*cells, strict=True):
            listed = sorted(set(texts))
            place = {value: at for at, value in enumerate(listed)}
            self._values.append(listed)
            self._places.append(np.fromiter(map(place.__getitem__, texts), dtype=np.intp, count=len(texts)))

    def attribute(
        self, observed: Floats, expected: Floats, dispersion: float = 1.0, tolerance: float = 0.0
    ) -> Attribution:
        """Name the segments that explain a deficit.

        Parameters
        ----------
        observed, expected
            N and μ of each cell since the change, shape (cells,), finite and ≥ 0.
        dispersion
            φ ≥ 1, variance of a count divided by its mean.
        tolerance
            What may be missing from the rest before it counts as low, 0 ≤ tolerance < 1: the null of the alarm, with
            what the baseline does not know. At 0 a baseline that is 3 % too high turns every small segment of a busy
            step into "everywhere".

        Raises ValueError for anything else.
        """
        if not (dispersion >= 1 and math.isfinite(dispersion) and 0 <= tolerance < 1):
            raise ValueError(f"expected a dispersion ≥ 1 and 0 ≤ tolerance < 1, got {dispersion} and {tolerance}")
        counts = Sums(_exact(observed, self._cells), _exact(expected, self._cells))
        total = Sums(counts.observed.sum(), counts.expected.sum())
        columns = _most_voluminous(self._columns(counts))
        found = [
            *values(columns, total, dispersion),
            *unions(columns, total, dispersion),
            *pairs(columns, counts, total, dispersion),
        ]
        best = min(found, key=lambda candidate: candidate.rank, default=None)
        return _judge(best, float(total.observed), float(total.expected), dispersion, tolerance)

    def _columns(self, counts: Sums) -> list[Column]:
        columns = []
        for name, listed, places in zip(self.dimensions, self._values, self._places, strict=bool(self._cells)):
            columns.append(Column(name, listed, places, sums_at(places, counts, len(listed))))
        return columns


def attribute(
    cells: Sequence[tuple[str, ...]],
    dimensions: Sequence[str],
    observed: Floats,
    expected: Floats,
    dispersion: float = 1.0,
    tolerance: float = 0.0,
) -> Attribution:
    """One look at cells that are not looked at again."""
    return SubsetScan(cells, dimensions).attribute(observed, expected, dispersion, tolerance)


def _judge(
    best: Candidate | None, observed: float, expected: float, dispersion: float, tolerance: float
) -> Attribution:
    if not expected > 0:
        return untold(observed, expected, None, -math.inf)
    overall = Ratio.of(observed, expected, dispersion)
    if best is None:
        # One value per dimension, or no dimension at all.
        found = everywhere(overall, -math.inf)
        return found if observed < expected else untold(observed, expected, overall, -math.inf)
    if best.score < 0:
        return untold(observed, expected, overall, best.score)
    came, due = observed - best.observed, expected - best.expected
    here, elsewhere, together, low = likelihood_ratio(
        Sums(
            np.array([best.observed, came, observed, came]),
            np.array([best.expected, due, expected, due * (1 - tolerance)]),
        ),
        dispersion,
    )
    missing = best.expected - best.observed
    share = missing / max(missing, expected - observed)
    if (low > _LOW and share < _MOST_OF_IT) or here + elsewhere - together - best.looked < _LOW:
        return everywhere(overall, best.score)
    inside = Ratio.of(best.observed, best.expected, dispersion)
    outside = Ratio.of(came, due, dispersion)
    return somewhere(best.conditions, share, inside, outside, best.score)


def _exact(counts: Floats, cells: int) -> Floats:
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


def _most_voluminous(columns: list[Column]) -> list[Column]:
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
        chosen = sorted(at for _, name, _, at in ranked[:MOST_VALUES] if name == column.name)
        moved = np.full(len(column.values), len(chosen), dtype=np.intp)
        moved[chosen] = np.arange(len(chosen))
        sums = Sums(column.sums.observed[chosen], column.sums.expected[chosen])
        kept.append(Column(column.name, [column.values[at] for at in chosen], moved[column.places], sums))
    return kept
