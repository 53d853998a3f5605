"""Intervals for ratios and means with the series as unit: series are independent, ticks of one are not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ROUNDS = 2000


def ratio(numerator: Floats, denominator: Floats) -> tuple[float, float, float]:
    """Sum over sum, with its 95 % bootstrap interval over series. Arrays of shape (series,)."""
    chance = np.random.default_rng(7)
    count = len(numerator)
    drawn = chance.multinomial(count, np.full(count, 1 / count), _ROUNDS).astype(np.float64)
    above, below = drawn @ numerator, drawn @ denominator
    low, high = np.quantile(above / np.where(below > 0, below, np.nan), (0.025, 0.975))
    total = float(denominator.sum())
    return (float(numerator.sum()) / total if total else float("nan"), float(low), float(high))


def mean(values: Floats) -> tuple[float, float]:
    """Mean and standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
