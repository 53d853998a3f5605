"""What happens while a step is ill: from its alarm to the all-clear, or until this is the new normal.

What falls again at the same hour of the day, such as at closing time, is no illness but the rhythm of the week: then
the hours of the illness are learnt after all.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec
import numpy as np

from detectors.recursion import Floats
from detectors.steps.deficit import counted
from detectors.steps.flight import Entrants, Leavers
from detectors.steps.recovery import Recovery
from detectors.steps.season import Season
from detectors.steps.step_drop import TOLERANCE, StepDrop
from streams.findings import SeriesKey
from streams.stages.lanes import WHOLE, Lanes
from streams.stages.step_clock import ALWAYS, StepClock
from streams.stages.step_finding import Ill, find

_FIRST_HOUR, _OFTEN, _SELDOM = 3600, 60, 600
_HOUR, _DAY = 3600, 86_400
_RHYTHM_HOURS = 8 * 24
_RHYTHM_LASTS = 3 * _DAY
"""A night, or a weekend."""


class Opened(msgspec.Struct, array_like=True):
    """The alarm that stands. `fired` and `told`: ticks of the alarm and of the last update of it."""

    series: int
    key: SeriesKey
    ill: Ill
    fired: int
    told: int
    accepted: bool = False
    """Somebody accepted what is normal now; it holds once enough is known of it."""
    recovery: bytes = b""


class Turn(NamedTuple):
    """What has come of it. `ratio`: what the new normal is of the old one."""

    verb: Literal["update", "rebaseline", "resolve"]
    ratio: float = 1.0


class Illness:
    """Of one step. Ticks are seconds of `clock`; hours are counted from the epoch."""

    def __init__(self, within: int, clock: StepClock = ALWAYS) -> None:
        self.within = within
        self.clock = clock
        self.opened: Opened | None = None
        self._recovery: Recovery | None = None
        self._falls: list[int] = []
        """Hours in which the step fell lately."""
        self._aside: list[tuple[int, int, float, float]] = []
        """Hours while ill: hour, hour of the week, N and μ at factor 1."""

    def extend(self, lanes: int) -> None:
        """So many more lanes; not affected."""
        if self._recovery is not None:
            self._recovery.extend(lanes)

    def begin(self, tick: int, key: SeriesKey, ill: Ill, series: int, drop: StepDrop, season: Season) -> None:
        """A series alarmed: nothing that was learnt since its beginning is normal."""
        self.opened = Opened(series, key, ill, tick, tick)
        affected = np.zeros(drop.lanes, dtype=bool)
        affected[ill.lanes] = True
        high = 1.0 if ill.left is None else ill.left[2]
        self._recovery = Recovery(self.within, drop.lanes, affected, tick + 1, high, TOLERANCE)
        drop.hazards.undo(ill.since_low, tick, counted(drop, np.arange(drop.lanes), ill.since_low)[0])
        season.forget_open()
        drop.reset()

    def set_aside(self, hour: int, how: int, observed: float, expected: float) -> None:
        """What came and what was due at factor 1, in an hour of the week, while it lasts."""
        if self._aside and self._aside[-1][:2] == (hour, how):
            _, _, came, due = self._aside[-1]
            self._aside[-1] = (hour, how, came + observed, due + expected)
        else:
            self._aside = [*self._aside[-_RHYTHM_LASTS // _HOUR :], (hour, how, observed, expected)]

    def nurse(
        self,
        tick: int,
        entered: Entrants,
        left: Leavers,
        drop: StepDrop,
        season: Season,
        lanes: Lanes,
        *,
        factor: float,
        accept: bool,
    ) -> Turn | None:
        """One update of what came and went up to `tick`; None where there is nothing to tell."""
        opened, recovery = self.opened, self._recovery
        assert opened is not None
        assert recovery is not None
        well = recovery.update(
            tick,
            entered,
            left,
            drop.hazards.rates,
            factor=factor,
            dispersion=float(drop.dispersion.fast[WHOLE]),
        )
        # A week of a calendar is over sooner; all its hours have been there by then.
        age = self.clock.week if season.known else min(_DAY, self.clock.week)
        opened.accepted |= accept
        if (opened.accepted and recovery.known()) or recovery.new_normal(tick, age):
            ratio = recovery.ratio(drop.hazards.rates)
            drop.adopt(recovery.challenger, recovery.flight())
            self._end(tick, opened, drop, season)
            return Turn("rebaseline", 1.0 if ratio is None else ratio)
        if well:
            drop.flight.begin(tick + 1)
            self._end(tick, opened, drop, season)
            return Turn("resolve")
        if tick - opened.told < (_OFTEN if tick - opened.fired < _FIRST_HOUR else _SELDOM):
            return None
        opened.told = tick
        if tick - opened.ill.since >= _DAY:
            return None
        opened.ill = find(drop, lanes, opened.series, opened.ill.dispersion, opened.ill.evidence, opened.ill)
        recovery.affected[:] = False
        recovery.affected[opened.ill.lanes] = True
        return Turn("update")

    def _end(self, tick: int, opened: Opened, drop: StepDrop, season: Season) -> None:
        began = self.clock.second(opened.ill.since) // _HOUR
        before = [at for at in self._falls if began - at <= _RHYTHM_HOURS]
        recurs = any(min((began - at) % 24, (at - began) % 24) <= 1 for at in before if began - at >= 12)
        if recurs and tick - opened.ill.since < _RHYTHM_LASTS:
            for hour, how, observed, expected in self._aside:
                season.add(hour, how, observed, expected, float(drop.dispersion.slow[WHOLE]))
        self._falls, self._aside = [*before, began], []
        self.opened = self._recovery = None
        drop.past.clear()
        drop.reset()

    def forget(self) -> None:
        """It is no time in particular: no alarm stands, and none ever did."""
        self.opened = self._recovery = None
        self._falls, self._aside = [], []

    # Storing

    def dump(self) -> tuple[list[int], list[tuple[int, int, float, float]], Opened | None]:
        """Everything, for `load`."""
        if self.opened is not None and self._recovery is not None:
            self.opened.recovery = self._recovery.snapshot()
        return self._falls, self._aside, self.opened

    def load(
        self, falls: list[int], aside: list[tuple[int, int, float, float]], opened: Opened | None, lanes: int
    ) -> None:
        """Take what `dump` wrote of a step with so many lanes."""
        self._falls, self._aside, self.opened = falls, aside, opened
        if opened is not None:
            self._recovery = Recovery.restore(opened.recovery, self.within, lanes)


def fallen(levels: Floats, bar: float) -> int:
    """The series whose evidence reached the bar: the whole, else the one with the most of it."""
    alarmed = np.flatnonzero(levels >= bar)
    return WHOLE if WHOLE in alarmed else int(alarmed[np.argmax(levels[alarmed])])
