"""When a step is judged: at fixed multiples of its interval while somebody is in flight, in the step's own time."""

from __future__ import annotations

from typing import NamedTuple

from detectors.steps.flight import IN_FLIGHT
from detectors.steps.step_drop import StepDrop
from streams.stages.lanes import WHOLE
from streams.stages.step_clock import StepClock
from streams.stages.step_journal import Entry
from streams.stages.step_pace import first_interval, interval, patience

_SLACK = 60
"""Seconds after their time within which customers are known to have left."""
_HOUR = 3600
_NOBODY_LEFT = 0.5


class Span(NamedTuple):
    """The time of one update."""

    elapsed: int
    """Its length in seconds by the clock on the wall."""
    before: int
    """The step's second at which the update before ended, and the one at which this one ends."""
    tick: int


class StepSchedule:
    """Of one step.

    Parameters
    ----------
    within
        Seconds a customer may stay in the step.
    drop
        What is due of the step, and who is in flight.
    clock
        In which the step's time runs.
    """

    def __init__(self, within: int, drop: StepDrop, clock: StepClock) -> None:
        self.within = within
        self.clock = clock
        self._drop = drop
        self.interval = first_interval(within)
        """Seconds between updates where things come: a power of two."""
        self.last: int | None = None
        """The tick of the last update."""
        self.opens: int | None = None
        """The next second in which the step's time runs, where it stood still after the last update."""
        self.seconds = 1
        """Length of the last update, by the step's clock."""
        self.entered = 0
        """The latest second somebody entered, by the step's clock."""
        self.in_flight = 0.0

    def next_due(self, waits: bool) -> int | None:
        """The tick at which the next update happens; None while nobody is in flight and nothing `waits`."""
        if waits:
            after = 0 if self.last is None else self.last + 1
        elif self.last is None or self._idle:
            return None
        elif self.opens is not None:
            # Until then nothing is due, and it is known to be so by the first second in which something is.
            after = self.opens - 1
        else:
            after = self.last + self._patience()
        return -(-(after + 1) // self.interval) * self.interval - 1

    @property
    def _idle(self) -> bool:
        """Nobody is in flight who could still go on in time."""
        now = self._drop.tick
        late = self.last is not None and now is not None and now - self.entered > self.within + _SLACK
        return late or self.in_flight <= _NOBODY_LEFT

    def _patience(self) -> int:
        """Seconds that nothing may be looked at while nothing comes."""
        youngest = 0 if self._drop.tick is None else self._drop.tick - self.entered
        return max(int(patience(self._expected, youngest, self.within)), self.interval)

    @property
    def _expected(self) -> float:
        return float(self._drop.expected[WHOLE]) / max(self.seconds, 1)

    @property
    def due(self) -> float:
        """Completions per second expected of the whole at its last update; 0 while nobody is in flight."""
        return 0.0 if self.rests else self._expected

    @property
    def rests(self) -> bool:
        """Nobody can be due after the last update."""
        return self._idle or self.opens is not None

    def at(self, second: int) -> int:
        """The step's own second; it never goes back, whatever becomes of the rules of a time zone."""
        return max(self.clock.at(second), self._drop.tick or 0)

    # One update

    def begin(self, entry: Entry) -> Span:
        """The time of the update with this input. Where nobody was in flight, it begins an interval ago."""
        now, last = entry.tick, self.last
        if last is None or (self._idle and now - last > self.interval):
            last = now - self.interval
            self._drop.rest(self.at(last))
        self.last = now
        span = Span(now - last, self._drop.tick or 0, self.at(now))
        # None while it is closed: then who comes and goes is booked, and nobody is due.
        self.seconds = span.tick - span.before
        if entry.entered:
            self.entered = max(self.entered, self.clock.at(max(second for _, second, _, _ in entry.entered)))
        return span

    def recount(self) -> None:
        """Others are in flight."""
        self.in_flight = float(self._drop.flight.aging.counts[:, IN_FLIGHT].sum())

    def end(self, span: Span) -> None:
        """The update is over: every hour the interval is chosen anew, from what has been learnt."""
        if span.before // _HOUR != span.tick // _HOUR:
            self.interval = interval(self._drop, self.within) or self.interval
        self.look_ahead()

    def look_ahead(self) -> None:
        """When does the step's time run again?"""
        last = self.last
        self.opens = None if last is None or self.clock.is_open(last + 1) else self.clock.next_open(last)

    def forget(self) -> None:
        """It is no time in particular: there was no update yet."""
        self.last, self.opens, self.seconds, self.entered = None, None, 1, 0

    def load(self, interval: int, last: int | None, seconds: int, entered: int) -> None:
        """Take what was stored; the drop has its own again."""
        self.interval, self.last, self.seconds, self.entered = interval, last, seconds, entered
        self.recount()
        self.look_ahead()
