"""The one recursion of all e-detectors: R ← (R + w)·e, averaged over alternatives, an alarm at 1.

While nothing is wrong E[e | past] ≤ 1, so the expectation of R̄ grows by no more than the credit w handed out, and
every alarm uses up 1 of it: the expected number of alarms in any period is at most the credit handed out in it, with
restarts, gaps, updates of any length, and any dependence between series. Shin, Ramdas & Rinaldo, *E-detectors* (2022),
with credit in place of a fixed threshold.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RATIOS: Floats = np.array([0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.88, 0.94, 0.97])
"""Alternatives of a drop: what is left of the rate. Not 0, as one straggler would end all evidence."""

PENDING = 0.1
"""Level from which a series is pending: watched more closely, nobody is told."""
_CEILING = 1e40
_MOST = 600.0
"""Largest exponent taken; cutting evidence off above keeps the guarantee."""


class Recursion:
    """R of many series at once, each over the same alternatives.

    Cost about 20 ns per series and alternative and update; memory 8 bytes for each.

    Parameters
    ----------
    alternatives
        Number of alternatives, at least 1.
    series
        Number of series to begin with.
    weights
        Shape (alternatives,), non-negative with sum 1; None: all the same.

    Examples
    --------
    >>> import numpy as np
    >>> recursion = Recursion(1, series=1)
    >>> levels = [recursion.update(np.array([[np.log(2.0)]]), np.array([0.1]))[0] for _ in range(3)]
    >>> [round(float(level), 3) for level in levels]
    [0.2, 0.6, 1.4]
    """

    def __init__(self, alternatives: int, *, series: int = 0, weights: Floats | None = None) -> None:
        if alternatives < 1:
            raise ValueError(f"expected at least 1 alternative, got {alternatives}")
        self.weights: Floats = (
            np.full(alternatives, 1.0 / alternatives) if weights is None else np.asarray(weights, dtype=np.float64)
        )
        if self.weights.shape != (alternatives,) or self.weights.min() < 0 or abs(self.weights.sum() - 1) > 1e-9:
            raise ValueError("expected one non-negative weight per alternative, with sum 1")
        self.values: Floats = np.zeros((series, alternatives))
        """R, shape (series, alternatives)."""

    def __len__(self) -> int:
        return len(self.values)

    def extend(self, series: int) -> None:
        """So many more series, without evidence."""
        self.values = np.concatenate([self.values, np.zeros((series, self.values.shape[1]))])

    @property
    def levels(self) -> Floats:
        """R̄ of every series, shape (series,)."""
        # Not a product of matrices, whose last bit for one series depends on how many others there are.
        levels: Floats = np.einsum("ij,j->i", self.values, self.weights)
        return levels

    def update(self, log_e: Floats, credit: Floats) -> Floats:
        """One update of every series; returns R̄. Whoever sees an alarm calls `reset` for its rows.

        `log_e`: shape (series, alternatives), the logarithm of each e; 0 where there is nothing to say. `credit`:
        shape (series,), each w ≥ 0; 0 grants no alarm.
        """
        values = self.values
        # Whoever goes on after an alarm without `reset` must not leave what a float can hold.
        np.minimum(values, _CEILING, out=values)
        values += credit[:, None]
        values *= np.exp(np.minimum(log_e, _MOST))
        return self.levels

    def reset(self, rows: NDArray[np.intp] | list[int]) -> None:
        """These series alarmed, or begin anew."""
        self.values[rows] = 0.0

    def best(self, row: int) -> int:
        """The alternative with the most evidence."""
        return int(np.argmax(self.values[row] * self.weights))

    def snapshot(self) -> bytes:
        """All values, for `restore`."""
        return self.values.astype("<f8").tobytes()

    def restore(self, body: bytes) -> None:
        """Take what `snapshot` wrote; the number of series follows. Raises ValueError when it does not fit."""
        alternatives = self.values.shape[1]
        if len(body) % (8 * alternatives):
            raise ValueError(f"expected a multiple of {8 * alternatives} bytes, got {len(body)}")
        self.values = np.frombuffer(body, "<f8").reshape(-1, alternatives).copy()
