"""Too many still open at an age by which most are done: the evidence under which handling has become slower."""

from __future__ import annotations

import math
from typing import ClassVar

import msgspec
import numpy as np

from detectors import state
from detectors.contract import WEEK_SECONDS, Detector, Guarantee, Verdict
from detectors.recursion import Floats, Recursion

ODDS: Floats = np.array([1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0])
"""Alternatives: by how much the odds of being still open are multiplied. Fixed parts of the largest bet 1/q₀ would do
for a q₀ of one half; at q₀ = 1 % even a tenth of it asks for an eleven-fold share."""


def log_evidence(count: Floats, still_open: Floats, null: Floats, odds: Floats = ODDS) -> Floats:
    """log e = s ln ω − n ln(1 + (ω − 1)q₀) for every series and alternative ω, shape (series, alternatives).

    `count` n customers, calls or cases reached the age in this update, `still_open` s ≤ n of them were still open
    then, `null` q₀ ∈ [0, 1] is the largest share the null allows; each of shape (series,).
    Each observation x ∈ {0, 1} is a factor 1 + λ(x − q₀) with λ = (ω − 1)/(1 + (ω − 1)q₀) ≤ 1/q₀, never negative, and
    E = 1 + λ(p − q₀) ≤ 1 for every p ≤ q₀, whatever the other observations did: the likelihood ratio of Bernoullis.
    With every ω < 1 it is the mirror: q₀ is then the least the null allows, as for an all-clear.
    """
    log_e: Floats = still_open[:, None] * np.log(odds) - count[:, None] * np.log1p((odds - 1.0) * null[:, None])
    return log_e


class BernoulliAtAge(Detector):
    """Notices that more calls, cases or orders than usual are still open at a given age.

    Each is looked at once, when it reaches the benchmark age: x = 1 if still open then, else 0 – at that age also for
    those done long before, so that the quick ones do not come first and hide a slow spell.

    Parameters
    ----------
    share
        Share that is still open at that age while nothing is wrong, 0 ≤ share < 1.
    tolerance
        What may be added to the share without being called slow, in shares of 1, ≥ 0. More of it: blind to small
        changes, and safe from a share that was estimated too low.
    error
        Standard error of the share, ≥ 0; three of it are added. 0 for a share that is agreed and not learnt.
    credit
        Expected false alarms per observation, ≥ 0. The default is one a week at one observation a second. More of it:
        faster, and more false alarms.

    One update costs about 20 µs alone and 0.1 µs among many (`log_evidence`, `Recursion`); memory 56 bytes.

    Notes
    -----
    E[e | past] ≤ 1 while the chance of being still open, given the past, is at most share + tolerance + 3·error.

    Examples
    --------
    >>> import random
    >>> from detectors.bernoulli_at_age import BernoulliAtAge
    >>> chance, detector = random.Random(7), BernoulliAtAge(share=0.1)
    >>> for call in range(5000):
    ...     still_open = chance.random() < (0.1 if call < 3000 else 0.3)
    ...     if detector.update(still_open).alarm:
    ...         print("alarm at", call)
    ...         break
    alarm at 3170

    References
    ----------
    Waudby-Smith & Ramdas (2024). *Estimating means of bounded random variables by betting.*
    Shin, Ramdas & Rinaldo (2022). *E-detectors: a nonparametric framework for sequential change detection.*
    """

    guarantee: ClassVar[Guarantee] = "given baseline"

    def __init__(
        self, share: float = 0.1, tolerance: float = 0.02, error: float = 0.0, credit: float = 1 / WEEK_SECONDS
    ) -> None:
        if not 0 <= share < 1 or not 0 <= tolerance < math.inf or not 0 <= error < math.inf:
            raise ValueError(
                "expected a share in [0, 1), a tolerance and a standard error of at least 0;"
                f" got {share}, {tolerance}, {error}"
            )
        if not 0 <= credit < math.inf:
            raise ValueError(f"expected a credit of at least 0, got {credit}")
        self.share = share
        self.tolerance = tolerance
        self.error = error
        self.credit = credit
        self._recursion = Recursion(len(ODDS), series=1)

    def update(self, x: float, credit: float | None = None) -> Verdict:
        """Take one observation at the age: 1 still open, 0 done. Raises ValueError for anything between or beyond."""
        if math.isnan(x):
            return Verdict(False, float(self._recursion.levels[0]))
        if x not in (0, 1):
            raise ValueError(f"expected 1 (still open) or 0 (done), got {x}")
        null = min(1.0, self.share + self.tolerance + 3 * self.error)
        log_e = log_evidence(np.array([1.0]), np.array([float(x)]), np.array([null]))
        level = float(self._recursion.update(log_e, np.array([self.credit if credit is None else credit]))[0])
        if level >= 1:
            self._recursion.reset([0])
        return Verdict(level >= 1, level)

    def settle(self) -> None:
        self._recursion.reset([0])

    def snapshot(self) -> bytes:
        return state.encode(_State(self._recursion.snapshot()))

    def restore(self, body: bytes) -> None:
        self._recursion.restore(state.fitting(state.decode(body, _State).evidence, self._recursion))


class _State(msgspec.Struct, frozen=True, array_like=True, tag="bernoulli_at_age"):
    evidence: bytes
