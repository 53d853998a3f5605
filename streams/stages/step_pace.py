"""How often a step is looked at: seconds between updates where things come, and how long nothing may come."""

from __future__ import annotations

import math

from detectors.steps.step_drop import StepDrop
from streams.stages.lanes import WHOLE

SLOWEST = 256
"""Longest interval between updates, seconds, unless the time to go on is longer than five hours."""
_DUE_PER_UPDATE = 0.25
_AGE_PART = 4
_AGES = 64
_LONGEST = 3600
"""Seconds after which those in flight are looked at in any case, or a 64th of the time to go on."""
_LEAST_SEEN = 20.0


def first_interval(within: int) -> int:
    """Seconds between updates of a step of which nothing is known; `within`: seconds a customer may stay in it."""
    return _interval(within / 2048, within)


def interval(drop: StepDrop, within: int) -> int | None:
    """Seconds between updates by what has been learnt; None where that is too little."""
    rate = float(drop.rate[WHOLE])
    if drop.hazards.seen.sum() < _LEAST_SEEN or rate <= 0:
        return None
    return _interval(min(_DUE_PER_UPDATE / rate, _mean_age(drop, within) / _AGE_PART), within)


def patience(due: float, youngest: int, within: int) -> float:
    """Seconds that nothing may be looked at while nothing comes: few are due, and they are old enough to wait.

    `due`: expected completions per second; `youngest`: seconds since the latest entry.
    """
    longest = max(_LONGEST, within // _AGES)
    wait = _DUE_PER_UPDATE / due if due > 0 else longest
    return min(wait, youngest / 2, longest)


def _mean_age(drop: StepDrop, within: int) -> float:
    by_bin = drop.hazards.completed.sum(axis=1)
    total = float(by_bin.sum())
    ages = drop.flight.aging.ages()[drop.flight.bins]
    return float((by_bin * ages).sum()) / total if total > 0 else float(within)


def _interval(wanted: float, within: int) -> int:
    """The largest power of two seconds that is not above what is wanted, nor 256 s or a 64th of the time to go on."""
    longest = min(max(SLOWEST, within / _AGES), 4096)
    return int(2 ** math.floor(math.log2(max(min(wanted, longest), 1.0))))
