"""The seconds in which the time of a step runs: all of them, or those in which its calendar is open."""

from __future__ import annotations

from datetime import UTC, datetime

from streams.care.open_time import OpenTime

_SECOND = 1_000_000
_WEEK = 604_800


class StepClock:
    """Seconds by the clock are UTC epoch; the step's own are counted from 1970 while it is open.

    A customer who entered in second e has by second t the age `at(t) − at(e)`. Who enters while it is closed has age 0
    until it opens.
    """

    def __init__(self, opening: OpenTime | None = None) -> None:
        self.opening = opening
        self.pattern = "" if opening is None else opening.pattern
        """What every week looks like; empty: always open."""
        self.week = _WEEK if opening is None else max(opening.week // _SECOND, 1)
        """Open seconds of a week, holidays apart."""
        self._asked = (0, False)
        """The second last asked about, and whether it is open."""

    def at(self, second: int) -> int:
        """The step's second: how many open ones there were up to and including this one."""
        if self.opening is None:
            return second
        return self.opening.before((second + 1) * _SECOND) // _SECOND

    def second(self, at: int) -> int:
        """The second by the clock that is the open one of this number."""
        if self.opening is None:
            return at
        return self.opening.reached(at * _SECOND) // _SECOND - 1

    def latest_open(self, second: int) -> int:
        """The last open second up to and including this one."""
        return second if self.opening is None else self.second(self.at(second))

    def next_open(self, second: int) -> int:
        """The first open second after this one."""
        return second + 1 if self.opening is None else self.second(self.at(second) + 1)

    def is_open(self, second: int) -> bool:
        """Whether the step's time runs in this second."""
        if self.opening is None:
            return True
        if self._asked[0] != second:
            self._asked = second, self.at(second) > self.at(second - 1)
        return self._asked[1]

    def elapsed(self, start: int, end: int) -> int:
        """The step's seconds from one second to another."""
        return self.at(end) - self.at(start)

    def before(self, second: int, seconds: int) -> int:
        """The last second from which so many of the step's have run by this one."""
        if self.opening is None:
            return second - seconds
        return self.opening.left((self.at(second) - seconds) * _SECOND) // _SECOND - 1

    def agrees(self, other: StepClock, until: int | None) -> bool:
        """Whether both said the same up to and including this second; None: they have not been asked yet.

        Days to come may be closed or opened; what has been counted stays counted.
        """
        if self.opening is None or other.opening is None:
            return self.opening is other.opening
        if self.pattern != other.pattern:
            return False
        if until is None:
            return True
        differing = self.opening.closed ^ other.opening.closed
        return not differing or min(differing) > _day(self.opening, until)


def _day(opening: OpenTime, second: int) -> str:
    return datetime.fromtimestamp(second, UTC).astimezone(opening.zone).date().isoformat()


ALWAYS = StepClock()
"""The clock of steps that name no calendar."""
