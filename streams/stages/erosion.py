"""A conversion that creeps down over weeks, too slowly for an alarm: one week against the week four weeks before."""

from __future__ import annotations

import math
from datetime import date

import msgspec

from streams.stages.step_clock import ALWAYS, StepClock

_DAY, _WEEK = 86_400, 7
_APART = 4
"""Weeks between the two."""
_KEPT = (_APART + 3) * _WEEK
"""Days kept beyond the time to go on."""
_SLACK = 60
"""Seconds after their time within which customers are known to have left."""
_SURE = 2.33
"""z from which it is said: one week in a hundred, where nothing changes."""
_LEAST = 20
"""Customers who went on, and who did not, that each week needs."""
_LEAST_DAYS = 5
_MONDAY = 4
"""The first Monday, in days since the epoch."""
_EPOCH = date(1970, 1, 1).toordinal()


class Week(msgspec.Struct, frozen=True):
    """Customers who entered in one week and how many of them went on in time."""

    first: int
    """Its Monday, in days since the epoch."""
    days: tuple[tuple[int, int], ...]

    @property
    def entered(self) -> int:
        return sum(entered for entered, _ in self.days)

    @property
    def completed(self) -> int:
        return sum(completed for _, completed in self.days)

    @property
    def share(self) -> float:
        """Part that went on, 0…1."""
        return self.completed / self.entered

    @property
    def telling(self) -> bool:
        """Whether there are enough of them to be compared."""
        enough = min(self.completed, self.entered - self.completed) >= _LEAST
        return enough and sum(1 for entered, _ in self.days if entered) >= _LEAST_DAYS

    @property
    def scatter(self) -> float:
        """χ² of its days around its share."""
        share = self.share
        return sum(
            (completed - entered * share) ** 2 / (entered * share * (1 - share))
            for entered, completed in self.days
            if entered
        )


def z_of(before: Week, now: Week) -> float:
    """By how many standard errors the share has fallen: two proportions with an overdispersion of at least 1, from how
    the days scatter around the share of their week. Both are telling."""
    days = sum(1 for week in (before, now) for entered, _ in week.days if entered)
    dispersion = max(1.0, (before.scatter + now.scatter) / (days - 2))
    pooled = (before.completed + now.completed) / (before.entered + now.entered)
    variance = pooled * (1 - pooled) * (1 / before.entered + 1 / now.entered) * dispersion
    return (before.share - now.share) / math.sqrt(variance)


class Erosion:
    """Entrants of one step by the day (UTC) on which they entered, for some weeks. Memory 3 kB.

    Parameters
    ----------
    within
        Seconds a customer may stay in the step.
    clock
        By which they run.
    """

    def __init__(self, within: int, clock: StepClock = ALWAYS) -> None:
        self._matures = within + _SLACK
        self.clock = clock
        self._days: dict[int, list[int]] = {}
        """Day since the epoch -> those who entered, and those of them who went on in time."""
        self.dirty = True
        """Nothing that was stored under the name of a new step may come back."""

    def enter(self, second: int, count: int) -> None:
        """So many entered in this second (UTC epoch)."""
        self._on(second)[0] += count

    def leave(self, second: int, completed: int, merged: int) -> None:
        """Of those who entered in this second so many went on in time, and so many were somebody else."""
        day = self._on(second)
        day[0] -= merged
        day[1] += completed

    def _on(self, second: int) -> list[int]:
        self.dirty = True
        day = second // _DAY
        if day not in self._days:
            self._days[day] = [0, 0]
            # Nobody who entered since has had his time.
            latest = max(self._days) + 1
            oldest = self.clock.before(latest * _DAY, self._matures) // _DAY - _KEPT - 1
            self._days = {kept: counts for kept, counts in sorted(self._days.items()) if kept >= oldest}
            return self._days.setdefault(day, [0, 0])
        return self._days[day]

    def note(self, tick: int) -> str:
        """What there is to say at the close of a second; empty where there is nothing.

        The latest whole week whose entrants have all had their time is looked at, so that it is said once a week.
        """
        matured = (self.clock.before(tick, self._matures) + 1) // _DAY - 1
        monday = (matured + 1 - _MONDAY) // _WEEK * _WEEK + _MONDAY - _WEEK
        now, before = self._week(monday), self._week(monday - _APART * _WEEK)
        if not now.telling or not before.telling or z_of(before, now) < _SURE:
            return ""
        return (
            f"slowly down: of those who entered in the week from {date.fromordinal(_EPOCH + monday)}"
            f" {100 * now.share:.1f} % went on, four weeks before {100 * before.share:.1f} %"
        )

    def _week(self, monday: int) -> Week:
        days = (self._days.get(monday + at, (0, 0)) for at in range(_WEEK))
        return Week(monday, tuple((entered, completed) for entered, completed in days))

    def dump(self) -> bytes:
        """Everything, for `load`."""
        return msgspec.msgpack.encode(sorted((day, *counts) for day, counts in self._days.items()))

    def load(self, body: bytes) -> None:
        """Take what `dump` wrote."""
        self._days = {day: [entered, completed] for day, entered, completed in _DECODE(body)}
        self.dirty = False


_DECODE = msgspec.msgpack.Decoder(list[tuple[int, int, int]]).decode
