"""Mergeable histogram with logarithmic buckets: quantiles with a relative error of at most 1 %.

A value falls into the bucket whose bounds are powers of GAMMA around it, so counts of different ticks, partitions and
segments merge by adding integers. Zero has its own bucket, negative values mirror the positive ones, and buckets are
ordered as their values are. Masson, Rim & Lee, *DDSketch* (VLDB 2019), section 2.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import msgspec

ACCURACY = 0.01
"""Largest relative error of a quantile."""
GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
SMALLEST = 1e-9
"""Values nearer to zero than this count as zero."""
Z = 1.959964
"""Two-sided 95 % point of the normal distribution."""

_LOG_GAMMA = math.log(GAMMA)
_OFFSET = 1 - math.ceil(math.log(SMALLEST) / _LOG_GAMMA)


class Quantile(msgspec.Struct, frozen=True):
    """An estimated quantile with the bounds of its 95 % interval, in the unit of the values."""

    value: float
    low: float
    high: float


def bucket(value: float) -> int:
    """Bucket of a finite value; buckets sort as their values do, 0 is the bucket of zero.

    Raises ValueError or OverflowError for NaN and infinities.
    """
    if value >= SMALLEST:
        return math.ceil(math.log(value) / _LOG_GAMMA) + _OFFSET
    if value <= -SMALLEST:
        return -math.ceil(math.log(-value) / _LOG_GAMMA) - _OFFSET
    if value != value:
        raise ValueError("NaN has no bucket: expected a finite number")
    return 0


def representative(index: int) -> float:
    """The value that stands for a bucket: within 1 % of everything in it."""
    if index == 0:
        return 0.0
    magnitude = 2 * math.exp((abs(index) - _OFFSET) * _LOG_GAMMA) / (GAMMA + 1)
    return magnitude if index > 0 else -magnitude


def merge(histograms: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """One histogram of all observations."""
    merged: dict[int, int] = {}
    for counts in histograms:
        for index, count in counts.items():
            merged[index] = merged.get(index, 0) + count
    return merged


def quantile(counts: Mapping[int, int], q: float) -> float:
    """The value of rank ceil(q·n), 0 ≤ q ≤ 1. Raises ValueError without observations."""
    n = sum(counts.values())
    return _at_ranks(counts, (_rank(n * q, n),))[0]


def quantile_interval(counts: Mapping[int, int], q: float) -> Quantile:
    """The quantile with its 95 % interval from the order statistics n·q ± Z·√(n·q·(1−q)), rounded outwards.

    Near the ends of the distribution (p99 of 30 values) the interval stops at the smallest or largest value seen.
    Raises ValueError without observations.
    """
    n = sum(counts.values())
    spread = Z * math.sqrt(n * q * (1 - q))
    low, value, high = _at_ranks(
        counts, (min(max(math.floor(n * q - spread), 1), n), _rank(n * q, n), _rank(n * q + spread, n))
    )
    return Quantile(value, low, high)


def _rank(position: float, n: int) -> int:
    # The hair keeps 0.9 * 30 = 27.000000000000004 at rank 27.
    return min(max(math.ceil(position - 1e-9), 1), n)


def _at_ranks(counts: Mapping[int, int], ranks: tuple[int, ...]) -> list[float]:
    """Values at ascending ranks, counted from 1."""
    found: list[float] = []
    passed = 0
    for index in sorted(counts):
        passed += counts[index]
        while len(found) < len(ranks) and passed >= ranks[len(found)]:
            found.append(representative(index))
        if len(found) == len(ranks):
            return found
    raise ValueError("a quantile needs at least one observation")
