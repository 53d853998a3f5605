"""How long customers take who go on: laws of the delay between entering a step and completing it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DelayLaw:
    """A law of delays in seconds, by how it is drawn."""

    name: str
    draw: Callable[[np.random.Generator, int], Floats]
    """So many delays in seconds, each > 0."""

    def hazards(self, completion: float, within: int, tick: int) -> Floats:
        """q_a: the chance to complete in a tick of one who entered a ticks before and is still in flight.

        `completion`: probability to complete ever, if `within` were endless. `within` and `tick` in seconds. Shape
        (within / tick,). Customers enter at any moment of their tick. Taken from four million draws, the tail smoothed
        by the bins it falls in, so that every law is treated alike.
        """
        chance = np.random.default_rng(20_260_105)
        draws = 4_000_000
        ages = np.floor(self.draw(chance, draws) / tick + chance.random(draws))
        count = np.bincount(ages[ages < within // tick].astype(np.int64), minlength=within // tick)
        share = _smoothed(count / draws) * completion
        before = 1.0 - np.concatenate([[0.0], np.cumsum(share)[:-1]])
        hazards: Floats = share / before
        return hazards


def _smoothed(share: Floats) -> Floats:
    """Means over bins that widen with age, from 60 ticks on: a sixteenth of the age."""
    smooth = share.copy()
    start = 60
    while start < len(share):
        end = min(start + max(start // 16, 1), len(share))
        smooth[start:end] = share[start:end].mean()
        start = end
    return smooth


def _log_normal(chance: np.random.Generator, size: int) -> Floats:
    return 60.0 * np.exp(chance.standard_normal(size))


def _exponential(chance: np.random.Generator, size: int) -> Floats:
    return chance.standard_exponential(size) * (60.0 / math.log(2.0))


def _gamma(chance: np.random.Generator, size: int) -> Floats:
    return chance.gamma(3.0, 60.0 / 2.674, size)


def _bimodal(chance: np.random.Generator, size: int) -> Floats:
    at_once = chance.random(size) < 0.6
    return np.where(at_once, 20.0, 600.0) * np.exp(0.4 * chance.standard_normal(size))


def _heavy(chance: np.random.Generator, size: int) -> Floats:
    draws: Floats = chance.weibull(0.6, size) * (60.0 / math.log(2.0) ** (1 / 0.6))
    return draws


LAWS = {
    law.name: law
    for law in (
        DelayLaw("log-normal", _log_normal),
        DelayLaw("exponential", _exponential),
        DelayLaw("gamma", _gamma),
        DelayLaw("bimodal", _bimodal),
        DelayLaw("heavy", _heavy),
    )
}
"""Median 60 s, but for `bimodal`: three in five about 20 s, the others about 10 min. `heavy`: Weibull of shape 0.6."""
