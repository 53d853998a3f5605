"""A step as the console, the API and the metrics show it."""

from __future__ import annotations

from collections.abc import Sequence

from streams.estimates import Estimate, percentile, share
from streams.fields import SCALE
from streams.segments import Dimension
from streams.stages.step import COMPLETED, ENTERED, HOUR, VALUE_COMPLETED, VALUE_ENTERED, Step, cohort
from streams.view import Duration, SegmentView, StepView, StepWindow
from streams.windows import STANDARD, Rings

SEGMENT_WINDOWS = ("5m", "1h")
SPARK_MINUTES = 30

SegmentWindows = dict[str, list[list[int]]]
"""Fields of every row over each window that segments show."""

_NOTHING = Estimate(0)


def show(
    name: str, step: Step, rings: Rings, dimensions: Sequence[Dimension], windows: SegmentWindows, breached: bool
) -> StepView:
    """The step at the latest tick of its rings."""
    goal = step.cohorts is None
    whole = step.table.whole
    durations = {} if rings.tick is None else step.duration.counts(HOUR, rings.tick)
    median, tail = percentile(durations, 0.5), percentile(durations, 0.9)
    segments = []
    for dimension, value, series in step.table.in_order(dimensions):
        totals = series.counts()
        shown = {window: _window(fields[series.row], goal) for window, fields in windows.items()}
        segments.append(SegmentView(dimension, value, shown, totals.in_flight, totals))
    return StepView(
        name=name,
        next_step=step.next_step,
        totals=whole.counts(step.marks),
        windows={window: _window(rings.row(seconds, whole.row), goal) for window, seconds in STANDARD.items()},
        duration=Duration(median.n, median.value, tail.value),
        spark=[] if goal else _spark(rings, whole.row),
        segments=segments,
        state="breached" if breached else "ok",
    )


def _window(fields: Sequence[int], goal: bool) -> StepWindow:
    entered, completed, abandoned, recovered = fields[:4]
    return StepWindow(
        entered,
        completed,
        abandoned,
        recovered,
        _NOTHING if goal else share(completed, entered),
        _NOTHING if goal else cohort(fields),
        fields[VALUE_ENTERED] / SCALE,
        fields[VALUE_COMPLETED] / SCALE,
    )


def _spark(rings: Rings, row: int) -> list[float | None]:
    if rings.tick is None:
        return [None] * SPARK_MINUTES
    entered = rings.slots(HOUR, row, ENTERED, SPARK_MINUTES)
    completed = rings.slots(HOUR, row, COMPLETED, SPARK_MINUTES)
    return [min(done / n, 1.0) if n else None for n, done in zip(entered, completed, strict=True)]
