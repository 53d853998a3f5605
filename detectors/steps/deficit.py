"""What is told of a drop once it is found: since when, how many should have come, how much is gone.

Customers who did not go on stay in flight and are expected again each second. That makes good evidence and bad book
keeping: the loss would be overstated 1.5 to 2.7 times. So the number that should have come is counted anew from those
who entered, as the baseline would have carried them on.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.recursion import RATIOS, Floats
from detectors.steps.flight import IN_FLIGHT, Flight
from detectors.steps.step_drop import ENTERED, EXPECTED, OBSERVED, StepDrop

_LEVEL_SINCE = 0.9
_LEVEL_SIZE = 0.95
_RATIO_GRID: Floats = np.concatenate([[0.0], np.geomspace(1e-4, 3.0, 1200)])


class Since(NamedTuple):
    """When a change began: seconds (UTC epoch) of the likeliest beginning and of the 90 % interval around it."""

    best: int
    low: int
    high: int


class Size(NamedTuple):
    """What is left of the expected completions: a ratio with its 95 % interval."""

    ratio: float
    low: float
    high: float


def since_when(step: StepDrop, lanes: NDArray[np.intp], dispersion: float) -> Since:
    """The beginning of the change in some lanes together, from their history of up to a day.

    For a change at each second the history tells apart, ln of the likelihood of what came since, under the best of the
    alternatives; the interval holds 90 % of the likelihood.
    """
    past = step.past
    observed = np.cumsum(past.counts[:, OBSERVED][:, lanes].sum(axis=1))
    expected = np.cumsum(past.counts[:, EXPECTED][:, lanes].sum(axis=1))
    log_e = (observed[:, None] * np.log(RATIOS) + (1 - RATIOS) * expected[:, None]) / max(dispersion, 1.0)
    best = int(np.argmax(log_e.max(axis=0)))
    curve = log_e[:, best]
    starts = np.array([past.start_of(slot) for slot in range(past.slots)], dtype=np.int64)
    chance = np.exp(curve - curve.max())
    # A slot stands for all the seconds it holds.
    chance *= np.maximum(np.diff(starts[::-1], append=past.tick + 1)[::-1], 1)
    chance /= chance.sum()
    order = np.argsort(-chance, kind="stable")
    enough = int(np.searchsorted(np.cumsum(chance[order]), _LEVEL_SINCE)) + 1
    held = order[:enough]
    first = int(starts[int(np.argmax(curve))])
    # Where a slot holds many seconds, the change lies somewhere between the slots beside it.
    oldest, youngest = int(held.max()), int(held.min())
    low = int(starts[min(oldest + 1, len(starts) - 1)]) + 1
    high = int(starts[youngest - 1]) - 1 if youngest else past.tick
    return Since(first, min(first, low), max(first, high))


def told_from(step: StepDrop, since: int) -> int:
    """The first second from `since` on with which a slot of the past begins, so that nothing of before is counted."""
    past = step.past
    slot = past.place(since)
    # The last slot of a level is empty every other time: its second is held by the next one already.
    while slot and (past.start_of(slot) < since or past.place(past.start_of(slot)) != slot):
        slot -= 1
    return max(since, past.start_of(slot))


def counted(step: StepDrop, lanes: NDArray[np.intp], since: int) -> tuple[Floats, Floats]:
    """N and μ of each of the lanes from second `since` on, as far as seconds are told apart."""
    slots = step.past.place(told_from(step, since)) + 1
    counts = step.past.counts[:slots, :, lanes].sum(axis=0)
    return counts[OBSERVED], counts[EXPECTED]


def should_have_come(step: StepDrop, lanes: NDArray[np.intp], since: int) -> Floats:
    """Completions since second `since` if nothing had changed, per lane: from everybody who entered.

    A customer of age a now had age a − t when the change began t seconds ago (or entered since): S(a−t) − S(a) of them
    go on meanwhile, S being the learnt chance to be still in the step at an age.
    """
    past = step.past
    ages = past.ages()
    elapsed = float(past.tick - told_from(step, since) + 1)
    left = survival(step.flight, step.hazards.rates[:, lanes])
    entered = past.counts[:, ENTERED][:, lanes]
    now = _at(left, ages + 1.0)
    then = _at(left, np.maximum(ages + 1.0 - elapsed, 0.0))
    due: Floats = (entered * np.maximum(then - now, 0.0)).sum(axis=0)
    return due


def survival(flight: Flight, rates: Floats) -> tuple[Floats, Floats]:
    """Ages at the edges of the bins, in seconds, and the part still in the step at them, shape (edges, lanes)."""
    ages = flight.aging.ages()
    starts = ages[flight.bins]
    edges = np.concatenate([np.floor(starts), [float(flight.aging.horizon) + 1.0]])
    edges[0] = 0.0
    # Nobody goes on in time after `within`; the last bins reach beyond it.
    edges = np.minimum(np.maximum.accumulate(edges), edges[-1])
    gone = np.concatenate([np.zeros((1, rates.shape[1])), np.cumsum(rates * np.diff(edges)[:, None], axis=0)])
    return edges, np.exp(-gone)


def _at(curve: tuple[Floats, Floats], ages: Floats) -> Floats:
    edges, left = curve
    at = np.clip(np.searchsorted(edges, ages, side="right") - 1, 0, len(edges) - 2)
    width = np.maximum(edges[at + 1] - edges[at], 1e-9)
    part = np.clip((ages - edges[at]) / width, 0.0, 1.0)[:, None]
    values: Floats = left[at] * (1 - part) + left[at + 1] * part
    return values


def size(observed: float, expected: float, dispersion: float) -> Size | None:
    """What is left of the rate, with the interval that a mixture e-process does not rule out at 5 %.

    With N observed and E expected, M(ρ) = ∫ Gamma(θ; ½, ½)·(θ/ρ)^N·exp(−(θ−ρ)E) dθ is an e-process against ρ; the
    interval is {ρ: M(ρ) < 20}, so it holds the truth whenever one looks. N and E are divided by φ. None while nothing
    is expected.
    """
    if expected <= 0:
        return None
    phi = max(dispersion, 1.0)
    n, e = observed / phi, expected / phi
    shape = rate = 0.5
    mixed = shape * math.log(rate) - math.lgamma(shape) + math.lgamma(shape + n) - (shape + n) * math.log(rate + e)
    with np.errstate(divide="ignore", invalid="ignore"):  # ln 0, where it is not used
        against = mixed - np.where(n > 0, n * np.log(_RATIO_GRID), 0.0) + _RATIO_GRID * e
    held = _RATIO_GRID[against < math.log(1 / (1 - _LEVEL_SIZE))]
    ratio = observed / expected
    if not len(held):
        return Size(ratio, ratio, ratio)
    return Size(ratio, min(float(held[0]), ratio), max(float(held[-1]), ratio))


def in_flight(step: StepDrop, lanes: NDArray[np.intp]) -> float:
    """Customers in flight in some lanes."""
    return float(step.flight.aging.counts[:, IN_FLIGHT][:, lanes].sum())
