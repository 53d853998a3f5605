"""False alarms for each one granted, under traffic that varies though nothing is wrong.

Every family runs on four groups of lanes: at the nominal rate and at the edge of what is tolerated, 1 − δ of those who
are due, with one false alarm granted a week and one an hour, to each series of its own. First they learn, then alarms
are counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection import intervals, nulls
from benchmarks.detection.delays import LAWS
from benchmarks.detection.nulls import DAY, Null
from benchmarks.detection.product import Product
from benchmarks.detection.traffic import COMPLETION, Traffic

Floats = NDArray[np.float64]

WEEK = 604_800
TOLERANCE = 0.1


def at_the_edge(tolerance: float) -> float:
    """Part of the completions that must get through so that 1 − `tolerance` of those due come.

    Who fails stays in flight and is due again. With G = pF the chance to have completed by an age,
    −ln(1 − p) − x·∫F dG/(1 − G) of all entrants are due, and x of them come.
    """
    hazard = -math.log(1 - COMPLETION)
    again = (hazard - COMPLETION) / COMPLETION
    return (1 - tolerance) * hazard / (1 + (1 - tolerance) * again) / COMPLETION


class Scale(NamedTuple):
    """How much is simulated."""

    weekly: int = 200
    """Series with a false alarm a week."""
    hourly: int = 20
    """Series with one an hour."""
    days: float = 7
    """Days counted."""
    tick: int = 10
    """Seconds."""
    rate: float = 0.3
    """Completions per second of each series."""
    most_learning: float = 28
    """Days of learning at most."""


QUICK = Scale(weekly=40, hourly=10, days=0.5, tick=20, most_learning=0.5)


class Group(NamedTuple):
    """Lanes alike."""

    name: str
    budget: str
    lanes: slice


def groups(scale: Scale) -> list[Group]:
    """Nominal and edge, by the week and by the hour."""
    made, start = [], 0
    for budget, lanes in (("week", scale.weekly), ("hour", scale.hourly)):
        for name in ("nominal", "edge"):
            made.append(Group(name, budget, slice(start, start + lanes)))
            start += lanes
    return made


def measure(make: Callable[[], Null], scale: Scale, seed: int = 0, *, frozen: bool = False) -> Iterator[dict[str, Any]]:
    """A row for each group; `frozen`: the baseline is no longer learnt once alarms are counted."""
    null = make()
    parts = groups(scale)
    lanes = parts[-1].lanes.stop
    credit: Floats = np.zeros(lanes)
    passing: Floats = np.ones(lanes)
    for part in parts:
        credit[part.lanes] = 1 / WEEK if part.budget == "week" else 1 / 3600
        if part.name == "edge":
            passing[part.lanes] = at_the_edge(TOLERANCE)
    traffic = Traffic(lanes, scale.rate, LAWS["log-normal"], null, tick=scale.tick, seed=seed)
    product = Product(lanes, scale.tick, credit, whole=True)
    learning = min(null.learning_days, scale.most_learning)
    early = _count(traffic, product, int(learning * DAY / scale.tick))
    traffic.passing = passing
    product.learning = not frozen
    before = product.granted.copy()
    alarms = _count(traffic, product, int(scale.days * DAY / scale.tick))
    granted = product.granted - before
    family = null.name + (", baseline frozen" if frozen else "")
    yield from (row(family, part, scale, learning, alarms, granted, early) for part in parts)
    if isinstance(null, nulls.Shocks):
        yield _outage(traffic, product, parts[0], null.name)


def row(
    family: str, part: Group, scale: Scale, learning: float, alarms: Floats, granted: Floats, early: Floats
) -> dict[str, Any]:
    """What came of one group: alarms, those granted and those while learning are of each lane."""
    ratio, low, high = intervals.ratio(alarms[part.lanes], granted[part.lanes])
    watched = granted[part.lanes] > 0
    each = np.sort(alarms[part.lanes][watched] / granted[part.lanes][watched])
    worst = each[-max(len(each) // 10, 1) :]
    return {
        "family": family,
        "rate": part.name,
        "one_false_alarm_a": part.budget,
        "series": int(granted[part.lanes].size),
        "series_weeks": round(granted[part.lanes].size * scale.days / 7, 1),
        "alarms": int(alarms[part.lanes].sum()),
        "granted": round(float(granted[part.lanes].sum()), 1),
        "ratio": round(ratio, 3),
        "interval": [round(low, 3), round(high, 3)],
        "worst_decile": round(float(worst.mean()), 2),
        "alarms_while_learning": int(early[part.lanes].sum()),
        "days_of_learning": learning,
    }


def _count(traffic: Traffic, product: Product, ticks: int) -> Floats:
    """Alarms of each lane."""
    alarms: Floats = np.zeros(traffic.lanes)
    for _ in range(ticks):
        np.add.at(alarms, product.take(traffic.step()), 1.0)
    return alarms


def _outage(traffic: Traffic, product: Product, part: Group, family: str) -> dict[str, Any]:
    """How soon a total outage is seen in the midst of shocks; where an alarm stands already it has been told."""
    traffic.passing = 0.0
    standing = product.ill[part.lanes].copy()
    seen: Floats = np.full(part.lanes.stop - part.lanes.start, np.nan)
    for passed in range(1, 1 + 6 * 3600 // traffic.tick_seconds):
        alarms = product.take(traffic.step())
        alarms = alarms[alarms < part.lanes.stop]
        fresh = alarms[np.isnan(seen[alarms])]
        seen[fresh] = passed * traffic.tick_seconds
        if not np.isnan(seen[~standing]).any():
            break
    seen = seen[~standing]
    return {
        "family": family,
        "total_outage_seconds": {
            "median": float(np.nanmedian(seen)),
            "p90": float(np.nanquantile(seen, 0.9)),
            "largest": float(np.nanmax(seen)),
        },
        "alarm_stood_already": int(standing.sum()),
        "not_seen": int(np.isnan(seen).sum()),
        "drift": round(float(np.median(np.sqrt(product.step.dispersion.drift[part.lanes]))), 3),
        "dispersion": round(float(np.median(product.step.dispersion.slow[part.lanes])), 2),
    }
