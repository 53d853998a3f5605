"""`learn` of the rules for asking: what was answered of what was drawn, over all customers, told once an hour.

Counts of all partitions come together when a tick closes. At the end of an hour in which any have changed, how likely
each arm is the best one is worked out and told to the partitions as a lesson that holds *an hour later*: by then every
one of them has it in its log, so that it does not matter how soon (exactness rule 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from streams.care.arms import SETTLED, arms_of, chance, named
from streams.config.structs import Config, Learn
from streams.effects import Lesson, Partial
from streams.fields import SCALE
from streams.hashing import digest
from streams.stages.thompson import best_shares
from streams.units import DAY, SECOND
from streams.view import ArmView

HOUR_TICKS = 3600
DAY_TICKS = 24 * HOUR_TICKS
_SEED_BYTES = 8

Days = dict[int, list[int]]
"""Day since the epoch -> [asks whose time was over, those of them that were answered]."""


class Stored(msgspec.Struct, array_like=True):
    """What the stage stores of it."""

    number: int = 0
    """Of the next lesson."""
    weights: dict[str, dict[str, dict[str, int]]] = {}
    """As last told."""
    untold: list[Lesson] = []
    """Lessons that have not been confirmed."""
    seen: dict[str, dict[str, Days]] = {}
    """Rule -> `WHAT=ARM` -> what was counted, day by day."""
    changed: int | None = None
    """The tick at which something has changed that no lesson considers yet."""


class Learning:
    """The rules of one file that learn. Ticks are seconds, UTC epoch."""

    def __init__(self, config: Config, stored: Stored | None = None) -> None:
        """`stored`: of a rule or an arm that is gone what was counted is kept until it is too old."""
        self._rules = {name: arms_of(rule) for name, rule in config.feedback.items() if rule.learn is not None}
        self._learn = {name: config.feedback[name].learn or Learn() for name in self._rules}
        self.stored = Stored() if stored is None else stored
        self.dirty = False
        """Something has changed since somebody set this to False."""

    def follow(self, config: Config, since: int | None) -> Learning:
        """The same under another file, which holds from this tick on and is considered at the end of its hour."""
        if self.stored.seen and since is not None:
            self.stored.changed = since
        following = Learning(config, self.stored)
        following.dirty = True
        return following

    def take(self, tick: int, partials: Iterable[Partial]) -> None:
        """Count what was settled in a tick."""
        for partial in partials:
            for counted in partial.care:
                if counted.what == SETTLED and counted.rule in self._rules:
                    days = self.stored.seen.setdefault(counted.rule, {}).setdefault(counted.detail, {})
                    day = days.setdefault(tick // DAY_TICKS, [0, 0])
                    day[0] += counted.count
                    day[1] += counted.total // SCALE
                    self.stored.changed = tick
                    self.dirty = True

    def next_due(self) -> int | None:
        """The tick after which there may be something to tell though nothing comes."""
        if self.stored.changed is not None:
            return _end_of_hour(self.stored.changed)
        oldest = [
            min(days) + _days(self._over(rule)) + 1 for rule, arms in self.stored.seen.items() for days in arms.values()
        ]
        return min(oldest) * DAY_TICKS + HOUR_TICKS - 1 if oldest else None

    def check(self, tick: int) -> None:
        """A tick is closed: at the end of an hour, see what follows from it."""
        due = self.next_due()
        if due is None or tick < due:
            return
        self._forget(tick)
        self.stored.changed = None
        self.dirty = True
        weights = {name: self._weights(name) for name in self._rules}
        weights = {name: kinds for name, kinds in weights.items() if kinds}
        if weights != self.stored.weights:
            since = (_end_of_hour(tick) + 1 + HOUR_TICKS) * SECOND
            self.stored.untold = [*self.stored.untold, Lesson(self.stored.number, since, weights)]
            self.stored.number += 1
            self.stored.weights = weights

    @property
    def untold(self) -> Sequence[Lesson]:
        """Lessons that have not been confirmed, in order of their numbers."""
        return self.stored.untold

    def confirmed(self, number: int) -> None:
        """All lessons below this number are where they need to be."""
        if self.stored.untold and self.stored.untold[0].number < number:
            self.stored.untold = [lesson for lesson in self.stored.untold if lesson.number >= number]
            self.dirty = True

    def view(self) -> list[ArmView]:
        """Every arm of every rule that learns, in the order of the file."""
        return [
            ArmView(rule, what, arm, *self._counted(rule, what, arm), chance(arms, weights, learn.explore, arm))
            for rule, kinds in self._rules.items()
            for what, arms in kinds.items()
            for learn, weights in [(self._learn[rule], self.stored.weights.get(rule, {}).get(what, {}))]
            for arm in arms
        ]

    def _weights(self, rule: str) -> dict[str, dict[str, int]]:
        weights = {}
        for what, arms in self._rules[rule].items():
            seen = {arm: self._counted(rule, what, arm) for arm in arms}
            if any(asked for asked, _ in seen.values()):
                weights[what] = best_shares(seen, int.from_bytes(digest((rule, what), _SEED_BYTES), "big"))
        return weights

    def _counted(self, rule: str, what: str, arm: str) -> tuple[int, int]:
        """Asks of an arm whose time was over within `over`, and those that were answered."""
        days = self.stored.seen.get(rule, {}).get(named(what, arm), {}).values()
        return sum(asked for asked, _ in days), sum(answered for _, answered in days)

    def _over(self, rule: str) -> int:
        return self._learn[rule].over if rule in self._learn else Learn().over

    def _forget(self, tick: int) -> None:
        """What is too old to be learnt from."""
        for rule, arms in list(self.stored.seen.items()):
            first = tick // DAY_TICKS - _days(self._over(rule))
            for arm, days in list(arms.items()):
                arms[arm] = {day: counts for day, counts in days.items() if day >= first}
                if not arms[arm]:
                    del arms[arm]
            if not arms:
                del self.stored.seen[rule]


def _end_of_hour(tick: int) -> int:
    """The last tick of its hour."""
    return (tick // HOUR_TICKS + 1) * HOUR_TICKS - 1


def _days(duration: int) -> int:
    """Whole days, at least one."""
    return max(1, -(-duration // DAY))
