"""Scores as they are counted by value: points of a grid over the scale, few enough to count each of them."""

from __future__ import annotations

from streams.fields import scaled

MOST_POINTS = 64


class Grid:
    """The points to which scores of a scale are rounded, as values scaled by 1e6.

    The distance of two points is the smallest of …, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, … that leaves at most 64 of them:
    0.1 on [1, 5] and [1, 7], 0.25 on [0, 10]. What a score becomes depends on nothing but itself, so neither order,
    nor batches, nor partitions matter; whole and half scores of the usual scales stay what they are.
    """

    __slots__ = ("high", "low", "step")

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = scaled(low), scaled(high)
        self.step = _step(self.high - self.low)

    def point(self, score: int) -> int:
        """The point nearest to a scaled score on the scale; of two equally near ones the higher."""
        return min(self.low + (score - self.low + self.step // 2) // self.step * self.step, self.high)


def _step(width: int) -> int:
    decade = 1
    while True:
        for step in (decade, decade * 5 // 2, decade * 5) if decade > 1 else (1, 5):
            # Half a step on either side may round to one point more than fit in between.
            if (width + step // 2) // step < MOST_POINTS:
                return step
        decade *= 10
