"""Which series of a step may raise an alarm, and how many false ones are granted to each."""

from __future__ import annotations

import numpy as np

from detectors.recursion import Floats
from detectors.steps.hazards import Mask
from detectors.steps.step_drop import StepDrop
from streams.stages.lanes import WHOLE

LEAST_PER_DAY = 20.0
"""Expected completions a day below which a series is watched through its parent."""


class StepCredit:
    """Of one step."""

    def __init__(self) -> None:
        self.granted: Floats = np.zeros(0)
        """Expected false alarms per second granted to each series at the last update."""
        self._same: Mask = np.zeros(0, dtype=bool)

    def regroup(self, drop: StepDrop) -> None:
        """The series are others, or of other lanes."""
        # A segment value that everybody has is the whole once more, and is not watched beside it.
        same = np.zeros(drop.series, dtype=bool)
        for row in drop.member[1:]:
            same |= np.bincount(row, minlength=drop.series) == drop.lanes
        self._same = same

    def watched(self, drop: StepDrop) -> Mask:
        """Series that get credit while the step is well: known, and voluminous enough."""
        watched: Mask = (drop.per_day >= LEAST_PER_DAY) & ~self._same
        return watched

    def grant(
        self, drop: StepDrop, seconds: int, whole: float, segment: float, counted: Mask, down: float = 1.0
    ) -> Floats:
        """Expected false alarms of drops in an update of so many seconds, by series; `whole`, `segment`: per second to
        each, of which `down` is the part that is for drops.

        `counted`: series among which the budget of these seconds was shared out, shape (series then,); others get
        nothing yet.
        """
        credit = np.zeros(drop.series)
        credit[: len(counted)][counted] = segment * seconds
        credit[WHOLE] = whole * seconds * down if counted[WHOLE] else 0.0
        if not down:
            credit[:] = 0.0
        credit[~self.watched(drop)] = 0.0
        if seconds:
            self.granted = credit / seconds
        return credit

    def of(self, series: int) -> float:
        """Expected false alarms per second granted to a series at the last update."""
        return float(self.granted[series]) if series < len(self.granted) else 0.0
