"""Seeded streams, and false alarms beside the credit handed out, for the tests of every detector."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from detectors.recursion import Floats, Recursion


class Ledger(NamedTuple):
    """False alarms and the credit they were budgeted with."""

    alarms: int
    credit: float

    @property
    def ratio(self) -> float:
        return self.alarms / self.credit


def ledger(evidence: Callable[[int], Floats], *, series: int, updates: int, credit: float) -> Ledger:
    """Alarms of so many independent series whose log evidence an update is `evidence(update)`."""
    first = evidence(0)
    recursion = Recursion(first.shape[1], series=series)
    granted, alarms = np.full(series, credit), 0
    for update in range(updates):
        levels = recursion.update(first if update == 0 else evidence(update), granted)
        fired = np.flatnonzero(levels >= 1)
        alarms += len(fired)
        recursion.reset(fired)
    return Ledger(alarms, credit * series * updates)


def poisson(mean: float, most: int) -> Floats:
    """P(N = n) for n = 0 … most."""
    logs = [
        n * math.log(mean) - mean - math.lgamma(n + 1) if mean > 0 else (0.0 if n == 0 else -math.inf)
        for n in range(most + 1)
    ]
    return np.exp(logs)


def negative_binomial(mean: float, dispersion: float, most: int) -> Floats:
    """P(N = n) for n = 0 … most, of variance dispersion · mean; a dispersion of 1 is Poisson."""
    if dispersion <= 1 + 1e-9 or mean == 0:
        return poisson(mean, most)
    k = mean / (dispersion - 1)
    logs = [
        math.lgamma(n + k)
        - math.lgamma(k)
        - math.lgamma(n + 1)
        - k * math.log(dispersion)
        + n * math.log1p(-1 / dispersion)
        for n in range(most + 1)
    ]
    return np.exp(logs)
