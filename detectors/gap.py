"""A source that has fallen silent: the evidence that its present gap is not one of its usual gaps."""

from __future__ import annotations

import math
from typing import ClassVar

import msgspec
import numpy as np

from detectors import state
from detectors.contract import WEEK_SECONDS, Detector, Guarantee, Verdict
from detectors.gap_law import ENDED, EXPOSED, TRIED, GapLaw
from detectors.recursion import Floats, Recursion

LEAST_GAPS = 100
"""Gaps learnt before a silence may be called one."""
LEAST_RATE = 1 / 60
"""Updates with an event per second below which a source is too slow to be watched."""


def log_evidence(silent: Floats, hazard: Floats) -> Floats:
    """log e = Λ after an update without event, −∞ after one with: shape (series, 1).

    `silent`: 1 or 0 for each series; `hazard` Λ ≥ 0: the least the null allows for −ln P(no event in this update),
    given how long the source has been silent; each of shape (series,).
    The likelihood ratio of "dead" against the gap law: E[e | past] = P(no event)·exp(Λ) ≤ 1 while
    P(no event) ≤ exp(−Λ). Only "dead" is an alternative. "Slower by r", with e = r·exp((1 − r)Λ) at an event, is as
    valid if gaps are independent; but where slow hours follow busy ones each of their gaps multiplies it by more than
    1, and it alarms though nothing is silent. Few stragglers from a dead source only begin its gap anew.
    """
    log_e: Floats = np.where(silent > 0, hazard, -np.inf)[:, None]
    return log_e


class Gap(Detector):
    """Notices that a source has fallen silent for longer than its own gaps explain.

    It learns the law of the gaps between updates with an event (`GapLaw`), each gap when it has ended. Of a gap that
    alarmed nothing more is said until the next event, and it is not learnt unless someone says that it is usual
    (`accept`). It says nothing before 100 gaps, nor of a source with fewer than one update with an event a minute.

    Parameters
    ----------
    seconds
        Length of an update, in seconds, > 0.
    tolerance
        Part by which the source may become slower without being called silent, 0 ≤ tolerance < 1. More of it: later,
        and safe from slow changes.
    half_life
        Seconds after which a gap counts half in what is learnt, > 0. More of it: surer, and slower to follow.
    credit
        Expected false alarms per update, ≥ 0. The default is one a week at an update a second. More of it: faster,
        and more false alarms.

    One update costs about 30 µs, the first beyond the ages often reached 0.2 ms more; memory 5 kB.

    Notes
    -----
    E[e | past] ≤ 1 (`log_evidence`) while the chance of an event in an update, given the time since the last one, is
    at least what `GapLaw` bounds it by from below: three standard errors of the gaps seen at that age, an exponential
    tail beyond. Clumped arrivals make long gaps usual, so that their hazard is low and the alarm later.
    A source that abruptly becomes slow is silent by the law it had, and is told so until it has learnt the longer gaps
    that stay below an alarm. As gaps that alarmed are not learnt, a very heavy tail is learnt too light: at a credit of
    one an hour, gaps with a Pareto tail of power 1.5 gave 1.07 alarms per credit, lighter ones 0.1 to 0.5. Without
    `factor`, a rate that swings a hundredfold between day and night gave 2.2: its gaps are not independent.

    Examples
    --------
    >>> import random
    >>> from detectors.gap import Gap
    >>> chance, detector = random.Random(7), Gap()
    >>> for second in range(5000):
    ...     events = sum(chance.random() < 0.1 for _ in range(5)) if second < 4000 else 0
    ...     if detector.update(events).alarm:
    ...         print("alarm at", second)
    ...         break
    alarm at 4039

    References
    ----------
    Shin, Ramdas & Rinaldo (2022). *E-detectors: a nonparametric framework for sequential change detection.*
    Wilson (1927). *Probable inference, the law of succession, and statistical inference.*
    """

    guarantee: ClassVar[Guarantee] = "given baseline"

    def __init__(
        self,
        seconds: float = 1.0,
        tolerance: float = 0.1,
        half_life: float = WEEK_SECONDS,
        credit: float = 1 / WEEK_SECONDS,
    ) -> None:
        if not 0 < seconds < math.inf or not 0 <= tolerance < 1 or not half_life > 0 or not 0 <= credit < math.inf:
            raise ValueError(
                "expected seconds above 0, a tolerance in [0, 1), a half-life above 0, a credit of at least 0;"
                f" got {seconds}, {tolerance}, {half_life}, {credit}"
            )
        self.seconds = seconds
        self.tolerance = tolerance
        self.half_life = half_life
        self.credit = credit
        self._law = GapLaw(seconds, half_life)
        self._recursion = Recursion(1, series=1)
        self._gap = self._told = _Stretch.none(self._law.bins)
        self._begun = self._alarmed = False

    @property
    def watched(self) -> bool:
        """Whether a silence could alarm: enough gaps learnt, often enough an event, and the last alarm over."""
        begun = self._begun and not self._alarmed
        return begun and self._law.gaps >= LEAST_GAPS and self._law.rate >= LEAST_RATE

    @property
    def silent_for(self) -> float:
        """Seconds since the last update with an event, as the hour of the week counts them."""
        return self._gap.age

    def update(
        self, x: float, credit: float | None = None, seconds: float | None = None, factor: float = 1.0
    ) -> Verdict:
        """Take the number of events in one update.

        `seconds`: its length where it differs from the constructor's. `factor`: how busy this hour of the week is
        against the mean, ≥ 0; ages and hazards count in seconds times it, so that a closed night is no silence.
        Raises ValueError for a number of events that is negative or infinite, and for such a length or factor.
        """
        if math.isnan(x):
            return Verdict(False, float(self._recursion.levels[0]))
        length = self.seconds if seconds is None else seconds
        if not 0 <= x < math.inf or not 0 < length < math.inf or not 0 <= factor < math.inf:
            raise ValueError(f"expected a count, a length and a factor of at least 0; got {x}, {length}, {factor}")
        exposed = length * factor
        level = self._judge(x == 0, exposed, self.credit if credit is None else credit)
        if level >= 1:
            self._recursion.reset([0])
            self._alarmed = True
        self._follow(x > 0, exposed, length)
        return Verdict(level >= 1, level)

    def accept(self) -> bool:
        """Learn the last silence that alarmed, now that it is over, as a usual one; False when there is none."""
        if not self._told.sums.any():
            return False
        self._law.learn(self._told.sums, self._told.elapsed)
        self._told = _Stretch.none(self._law.bins)
        return True

    def _judge(self, silent: bool, exposed: float, credit: float) -> float:
        if not self.watched:
            return 0.0
        hazard = self._law.hazard(self._law.bin(self._gap.age)) * exposed * (1 - self.tolerance) if silent else 0.0
        log_e = log_evidence(np.array([float(silent)]), np.array([hazard]))
        return float(self._recursion.update(log_e, np.array([credit]))[0])

    def _follow(self, ended: bool, exposed: float, length: float) -> None:
        """The present gap goes on, or ends and is learnt, or the first one begins."""
        if self._begun and exposed > 0:
            self._gap.add(self._law.bin(self._gap.age), ended, exposed, length)
        if not ended:
            return
        if self._alarmed:
            self._told = self._gap
        elif self._gap.age > 0:
            self._law.learn(self._gap.sums, self._gap.elapsed)
        self._gap = _Stretch.none(self._law.bins)
        self._begun, self._alarmed = True, False

    def settle(self) -> None:
        self._recursion.reset([0])
        self._gap = self._told = _Stretch.none(self._law.bins)
        self._begun = self._alarmed = False

    def snapshot(self) -> bytes:
        evidence, law = self._recursion.snapshot(), self._law.sums.astype("<f8").tobytes()
        return state.encode(_State(evidence, law, self._gap.saved(), self._told.saved(), self._begun, self._alarmed))

    def restore(self, body: bytes) -> None:
        found = state.decode(body, _State)
        evidence = state.fitting(found.evidence, self._recursion)
        law = GapLaw(self.seconds, self.half_life)
        law.sums = _sums(found.law, law.bins)
        self._gap, self._told = (_Stretch.read(each, law.bins) for each in (found.gap, found.told))
        self._law = law
        self._recursion.restore(evidence)
        self._begun, self._alarmed = found.begun, found.alarmed


class _Stretch:
    """One gap so far: what it adds to the law, its age and the seconds it took, which differ by the hour's factor."""

    def __init__(self, sums: Floats, age: float, elapsed: float) -> None:
        self.sums = sums
        self.age = age
        self.elapsed = elapsed

    @staticmethod
    def none(bins: int) -> _Stretch:
        return _Stretch(np.zeros((3, bins)), 0.0, 0.0)

    def add(self, at: int, ended: bool, exposed: float, length: float) -> None:
        self.sums[ENDED, at] += ended
        self.sums[TRIED, at] += 1
        self.sums[EXPOSED, at] += exposed
        self.age += exposed
        self.elapsed += length

    def saved(self) -> _Saved:
        return _Saved(self.sums.astype("<f8").tobytes(), self.age, self.elapsed)

    @staticmethod
    def read(saved: _Saved, bins: int) -> _Stretch:
        if not 0 <= saved.age < math.inf or not 0 <= saved.elapsed < math.inf:
            raise ValueError("expected an age and a time of at least 0")
        return _Stretch(_sums(saved.sums, bins), saved.age, saved.elapsed)


def _sums(body: bytes, bins: int) -> Floats:
    if len(body) != 24 * bins:
        raise ValueError(f"expected a law of {bins} bins of age, got {len(body)} bytes")
    sums = np.frombuffer(body, "<f8").reshape(3, bins).astype(np.float64)
    if not np.isfinite(sums).all() or sums.min() < 0:
        raise ValueError("expected sums that are finite and not negative")
    return sums


class _Saved(msgspec.Struct, frozen=True, array_like=True):
    sums: bytes
    age: float
    elapsed: float


class _State(msgspec.Struct, frozen=True, array_like=True, tag="gap"):
    evidence: bytes
    law: bytes
    gap: _Saved
    told: _Saved
    begun: bool
    alarmed: bool
