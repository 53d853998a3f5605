"""More customers go on from a step than should: the mirror of `step_drop`, over the whole step.

Nulls as there, at the other edge: N ~ at most (1+δ)·μ·exp(3√(κ²+τ²)) for what changes fast, (1+δ)·μ·exp(3κ) for what
lasts, with the negative binomial evidence of `negative_binomial_surge`. Given that the baseline lies within three
standard errors both are e-detectors. While a rise stands nothing is learnt; it is over when the rate is back, or it
becomes the new normal when it is a day old (a week where hours of the week differ) and sure, or when somebody accepts.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from detectors import negative_binomial_surge, poisson_drop
from detectors.recursion import PENDING, RATIOS, Recursion
from detectors.series.recent import Recent, ratio_interval
from detectors.series.report import DAY, NEW_NORMAL, NEW_NORMAL_WEEK, SURE, Facts, Report, next_update
from detectors.steps.step_drop import STANDARD_ERRORS, TOLERANCE

_SURGES = negative_binomial_surge.SURGES
_EARLY_SECONDS, _EARLY_COUNT = 600, 20.0
_KNOWN = 30.0
"""Completions since the alarm from which on it may be accepted."""
_NEAREST = 1.18
"""How near to the usual rate the bar of an all-clear may come."""
_FARTHEST = 10.0


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """The whole step in one update."""

    tick: int
    """Its last second, UTC epoch."""
    seconds: int
    observed: float
    """Completions, and how many were due by the baseline."""
    expected: float
    kappa: float
    """Relative standard error of that."""
    fast: float
    """φ₁ ≥ 1, φ_max ≥ 1, τ² of the step (`Dispersion`)."""
    slow: float
    drift: float


class Risen(msgspec.Struct, array_like=True):
    """A rise that stands."""

    fired: int
    told: int
    facts: Facts
    bar: float
    """The all-clear asks whether the rate is still above so many times the usual one."""
    count: float = 0.0
    """Completions since the alarm, and how many were due."""
    expected: float = 0.0
    accepted: bool = False


class _Stored(msgspec.Struct, array_like=True):
    evidence: bytes
    clearing: bytes
    recent: Recent
    risen: Risen | None


class StepRise:
    """Of one step. An update costs about 25 µs; memory 30 kB."""

    def __init__(self) -> None:
        self._evidence = Recursion(2 * len(_SURGES), series=1)
        self._clearing = Recursion(len(RATIOS), series=1)
        self._recent = Recent()
        self.risen: Risen | None = None

    @property
    def level(self) -> float:
        """R̄."""
        return float(self._evidence.levels[0])

    def reset(self) -> None:
        """No evidence, no alarm, and nothing of before."""
        self._evidence.reset([0])
        self._recent.clear()
        self.risen = None

    def accept(self) -> None:
        """Somebody says that this is the new normal: it takes over as soon as enough is known."""
        if self.risen is not None:
            self.risen.accepted = True

    def update(self, seen: Seen, credit: float, bar: float, *, seasonal: bool) -> Report | None:
        """One update, and what there is to tell.

        `credit`: expected false alarms granted for it; `bar` ≥ 1: the evidence that fires; `seasonal`: whether hours of
        the week differ.
        """
        if seen.expected > 0:
            self._recent.add(seen.tick, (seen.observed, seen.expected))
        if self.risen is not None:
            return self._nurse(self.risen, seen, seasonal)
        if credit <= 0 or seen.expected <= 0:
            return None
        edge = (1 + TOLERANCE) * seen.expected
        errors = (math.sqrt(seen.kappa**2 + seen.drift), seen.kappa)
        nulls = np.array([edge * math.exp(STANDARD_ERRORS * min(error, _FARTHEST)) for error in errors])
        counts, dispersions = np.full(2, seen.observed), np.array([seen.fast, seen.slow])
        # Updates that clump over hours are not independent: each counts in proportion, as in a rate.
        log_e = negative_binomial_surge.log_evidence(counts, nulls, dispersions) * (seen.fast / seen.slow)
        level = float(self._evidence.update(log_e.reshape(1, -1), np.array([credit]))[0])
        if level < bar:
            return None
        facts, low = self.measure(seen)
        self._evidence.reset([0])
        self._clearing.reset([0])
        facts = facts._replace(evidence=level)
        self.risen = Risen(seen.tick, seen.tick, facts, max((low + 1 + TOLERANCE) / 2, _NEAREST))
        return Report("fire", "up", seen.tick, facts)

    @property
    def pending(self) -> bool:
        """Whether a rise is on the way."""
        return self.risen is None and self.level >= PENDING and bool(self._recent.minutes)

    def measure(self, seen: Seen) -> tuple[Facts, float]:
        """The rise as known now, and the lower end of the interval of the ratio since it began."""
        began = self._recent.rate_change("up", seen.fast)
        count, expected = (float(value) for value in began.sums)
        low, high = ratio_interval(count, expected, seen.fast, min(seen.kappa, 1.0))
        early = seen.tick - began.since < _EARLY_SECONDS or expected < _EARLY_COUNT * seen.fast
        size, size_low, size_high = (max(part - 1, 0.0) for part in (count / expected, low, high))
        return Facts(
            began.since, began.low, began.high, count, expected, size, size_low, size_high, early, self.level
        ), low

    def _nurse(self, risen: Risen, seen: Seen, seasonal: bool) -> Report | None:
        """Is it over, is it the new normal, or is there more to tell?"""
        risen.count += seen.observed
        risen.expected += seen.expected
        if seen.expected > 0:
            null, counts = np.array([risen.bar * seen.expected]), np.array([seen.observed])
            log_e = poisson_drop.log_evidence(counts, null, np.array([seen.fast]))
            if float(self._clearing.update(log_e, np.array([seen.seconds / DAY]))[0]) >= 1:
                self.reset()
                return Report("resolve", "up", seen.tick)
        if self._settled(risen, seen, seasonal) or (risen.accepted and risen.count >= _KNOWN):
            facts, ratio = risen.facts, risen.count / risen.expected
            self.reset()
            return Report("rebaseline", "up", seen.tick, facts, ratio)
        if seen.tick < next_update(risen.fired, risen.told) or not self._recent.minutes:
            return None
        risen.told = seen.tick
        risen.facts = self.measure(seen)[0]._replace(evidence=risen.facts.evidence)
        return Report("update", "up", seen.tick, risen.facts)

    @staticmethod
    def _settled(risen: Risen, seen: Seen, seasonal: bool) -> bool:
        old = seen.tick - risen.fired >= (NEW_NORMAL_WEEK if seasonal else NEW_NORMAL)
        return old and risen.count > 0 and risen.expected > 0 and math.sqrt(seen.slow / risen.count) <= SURE

    def dump(self) -> bytes:
        """Everything, for `load`."""
        stored = _Stored(self._evidence.snapshot(), self._clearing.snapshot(), self._recent, self.risen)
        return msgspec.msgpack.encode(stored)

    def load(self, body: bytes) -> None:
        """Take what `dump` wrote."""
        stored = _DECODE(body)
        self._evidence.restore(stored.evidence)
        self._clearing.restore(stored.clearing)
        self._recent, self.risen = stored.recent, stored.risen


_DECODE = msgspec.msgpack.Decoder(_Stored).decode
