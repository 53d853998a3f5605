"""Ways in which traffic varies though nothing is wrong: the families under which false alarms are counted."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MONDAY = 1_767_571_200
"""2026-01-05 00:00 UTC, when every simulation begins."""
DAY = 86_400


class Party(NamedTuple):
    """Customers who enter together."""

    sizes: Floats
    """Probability of 1, 2, … customers."""
    together: float
    """Probability that a customer does as the party does: goes on or not, and after the same delay."""

    @property
    def mean(self) -> float:
        """Customers per party."""
        return float(self.sizes @ np.arange(1, len(self.sizes) + 1))


class Null:
    """Poisson arrivals at a steady rate, customers on their own: the calmest case, and the base of the others.

    `seconds` are the beginnings of consecutive ticks since MONDAY, shape (ticks,); results are (ticks, lanes) or
    broadcast to it.
    """

    name = "Poisson"
    learning_days = 1
    """Days of history after which false alarms are counted."""
    headroom = 1.0
    """Largest factor that `passing` may return; 0.6 × headroom must stay below 1."""
    party: Party | None = None

    def arrivals(self, seconds: Integers, lanes: int) -> Floats:
        """Factor of the rate of entrants, ≥ 0."""
        return np.ones((len(seconds), 1))

    def idlers(self, seconds: Integers, lanes: int) -> Floats:
        """Entrants who will never complete, as a multiple of the rate of entrants."""
        return np.zeros((len(seconds), 1))

    def passing(self, seconds: Integers, lanes: int) -> Floats:
        """Factor of the completions, by when they happen, up to `headroom`."""
        return np.ones((len(seconds), 1))


class Batches(Null):
    """Compound Poisson: batches of customers enter together, wait together and complete together; three on average."""

    name = "batches"

    def __init__(self) -> None:
        sizes = (1 / 3) * (2 / 3) ** np.arange(20)
        self.party = Party(sizes / sizes.sum(), 1.0)


class Households(Null):
    """One to four customers enter together, and seven of ten do as the first."""

    name = "households"

    def __init__(self) -> None:
        self.party = Party(np.array([0.4, 0.3, 0.2, 0.1]), 0.7)


class Shocks(Null):
    """The part that completes wanders by 15 % (standard deviation), each lane on its own, over an hour or a day."""

    headroom = 1.6

    def __init__(self, hours: float, seed: int = 0, size: float = 0.15) -> None:
        self.name = f"shocks of {size:.0%}, " + ("a day" if hours == 24 else f"{hours:g} h")
        self.learning_days = 1 if hours < 6 else 7
        self._seconds = hours * 3600
        self._spread = math.sqrt(math.log1p(size**2))
        self._chance = np.random.default_rng([seed, 2])
        self._level: Floats | None = None

    def passing(self, seconds: Integers, lanes: int) -> Floats:
        if self._level is None:
            self._level = self._chance.standard_normal(lanes)
        tick = int(seconds[1] - seconds[0]) if len(seconds) > 1 else 1
        keep = math.exp(-tick / self._seconds)
        noise = self._chance.standard_normal((len(seconds), lanes)) * math.sqrt(1 - keep * keep)
        levels = np.empty((len(seconds), lanes))
        for at, row in enumerate(noise):
            self._level = keep * self._level + row
            levels[at] = self._level
        factors: Floats = np.minimum(np.exp(self._spread * levels - self._spread**2 / 2), self.headroom)
        return factors


class Seasonal(Null):
    """By day twelve times as many entrants as by night, and 15 % more of them complete at midday than at midnight."""

    name = "daily season"
    learning_days = 3
    headroom = 1.1

    def arrivals(self, seconds: Integers, lanes: int) -> Floats:
        return 1.0 - 0.85 * _daily(seconds)

    def passing(self, seconds: Integers, lanes: int) -> Floats:
        return 1.0 - 0.075 * _daily(seconds)


class Weekly(Null):
    """At weekends half as many enter, and a quarter fewer of them complete."""

    name = "weekly season"
    learning_days = 15

    def arrivals(self, seconds: Integers, lanes: int) -> Floats:
        return np.where(_weekend(seconds), 0.5, 1.0)

    def passing(self, seconds: Integers, lanes: int) -> Floats:
        return np.where(_weekend(seconds), 0.75, 1.0)


class Campaigns(Null):
    """Twice a day, at any time, three times as many enter for an hour."""

    name = "campaigns ×3"

    def __init__(self, seed: int = 0) -> None:
        self._chance = np.random.default_rng([seed, 3])
        self._until: Integers | None = None

    def arrivals(self, seconds: Integers, lanes: int) -> Floats:
        return np.where(self._on(seconds, lanes, a_day=2.0, length=3600), 3.0, 1.0)

    def _on(self, seconds: Integers, lanes: int, a_day: float, length: int) -> NDArray[np.bool_]:
        if self._until is None:
            self._until = np.full(lanes, -1, dtype=np.int64)
        tick = int(seconds[1] - seconds[0]) if len(seconds) > 1 else 1
        begins = self._chance.random((len(seconds), lanes)) < a_day * tick / DAY
        on = np.empty((len(seconds), lanes), dtype=bool)
        for at, second in enumerate(seconds):
            # One that is running is not prolonged.
            self._until = np.where(begins[at] & (self._until <= second), second + length, self._until)
            on[at] = self._until > second
        return on


class Bots(Campaigns):
    """Twice a day, for half an hour, five times the usual entrants come on top and none of them completes."""

    name = "bots ×5"

    def arrivals(self, seconds: Integers, lanes: int) -> Floats:
        return np.ones((len(seconds), 1))

    def idlers(self, seconds: Integers, lanes: int) -> Floats:
        return np.where(self._on(seconds, lanes, a_day=2.0, length=1800), 5.0, 0.0)


class Drift(Null):
    """Every week 7 % fewer complete than in the week before."""

    name = "drift of 7 % a week"
    learning_days = 3

    def passing(self, seconds: Integers, lanes: int) -> Floats:
        factors: Floats = 0.93 ** (seconds[:, None] / (7 * DAY))
        return factors


class Night(Null):
    """From 22 to 7 h nobody enters; those inside go on."""

    name = "closed at night"
    learning_days = 3

    def arrivals(self, seconds: Integers, lanes: int) -> Floats:
        return np.where(_open(seconds), 1.0, 0.0)


class Dark(Night):
    """From 22 to 7 h nobody completes either; who is in flight at 22 h never will."""

    name = "closed, those inside left"
    learning_days = 7

    def passing(self, seconds: Integers, lanes: int) -> Floats:
        return np.where(_open(seconds), 1.0, 0.0)


def _daily(seconds: Integers) -> Floats:
    """1 at midnight, −1 at midday."""
    wave: Floats = np.cos(2 * np.pi * (seconds[:, None] % DAY) / DAY)
    return wave


def _weekend(seconds: Integers) -> NDArray[np.bool_]:
    weekend: NDArray[np.bool_] = seconds[:, None] // DAY % 7 >= 5
    return weekend


def _open(seconds: Integers) -> NDArray[np.bool_]:
    hour = seconds[:, None] % DAY // 3600
    day: NDArray[np.bool_] = (hour >= 7) & (hour < 22)
    return day


FAMILIES: tuple[Callable[[], Null], ...] = (
    Null,
    Batches,
    Households,
    partial(Shocks, 1),
    partial(Shocks, 24),
    Seasonal,
    Weekly,
    Campaigns,
    Bots,
    Drift,
    Night,
    Dark,
)
"""Makers of all of them, afresh."""
