"""The usual mean of a bounded score and how well it is known, learnt without learning the change that is looked for."""

from __future__ import annotations

import math

import msgspec


class Sums(msgspec.Struct, array_like=True):
    """Discounted sums over scores that were taken in."""

    weight: float = 0.0
    weight_squared: float = 0.0
    """Σ of squared weights: weight²/weight_squared is the number of independent scores that count."""
    total: float = 0.0
    squares: float = 0.0

    def fade(self, kept: float) -> None:
        self.weight *= kept
        self.weight_squared *= kept * kept
        self.total *= kept
        self.squares *= kept

    def add(self, other: Sums) -> None:
        self.weight += other.weight
        self.weight_squared += other.weight_squared
        self.total += other.total
        self.squares += other.squares

    def take_off(self, other: Sums) -> None:
        """What was added before, faded as much since; what is left of an empty sum is exactly empty."""
        self.weight -= other.weight
        self.weight_squared -= other.weight_squared
        self.total -= other.total
        self.squares -= other.squares
        if not self.weight > 1e-9 or not self.weight_squared > 0 or self.squares < 0:
            self.clear()

    def clear(self) -> None:
        self.weight = self.weight_squared = self.total = self.squares = 0.0


class LearntMean(msgspec.Struct, array_like=True):
    """Mean and standard error of scores between `lowest` and `lowest + width`.

    Scores are held back while a change is pending: they are learnt when it turns out to be nothing, and dropped when
    it alarms, together with what was learnt since the change seems to have begun. That beginning is kept for every
    alternative apart: where the sum of its log evidence was last at or below 0, as in CUSUM.

    Memory: 32 bytes for each alternative and 64 more.
    """

    learnt: Sums
    held: Sums
    since: list[Sums]
    """What of `learnt` came since the change began, one for each alternative."""
    drift: list[float]
    """Sum of the log evidence since then, ≥ 0."""

    @staticmethod
    def empty(alternatives: int) -> LearntMean:
        return LearntMean(Sums(), Sums(), [Sums() for _ in range(alternatives)], [0.0] * alternatives)

    def bound(self, width: float) -> tuple[float, float] | None:
        """Mean above `lowest` and its standard error; None before the first score.

        The variance counts one more score at either end, so that a few equal ones are not taken for certainty.
        """
        sums = self.learnt
        if sums.weight <= 0:
            return None
        mean = sums.total / sums.weight
        spread = max(0.0, sums.squares / sums.weight - mean * mean)
        effective = sums.weight * sums.weight / sums.weight_squared
        return mean, math.sqrt((spread + width * width / (2 * effective)) / effective)

    def take(self, score: float, log_e: list[float], *, kept: float, pending: bool) -> None:
        """Learn one score, counted from `lowest`. `kept`: the part of the past that stays; `log_e`: its evidence."""
        self.learnt.fade(kept)
        self.held.fade(kept)
        for sums in self.since:
            sums.fade(kept)
        self.held.add(Sums(1.0, 1.0, score, score * score))
        for number, evidence in enumerate(log_e):
            self.drift[number] += evidence
        if pending:
            return
        for number, sums in enumerate(self.since):
            if self.drift[number] > 0:
                sums.add(self.held)
            else:
                self.drift[number] = 0.0
                sums.clear()
        self.learnt.add(self.held)
        self.held.clear()

    def forget_change(self, alternative: int) -> None:
        """An alarm of this alternative: what came since its change is no part of what is usual."""
        self.learnt.take_off(self.since[alternative])
        self.held.clear()
        for sums in self.since:
            sums.clear()
        self.drift = [0.0] * len(self.drift)

    def sound(self, alternatives: int) -> bool:
        """Whether a state read back can have been written by one of so many alternatives."""
        numbers = [value for sums in [self.learnt, self.held, *self.since] for value in msgspec.structs.astuple(sums)]
        lengths = len(self.since) == len(self.drift) == alternatives
        return lengths and all(math.isfinite(number) for number in [*numbers, *self.drift])
