"""Estimates with their n and 95 % interval, from exact integer sums.

Every number that leaves Touchline is an `Estimate`. Formulas and golden values: docs/reference/signals.md. Below
`min_n` observations value and interval are absent, n is always there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from streams.fields import SCALE
from streams.histogram import Z, quantile_interval

MIN_N = 30
"""Fewest observations for which a value is shown, unless the file says otherwise."""

_ZZ = Z * Z
_NPS_PROMOTERS = 0.75
_NPS_DETRACTORS = 0.75
_NPS_ALL = 3.0


class Estimate(msgspec.Struct, frozen=True):
    """A number, how many observations it rests on, and the interval that holds the truth 95 times in 100."""

    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


def nps(promoters: int, detractors: int, n: int, min_n: int = MIN_N) -> Estimate:
    """Net promoter score, −100…100, with the adjusted Wald interval clipped to that range.

    Three pseudo-answers (0.75 promoters, 1.5 passives, 0.75 detractors) keep five promoters out of five from looking
    certain: 100 [17.5, 100]. Rocks, *Interval estimation for the net promoter score* (The American Statistician 2016).
    """
    if n < max(min_n, 1):
        return Estimate(n)
    total = n + _NPS_ALL
    up = (promoters + _NPS_PROMOTERS) / total
    down = (detractors + _NPS_DETRACTORS) / total
    centre = up - down
    reach = Z * math.sqrt((up + down - centre * centre) / total)
    return Estimate(
        n,
        100 * (promoters - detractors) / n,
        max(100 * (centre - reach), -100.0),
        min(100 * (centre + reach), 100.0),
    )


def share(hits: int, n: int, min_n: int = MIN_N) -> Estimate:
    """Share of n with the Wilson score interval, 0…1.

    More hits than n (completions of earlier entrants, a numerator whose events are not a subset) count as n.
    """
    if n < max(min_n, 1):
        return Estimate(n)
    p = min(hits, n) / n
    centre = (p + _ZZ / (2 * n)) / (1 + _ZZ / n)
    reach = Z / (1 + _ZZ / n) * math.sqrt(p * (1 - p) / n + _ZZ / (4 * n * n))
    # At the ends the bound is the value itself; rounding must not take it past.
    low = 0.0 if p == 0 else max(centre - reach, 0.0)
    high = 1.0 if p == 1 else min(centre + reach, 1.0)
    return Estimate(n, p, low, high)


def mean(n: int, total: int, squares: int, min_n: int = MIN_N, scale: tuple[float, float] | None = None) -> Estimate:
    """Mean with the normal interval ± Z·s/√n, clipped to the scale of the answers where there is one.

    `total` is the sum of the values scaled by 1e6, `squares` the sum of their squares scaled by 1e12. The sample
    variance is formed from these integers, so it does not lose digits to cancellation. One observation has no interval.
    """
    if n < max(min_n, 1):
        return Estimate(n)
    value = total / (n * SCALE)
    if n < 2:
        return Estimate(n, value)
    variance = (n * squares - total * total) / (n * (n - 1) * SCALE * SCALE)
    reach = Z * math.sqrt(max(variance, 0.0) / n)
    low, high = value - reach, value + reach
    if scale is not None:
        low, high = max(low, scale[0]), min(high, scale[1])
    return Estimate(n, value, low, high)


def rate(n: int, seconds: int, min_n: int = MIN_N) -> Estimate:
    """Events per minute over `seconds` of observation, with Byar's interval for a Poisson count.

    Breslow & Day, *Statistical Methods in Cancer Research II* (1987), section 2.3.
    """
    if n < max(min_n, 1) or seconds <= 0:
        return Estimate(n)
    minutes = seconds / 60
    low = n * (1 - 1 / (9 * n) - Z / (3 * math.sqrt(n))) ** 3
    above = n + 1
    high = above * (1 - 1 / (9 * above) + Z / (3 * math.sqrt(above))) ** 3
    return Estimate(n, n / minutes, max(low, 0.0) / minutes, high / minutes)


def total(n: int, sum_: int, squares: int, min_n: int = MIN_N) -> Estimate:
    """Sum of the values; the interval takes arrivals as Poisson, so its variance is the sum of squares.

    `sum_` is scaled by 1e6 and `squares` by 1e12.
    """
    if n < max(min_n, 1):
        return Estimate(n)
    value = sum_ / SCALE
    reach = Z * math.sqrt(squares) / SCALE
    return Estimate(n, value, value - reach, value + reach)


def percentile(counts: Mapping[int, int], q: float, min_n: int = MIN_N) -> Estimate:
    """Quantile q (0…1) of a histogram of `streams.histogram`, within 1 %, with its order-statistic interval."""
    n = sum(counts.values())
    if n < max(min_n, 1):
        return Estimate(n)
    found = quantile_interval(counts, q)
    return Estimate(n, found.value, found.low, found.high)
