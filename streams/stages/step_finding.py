"""What is known of a step's drop at one moment: since when, where, how much."""

from __future__ import annotations

import msgspec
import numpy as np

from detectors.series.recent import ratio_interval
from detectors.series.report import Facts
from detectors.steps.aging import Integers
from detectors.steps.deficit import Since, counted, should_have_come, since_when, size
from detectors.steps.step_drop import StepDrop
from detectors.steps.subset_scan import SubsetScan
from streams.findings import Finding, SeriesKey
from streams.stages.facts_finding import finding_of
from streams.stages.lanes import WHOLE, Lanes
from streams.stages.step_clock import StepClock

_EARLY = 600
"""Seconds after its alarm during which what is told of it is early."""


class Ill(msgspec.Struct, array_like=True):
    """A drop as it looks now. Seconds are those of the step's clock."""

    since: int
    since_low: int
    since_high: int
    lanes: list[int]
    """Those that fell."""
    segments: tuple[dict[str, str], ...] | None
    explanation: str
    observed: float
    """Completions since then of the lanes that fell, and how many there should have been."""
    expected: float
    left: tuple[float, float, float] | None
    """What is left of the rate in them, with its 95 % interval."""
    loss: float
    """Part of the whole step's completions that is missing."""
    evidence: float
    dispersion: float


def find(
    drop: StepDrop, lanes: Lanes, series: int, dispersion: float, evidence: float, before: Ill | None = None
) -> Ill:
    """Look at a series that fired: `before` is what was known until now, whose beginning stays."""
    fell = drop.lanes_of(series)
    since = _since(before) or since_when(drop, fell, dispersion)
    everything: Integers = np.arange(drop.lanes, dtype=np.int64)
    observed, expected = counted(drop, everything, since.best)[0], should_have_come(drop, everything, since.best)
    dimensions = [name for name, _ in lanes.groups]
    found = SubsetScan(lanes.cells, dimensions).attribute(observed, expected, dispersion, drop.tolerance)
    if found.segments:
        fell = lanes.matching(found.segments)
    elif found.segments is not None:
        fell = everything
    if before is None and series == WHOLE and found.segments:
        since = since_when(drop, fell, dispersion)
        observed = counted(drop, everything, since.best)[0]
        expected = should_have_come(drop, everything, since.best)
    came, due = float(observed[fell].sum()), float(expected[fell].sum())
    left = size(came, due, dispersion)
    total = float(expected.sum())
    loss = max(0.0, 1 - float(observed.sum()) / total) if total > 0 else 0.0
    return Ill(
        since=since.best,
        since_low=since.low,
        since_high=since.high,
        lanes=[int(lane) for lane in fell],
        segments=found.segments,
        explanation=found.explanation,
        observed=came,
        expected=due,
        left=None if left is None else (left.ratio, left.low, left.high),
        loss=loss,
        evidence=evidence,
        dispersion=dispersion,
    )


def told(
    ill: Ill,
    key: SeriesKey,
    tick: int,
    fired: int | None,
    value: tuple[float, float],
    examples: tuple[str, ...],
    notes: tuple[str, ...],
) -> Finding:
    """The same in the words of an alert, at a tick.

    `fired`: the tick of the alarm, None before it; `value`: customers and what they are worth together; `examples`:
    subjects who entered.
    """
    customers, worth = value
    hours = max(tick - ill.since + 1, 1) / 3600
    lost = max(ill.expected - ill.observed, 0.0)
    size = low = high = None
    if ill.left is not None:
        ratio, least, most = ill.left
        size, low, high = 1 - ratio, 1 - most, 1 - least
    return Finding(
        series=key,
        tick=tick,
        since=ill.since,
        since_low=ill.since_low,
        since_high=ill.since_high,
        observed=ill.observed,
        expected=ill.expected,
        size=size,
        size_low=low,
        size_high=high,
        early=fired is None or tick - fired < _EARLY,
        segments=ill.segments,
        explanation=ill.explanation,
        loss=ill.loss,
        value_per_hour=lost / hours * worth / customers if worth and customers else None,
        examples=examples,
        evidence=ill.evidence,
        notes=notes,
    )


def risen(drop: StepDrop, facts: Facts, key: SeriesKey, tick: int, examples: tuple[str, ...]) -> Finding:
    """A rise of the whole step in the words of an alert; `examples`: subjects who entered.

    How large it is comes from those who have entered since then, carried on by the baseline.
    """
    lanes: Integers = np.arange(drop.lanes, dtype=np.int64)
    came = float(counted(drop, lanes, facts.since)[0].sum())
    due = float(should_have_come(drop, lanes, facts.since).sum())
    if due > 0:
        error = min(float(drop.kappa[WHOLE]), 1.0)
        low, high = ratio_interval(came, due, float(drop.dispersion.fast[WHOLE]), error)
        size, size_low, size_high = (max(part - 1, 0.0) for part in (came / due, low, high))
        facts = facts._replace(observed=came, expected=due, size=size, size_low=size_low, size_high=size_high)
    return finding_of(
        facts,
        key,
        tick,
        segments=None,
        explanation="Rises are looked for in the whole step: which segments they come from is not looked at.",
        examples=examples,
    )


def by_the_clock(found: Finding, tick: int, clock: StepClock) -> Finding:
    """A finding in the seconds of a step's clock, as the clock on the wall says at `tick`."""
    if clock.opening is None:
        return found
    since, low, high = (clock.second(at) for at in (found.since, found.since_low, found.since_high))
    return msgspec.structs.replace(found, tick=tick, since=since, since_low=low, since_high=high)


def _since(before: Ill | None) -> Since | None:
    return None if before is None else Since(before.since, before.since_low, before.since_high)
