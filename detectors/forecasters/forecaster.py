"""What every forecaster keeps to: one number ahead, from the numbers before it."""

from __future__ import annotations

from abc import ABC, abstractmethod

MOST = 1e100
"""Largest size of a number and of a forecast; beyond it squares would overflow."""


class Forecaster(ABC):
    """Says what the next number will be, then learns what it was."""

    @abstractmethod
    def forecast(self, at: int) -> float | None:
        """The number of update `at`, which is the next; None while too little was seen."""

    def left_over(self, x: float, at: int) -> float | None:
        """What a forecast leaves over of a number: the residual, before it is learnt."""
        forecast = self.forecast(at)
        return None if forecast is None else x - forecast

    @abstractmethod
    def learn(self, x: float, usual: float, at: int) -> None:
        """Take the number of update `at`, finite. Usual ones lie within `usual` ≥ 0 of the forecast; it may be ∞."""

    @abstractmethod
    def snapshot(self) -> bytes:
        """The state, for `restore`; parameters are not part of it."""

    @abstractmethod
    def restore(self, body: bytes) -> None:
        """Take what `snapshot` of one with the same parameters wrote. Raises ValueError for anything else."""
