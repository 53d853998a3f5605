"""False alarms of rises for each one granted: more who go on from a step, and more who arrive, though nothing is wrong.

Two watchers, as they run: `StepRise` beside a baseline that learns (`Product`), and `Counted` upward on the entrants of
a series. Each series has a budget of its own, one a week or one an hour, at the nominal rate and at the edge of what is
tolerated: 1 + δ of those who are due, 1 + δ of those who usually arrive. First they learn, then alarms are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.delays import LAWS
from benchmarks.detection.false_alarms import TOLERANCE, WEEK, Group, Scale, at_the_edge, groups, row
from benchmarks.detection.floods import lately
from benchmarks.detection.nulls import DAY, MONDAY, Batches, Campaigns, Integers, Null, Seasonal, Shocks
from benchmarks.detection.product import Product
from benchmarks.detection.traffic import WITHIN, Traffic
from detectors.series.counted import BLOCK, Counted
from detectors.steps.step_rise import Seen, StepRise

Floats = NDArray[np.float64]

SCALE = Scale(weekly=25, hourly=5, days=7, tick=30)
QUICK = Scale(weekly=4, hourly=2, days=0.5, tick=60, most_learning=0.5)
_MOST_COMPLETE = 1.65
"""Times 0.6: all complete."""


class Lifted(Null):
    """Another family, more of whose customers complete, or come, in some lanes."""

    def __init__(self, null: Null, lanes: int, edge: float) -> None:
        self._null = null
        self.name, self.party, self.learning_days = null.name, null.party, null.learning_days
        self.headroom = min(null.headroom * edge, _MOST_COMPLETE)
        self.lift: Floats = np.ones(lanes)

    def arrivals(self, seconds: Integers, lanes: int) -> Floats:
        return self._null.arrivals(seconds, lanes)

    def passing(self, seconds: Integers, lanes: int) -> Floats:
        factors: Floats = self._null.passing(seconds, lanes) * self.lift
        return factors


class Watched(NamedTuple):
    """What a tick came to: the lanes that alarm, and what was granted to each lane."""

    alarms: list[int]
    granted: Floats


def conversions(make: Callable[[], Null], scale: Scale, seed: int = 0) -> Iterator[dict[str, Any]]:
    """More go on from a step than should: a row for each group."""
    parts, credit, edge = _shape(scale)
    lanes = len(credit)
    null = Lifted(make(), lanes, at_the_edge(-TOLERANCE))
    traffic = Traffic(lanes, scale.rate, LAWS["log-normal"], null, tick=scale.tick, seed=seed)
    product = Product(lanes, scale.tick, 0.0, whole=True)
    rises = [StepRise() for _ in range(lanes)]

    def take() -> Watched:
        tick = traffic.step()
        product.take(tick)
        step, second = product.step, MONDAY + (tick.number + 1) * scale.tick - 1
        flooded = lately(product._flooded, tick.number, scale.tick, WITHIN)
        alarms: list[int] = []
        granted: Floats = np.where(flooded | (step.expected <= 0), 0.0, credit * scale.tick)
        for lane, rise in enumerate(rises):
            if rise.risen is not None:
                granted[lane] = 0.0
            elif flooded[lane]:
                continue
            seen = Seen(
                second,
                scale.tick,
                float(step.observed[lane]),
                float(step.expected[lane]),
                float(step.kappa[lane]),
                float(step.dispersion.fast[lane]),
                float(step.dispersion.slow[lane]),
                float(step.dispersion.drift[lane]),
            )
            report = rise.update(seen, float(granted[lane]), 1.0, seasonal=product._seasons[lane].known)
            if report is not None and report.verb == "fire":
                alarms.append(lane)
            if rise.risen is not None:
                # Nothing is learnt while it stands.
                product._ill_until[lane] = tick.number + 1
        return Watched(alarms, granted)

    def lift() -> None:
        for part in parts:
            if part.name == "edge":
                null.lift[part.lanes] = edge

    yield from _counted(f"rises, {null.name}", null, scale, parts, take, lift)


def arrivals(make: Callable[[], Null], scale: Scale, seed: int = 0) -> Iterator[dict[str, Any]]:
    """More come than usual: a row for each group."""
    parts, credit, _ = _shape(scale)
    lanes = len(credit)
    null, chance = make(), np.random.default_rng([seed, 9])
    lifted: Floats = np.ones(lanes)
    series = [Counted(("up",), lambda second: (second - MONDAY) // 3600 % 168) for _ in range(lanes)]
    for each, granted in zip(series, credit, strict=True):
        each.grant(float(granted))
    now = MONDAY

    def take() -> Watched:
        nonlocal now
        seconds = np.arange(now, now + scale.tick, BLOCK) - MONDAY
        # What shakes completions in a family of shocks shakes the rate of those who come here.
        rate = scale.rate * BLOCK * null.arrivals(seconds, lanes) * null.passing(seconds, lanes) * lifted
        counts = _drawn(chance, np.broadcast_to(rate, (len(seconds), lanes)), null)
        alarms: list[int] = []
        live: Floats = np.zeros(lanes)
        for lane, each in enumerate(series):
            live[lane] = credit[lane] * scale.tick if each.live and each.watches("up") else 0.0
            fired = False
            for at, second in enumerate((seconds + MONDAY).tolist()):
                reports = each.take(second, float(counts[at, lane])) if counts[at, lane] else []
                reports += each.settle(second + BLOCK - 1)
                fired |= any(report.verb == "fire" for report in reports)
            if fired:
                alarms.append(lane)
        now += scale.tick
        return Watched(alarms, live)

    def lift() -> None:
        for part in parts:
            if part.name == "edge":
                lifted[part.lanes] = 1 + TOLERANCE

    yield from _counted(f"arrivals up, {null.name}", null, scale, parts, take, lift)


def _drawn(chance: np.random.Generator, mean: Floats, null: Null) -> Floats:
    """Counts of this mean; those of a party come together."""
    if null.party is None:
        return chance.poisson(mean).astype(np.float64)
    parties = chance.poisson(mean / null.party.mean)
    sizes = 1 + np.searchsorted(np.cumsum(null.party.sizes), chance.random(int(parties.sum())) * (1 - 1e-12))
    cells = np.repeat(np.arange(mean.size), parties.ravel())
    counted: Floats = np.bincount(cells, sizes, mean.size).astype(np.float64)
    return counted.reshape(mean.shape)


def _shape(scale: Scale) -> tuple[list[Group], Floats, float]:
    """Groups of lanes, credit per second of each, and the edge of what is tolerated."""
    parts = groups(scale)
    credit: Floats = np.zeros(parts[-1].lanes.stop)
    for part in parts:
        credit[part.lanes] = 1 / WEEK if part.budget == "week" else 1 / 3600
    return parts, credit, at_the_edge(-TOLERANCE)


def _counted(
    family: str, null: Null, scale: Scale, parts: list[Group], take: Callable[[], Watched], lift: Callable[[], None]
) -> Iterator[dict[str, Any]]:
    """Learn, go to the edge where that is asked for, count."""
    lanes = parts[-1].lanes.stop
    learning = min(null.learning_days, scale.most_learning)
    early, alarms, granted = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes)
    for _ in range(int(learning * DAY / scale.tick)):
        early[take().alarms] += 1
    lift()
    for _ in range(int(scale.days * DAY / scale.tick)):
        seen = take()
        alarms[seen.alarms] += 1
        granted += seen.granted
    yield from (row(family, part, scale, learning, alarms, granted, early) for part in parts)


CONVERSIONS: tuple[Callable[[], Null], ...] = (Null, Batches, partial(Shocks, 1), Campaigns)
"""Families under which a step's rises are counted: a rush of entrants is none."""
ARRIVALS: tuple[Callable[[], Null], ...] = (Null, Batches, partial(Shocks, 1), Seasonal)
"""Families under which rises of arrivals are counted; a campaign is a rise, and is told."""
