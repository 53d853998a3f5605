"""One step of one journey: its series, its waiting cohorts, the time it takes."""

from __future__ import annotations

from collections.abc import Sequence

from streams.estimates import MIN_N, Estimate, share
from streams.rolling_histogram import RollingHistogram
from streams.stages.cohorts import Cohorts
from streams.stages.series import Table
from streams.view import StepTotals
from streams.windows import STANDARD

HOUR = STANDARD["1h"]

# Fields of a step's row in the rings.
ENTERED, COMPLETED, ABANDONED, RECOVERED, MATURED, IN_TIME = range(6)
VALUE_ENTERED, VALUE_COMPLETED = 6, 7
NARROW, WIDE = 6, 2
MERGED = 4
"""Place of the merged in `StepSeries.totals`; the four before are as in the rings."""


class StepSeries:
    """One whole or segment value of a step."""

    __slots__ = ("row", "totals")

    def __init__(self, row: int) -> None:
        self.row = row
        self.totals = [0, 0, 0, 0, 0]
        """Entered, completed, abandoned, recovered, merged since the beginning."""

    def counts(self, marks: Sequence[int] = (0, 0, 0)) -> StepTotals:
        """Its totals; marks are kept for the whole only."""
        entered, completed, abandoned, recovered, merged = self.totals
        in_flight = entered - completed - abandoned - merged
        return StepTotals(entered, completed, abandoned, recovered, marks[0], marks[1], marks[2], merged, in_flight)


class Step:
    """One step of one journey. Ticks are seconds, UTC epoch."""

    def __init__(self, whole: StepSeries, since: int | None) -> None:
        self.since = since
        """Entries before this tick are not counted; None: all are."""
        self.table = Table(whole)
        self.cohorts: Cohorts | None = None
        """None at the goal."""
        self.next_step: str | None = None
        self.marks = [0, 0, 0]
        """Skipped, repeated, unattributed."""
        self.duration = RollingHistogram([HOUR])
        """Seconds from entry to completion."""


def cohort(fields: Sequence[int]) -> Estimate:
    """Conversion of the cohorts that matured, from a row's fields."""
    return share(max(fields[IN_TIME], 0), max(fields[MATURED], 0), MIN_N)
