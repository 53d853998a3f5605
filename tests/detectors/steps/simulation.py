"""Customers of many steps, drawn at once: who enters when, who goes on when, who never does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from detectors.recursion import Floats
from detectors.steps.aging import Integers
from detectors.steps.flight import Entrants, Leavers
from detectors.steps.hazards import Mask

START = 1_767_225_600
"""2026-01-01T00:00:00Z"""


class Customers(NamedTuple):
    """One row per customer; times in seconds, UTC epoch."""

    lanes: Integers
    entered: Integers
    left: Integers
    completed: Mask
    """Who goes on in time; the others leave when their time is up."""
    chance: Floats
    """Of each, uniform: those below a drop's size are hit by it."""

    def hit(self, part: float, since: int, until: int, within: int, lanes: Mask | None = None) -> Customers:
        """The same customers, were this part of the completions of [since, until) lost. They stay until the end."""
        fails = self.completed & (self.left >= since) & (self.left < until) & (self.chance < part)
        if lanes is not None:
            fails &= lanes[self.lanes]
        left = np.where(fails, self.entered + within + 1, self.left)
        return self._replace(left=left, completed=self.completed & ~fails)

    def only(self, which: Mask) -> Customers:
        """Some of them."""
        return Customers(
            self.lanes[which], self.entered[which], self.left[which], self.completed[which], self.chance[which]
        )

    def together(self, others: Customers) -> Customers:
        """These and others."""
        return Customers(*(np.concatenate(pair) for pair in zip(self, others, strict=True)))

    def completions(self, since: int, until: int, lanes: int) -> Floats:
        """How many went on in [since, until), per lane."""
        found = self.completed & (self.left >= since) & (self.left < until)
        return np.bincount(self.lanes[found], minlength=lanes).astype(np.float64)


def draw(
    rng: np.random.Generator,
    seconds: int,
    rates: Floats,
    *,
    within: int,
    share: float | Floats = 0.6,
    median: float = 20.0,
    sigma: float = 1.0,
    start: int = START,
) -> Customers:
    """Poisson entrants for so many seconds. `rates`: completions per second by lane, shape (lanes,).

    Delays are log-normal; `share` of the customers would ever go on, those who take longer than `within` do not.
    """
    shares = np.broadcast_to(share, rates.shape)
    counts = rng.poisson(rates / shares * seconds)
    lanes = np.repeat(np.arange(len(rates)), counts)
    entered = start + rng.integers(0, seconds, len(lanes))
    delay = np.exp(rng.normal(np.log(median), sigma, len(lanes))).astype(np.int64)
    completed = (rng.random(len(lanes)) < shares[lanes]) & (delay <= within)
    left = entered + np.where(completed, delay, within + 1)
    return Customers(lanes, entered, left, completed, rng.random(len(lanes)))


class Update(NamedTuple):
    """What one update is told."""

    tick: int
    entered: Entrants
    left: Leavers


def updates(customers: Customers, since: int, until: int, every: int = 1) -> Iterator[Update]:
    """Updates that end `every` so many seconds and cover [since, until)."""
    by_entry = customers.entered.argsort(kind="stable")
    by_exit = customers.left.argsort(kind="stable")
    ticks = np.arange(since + every - 1, until, every)
    entries = np.searchsorted(customers.entered[by_entry], [since, *(ticks + 1)])
    exits = np.searchsorted(customers.left[by_exit], [since, *(ticks + 1)])
    ones = np.ones(len(customers.lanes))
    for at, tick in enumerate(ticks):
        new, gone = by_entry[entries[at] : entries[at + 1]], by_exit[exits[at] : exits[at + 1]]
        completed = customers.completed[gone].astype(np.float64)
        yield Update(
            int(tick),
            Entrants(customers.lanes[new], customers.entered[new], ones[: len(new)]),
            Leavers(customers.lanes[gone], customers.entered[gone], completed, 1 - completed),
        )
