"""Whether evidence is what it claims to be, measured on the series' own quiet history."""

from __future__ import annotations

import math

import msgspec

_FROM = 3.0
"""Logarithm of evidence over credit from which a peak counts."""
_OVER = 0.5
"""Below it an excursion is over."""


class Calibration(msgspec.Struct, array_like=True, tag="calibration"):
    """Peaks of ln(R̄/w) between two returns to nothing, and the exponent η that makes up for their tail.

    Of an R whose e-values keep to E[e] ≤ 1 the peaks have a tail no heavier than e^−h, an exponential of rate 1. Their
    excess over e³ gives the rate by maximum likelihood, counting `prior` peaks that kept to it. While the rate is at
    least 1 the evidence stands; below it each e is taken to the power η, the lower confidence bound of the rate: e^η
    then has the tail that e should have had. Peaks that became an alarm are no quiet history and do not count.
    """

    number: float = 0.0
    excess: float = 0.0
    peak: float = 0.0
    """Of the excursion under way, 0 while there is none."""

    def take(self, height: float, kept: float) -> None:
        """One update: ln(R̄/w) of the untempered evidence, and the part of the past that stays."""
        self.number *= kept
        self.excess *= kept
        if height >= _OVER:
            self.peak = max(self.peak, height)
            return
        if self.peak > _FROM:
            self.number += 1.0
            self.excess += self.peak - _FROM
        self.peak = 0.0

    def alarmed(self) -> None:
        """The excursion under way became an alarm."""
        self.peak = 0.0

    def exponent(self, prior: float, errors: float) -> float:
        """η, 0.1 ≤ η ≤ 1. `prior` > 0 peaks of rate 1 are added, `errors` standard errors taken off a rate below 1."""
        number = self.number + prior
        rate = number / (self.excess + prior)
        return 1.0 if rate >= 1 else max(0.1, rate * (1.0 - errors / math.sqrt(number)))

    @property
    def sound(self) -> bool:
        """Whether a state read back can have been written."""
        numbers = (self.number, self.excess, self.peak)
        return all(math.isfinite(number) and number >= 0 for number in numbers)
