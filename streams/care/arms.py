"""What a rule with `learn` chooses between, what was learnt so far, and the draw.

An arm is one choice: a channel, a wait, an hour of the day. Which arm an ask gets is a hash of the ask, weighed by what
was learnt until an hour ago: it comes out the same on every run, and its chance is known and written down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streams.care.chance import fraction
from streams.care.state import Drawn
from streams.config.structs import FeedbackRule
from streams.effects import Lesson
from streams.units import format_clock, format_duration

CHANNEL, WAIT, TIME = "channel", "wait", "time"
SETTLED = "arm_settled"
"""Counted with rule and `WHAT=ARM` when an ask was answered in time, or its time is over; the amount is the answer."""
ASKED = "arm_asked"
WHOLE = 1_000_000
_KEPT = 3
"""Lessons that are remembered: the one that will hold, the one that does, and the one before."""


def arms_of(rule: FeedbackRule) -> dict[str, tuple[str, ...]]:
    """`channel`, `wait` or `time` -> what is chosen between, in the file's order; empty where nothing is learnt."""
    learn = rule.learn
    if learn is None:
        return {}
    arms = {
        CHANNEL: rule.channels if learn.channel else (),
        WAIT: tuple(map(format_duration, learn.waits)),
        TIME: tuple(map(format_clock, learn.times)),
    }
    return {what: names for what, names in arms.items() if names}


def named(what: str, arm: str) -> str:
    """`channel=sms`: how an arm is counted."""
    return f"{what}={arm}"


class Learnt:
    """The lessons that a partition has heard, in order."""

    def __init__(self, lessons: Sequence[Lesson] = ()) -> None:
        self.lessons = list(lessons)
        """The latest few."""

    def hear(self, lesson: Lesson) -> None:
        """Another one, in any order; one that is known or too old changes nothing."""
        if all(lesson.number != known.number for known in self.lessons):
            self.lessons = sorted([*self.lessons, lesson], key=lambda one: one.number)[-_KEPT:]

    @property
    def following(self) -> int:
        """Number after the highest heard."""
        return self.lessons[-1].number + 1 if self.lessons else 0

    def weights(self, rule: str, what: str, now: int) -> Mapping[str, int]:
        """Arm -> how likely it is the best one, in millionths, as it holds at `now`; empty while nothing is known."""
        held = next((lesson for lesson in reversed(self.lessons) if lesson.since <= now), None)
        return {} if held is None else held.weights.get(rule, {}).get(what, {})


def draw(arms: Sequence[str], weights: Mapping[str, int], explore: float, *ask: str) -> Drawn:
    """One of these arms; `ask` says which ask it is for, and is all the chance there is.

    With a share of `explore` every arm has the same chance; else each has that of its weight. Where none has a weight
    they are all as good.
    """
    place = fraction("learn", *ask)
    total = sum(weights.get(arm, 0) for arm in arms)
    if not total:
        explore = 1.0
    if place < explore:
        at, explored = min(int(place / explore * len(arms)), len(arms) - 1), True
    else:
        at, explored = _within(arms, weights, (place - explore) / (1 - explore) * total), False
    return Drawn(arms[at], round(WHOLE * chance(arms, weights, explore, arms[at])), explored)


def chance(arms: Sequence[str], weights: Mapping[str, int], explore: float, arm: str) -> float:
    """How likely `draw` gives this arm."""
    total = sum(weights.get(one, 0) for one in arms)
    if not total:
        return 1 / len(arms)
    return explore / len(arms) + (1 - explore) * weights.get(arm, 0) / total


def _within(arms: Sequence[str], weights: Mapping[str, int], place: float) -> int:
    """The arm in whose stretch a place in [0, total) lies."""
    last = 0
    for at, arm in enumerate(arms):
        weight = weights.get(arm, 0)
        if weight:
            last = at
            if place < weight:
                return at
        place -= weight
    return last
