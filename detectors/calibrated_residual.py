"""Any other series: how far it is from its forecast, ranked among its own past, calibrated on its quiet history."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

import msgspec
import numpy as np

from detectors import state
from detectors.calibration import Calibration
from detectors.contract import Detector, Guarantee, Verdict
from detectors.forecasters.exponential import Exponential
from detectors.forecasters.forecaster import MOST, Forecaster
from detectors.forecasters.seasonal_naive import SeasonalNaive
from detectors.recursion import Floats, Recursion
from detectors.tail import Tail

Direction = Literal["down", "up", "both"]

CALIBRATORS: Floats = np.array([0.035, 0.07, 0.14])
"""κ of e = κ·p^(κ−1), whose integral over p is 1: small ones wait for something rare, large ones add up the unusual."""
_LOG_CALIBRATORS: Floats = np.log(CALIBRATORS)
_SHARE = 0.01
_MOST_LEARNT = 1.5
"""A residual is learnt as no more than this many times what is expected once in the memory."""
_OUTLYING = 20.0
"""Nor does one add more than this many times the usual size to the usual size."""
_PRIOR_EXCESSES = 30.0
_PRIOR_PEAKS = 30.0
_ERRORS = 1.0
_FARTHEST = 1e6
_MOST_EVIDENCE = 1e200
_FIRST_RESIDUALS = 10
"""Residuals from which the usual size is known at all."""
_FIRST_SCALES = 50
"""Residuals before which the usual size is not known well enough to call one outlying."""


class CalibratedResidual(Detector):
    """Notices that a series is no longer what was forecast, for any numbers: durations, counts, sums, shares.

    Each number is compared with two forecasts made before it: River's exponential smoothing, and the same time of the
    season before. A residual is divided by its usual size and ranked among those before it, with an exponential tail
    beyond the highest per cent. The two surprises −ln p are averaged (a
    young ranking weighs less) and ranked once more, which allows for any
    dependence between them; the resulting p becomes e = κ·p^(κ−1). Where the peaks of this evidence have had a heavier
    tail than evidence may have, it is tempered (`Calibration`).

    The guarantee is measured, not proven: false alarms keep to the credit as long as the residuals of the future are
    like those of the past. It would be exact only if they were exchangeable. A series that wanders without a usual
    level (a random walk) alarms about three times as often as granted with a season, 1.5 times without one: for it
    there is `snarimax` with d = 1.

    Parameters
    ----------
    period
        Length of a season in updates, such as a day, ≥ 0; 0: no season. The default is a day of minutes.
    direction
        `up`, `down` or `both`: which numbers count, those above the forecast or those below it.
    alpha
        Weight of the newest number in the smoothing, 0 < alpha < 1. More of it: follows faster, and is sooner used to
        a change.
    memory
        Updates after which a residual weighs 1/e in the ranking, ≥ 100. More of it: surer what is rare, and slower to
        follow a series that becomes noisier.
    warm_up
        Updates before evidence is collected, ≥ 0.
    rest
        Updates after an alarm in which none is collected, as the forecast has to get used to what is new, ≥ 0; None: a
        season, or 60 without one.
    credit
        Expected false alarms per update. The default is one a week at an update a minute.

    One update costs about 30 µs; memory 15 kB and 8 bytes for each update of a season.

    Examples
    --------
    >>> import random
    >>> from detectors.calibrated_residual import CalibratedResidual
    >>> chance, detector = random.Random(7), CalibratedResidual(period=24)
    >>> for minute in range(3000):
    ...     usual = 100 + 20 * (minute % 24 > 12) + chance.gauss(0, 3)
    ...     if detector.update(usual if minute < 2500 else usual + 60).alarm:
    ...         print("alarm at", minute)
    ...         break
    alarm at 2500

    References
    ----------
    Vovk & Wang (2021). *E-values: calibration, combination and applications.* Shin, Ramdas & Rinaldo (2022).
    *E-detectors.* Pickands (1975) for the exponential tail of what exceeds a high threshold.
    """

    guarantee: ClassVar[Guarantee] = "calibrated"

    def __init__(
        self,
        period: int = 1440,
        direction: Direction = "both",
        alpha: float = 0.2,
        memory: float = 4000.0,
        warm_up: int = 100,
        rest: int | None = None,
        credit: float = 1 / 10_080,
    ) -> None:
        self.alpha = alpha
        self._set(period, direction, memory, warm_up, rest, credit)

    def _set(
        self, period: int, direction: Direction, memory: float, warm_up: int, rest: int | None, credit: float
    ) -> None:
        """Check and store what all detectors by residuals share, and begin."""
        numbers = period >= 0 and memory >= 100 and warm_up >= 0 and (rest is None or rest >= 0) and credit >= 0
        if not numbers or direction not in ("down", "up", "both"):
            raise ValueError(
                "expected a period, a warm-up, a rest and a credit of at least 0, a memory of at least 100, and down,"
                f" up or both; got {period}, {warm_up}, {rest}, {credit}, {memory}, {direction!r}"
            )
        self.period = period
        self.direction: Direction = direction
        self.memory = memory
        self.warm_up = warm_up
        self.rest = rest
        self.credit = credit
        self._forecasters = self._made()
        self._tails = [self._tail() for _ in self._forecasters]
        self._scales = [0.0] * len(self._forecasters)
        self._residuals = [0] * len(self._forecasters)
        self._joint = self._joint_tail()
        self._recursion = Recursion(len(CALIBRATORS), series=2)
        """First the evidence, then the same untempered and with a credit of 1, for the calibration."""
        self._calibration = Calibration()
        self._seen = 0
        self._next = 0
        self._until = warm_up

    def _made(self) -> Sequence[Forecaster]:
        """The forecasters, new."""
        smoothing = Exponential(self.alpha)
        return [smoothing, SeasonalNaive(self.period)] if self.period else [smoothing]

    def _tail(self) -> Tail:
        return Tail(self.memory, _SHARE, _MOST_LEARNT)

    def _joint_tail(self) -> Tail:
        # An average of −ln p has excesses of about 1 by construction; the prior says so.
        return Tail(self.memory, _SHARE, _MOST_LEARNT, _PRIOR_EXCESSES, 1.0)

    def update(self, x: float, credit: float | None = None, at: int | None = None) -> Verdict:
        """Take one number; `at` is the number of its update, growing, where some may be missing.

        Raises ValueError for a number that is infinite or beyond 1e100.
        """
        if math.isnan(x):
            return Verdict(False, float(self._recursion.levels[0]))
        if not abs(x) <= MOST:
            raise ValueError(f"expected a number up to {MOST}, got {x}")
        at = self._next if at is None else at
        surprise = self._take(float(x), at)
        self._next = at + 1
        self._seen += 1
        if self._seen <= self._until:
            return Verdict(False, 0.0)
        return self._collect(surprise, self.credit if credit is None else credit)

    def _take(self, x: float, at: int) -> float:
        """How rare the number is, as −ln p; then it is learnt."""
        surprises = weights = 0.0
        for number, forecaster in enumerate(self._forecasters):
            residual, tail, usual = forecaster.left_over(x, at), self._tails[number], math.inf
            if residual is not None:
                size = abs(residual) if self.direction == "both" else max(0.0, self._side * residual)
                scale = self._scales[number]
                relative = min(size / scale, _FARTHEST) if scale > 0 else (_FARTHEST if size > 0 else 0.0)
                if tail.ready:
                    weights += tail.weight
                    surprises += tail.weight * tail.surprise(relative)
                usual = tail.edge * scale if scale > 0 else math.inf
                if self._residuals[number] >= _FIRST_RESIDUALS:
                    tail.add(relative)
                self._learn_scale(number, size)
            forecaster.learn(x, usual, at)
        if not weights:
            return 0.0
        together = surprises / weights
        surprise = self._joint.surprise(together)
        self._joint.add(together)
        return surprise

    @property
    def _side(self) -> float:
        return 1.0 if self.direction == "up" else -1.0

    def _learn_scale(self, number: int, size: float) -> None:
        scale, residuals = self._scales[number], self._residuals[number]
        if scale > 0 and residuals > _FIRST_SCALES:
            size = min(size, _OUTLYING * scale)
        self._residuals[number] = residuals + 1
        self._scales[number] = scale + (size - scale) / min(residuals + 1, self.memory)

    def _collect(self, surprise: float, credit: float) -> Verdict:
        """Turn −ln p into evidence and add it up."""
        log_e = _LOG_CALIBRATORS + (1.0 - CALIBRATORS) * surprise
        tempered = self._calibration.exponent(_PRIOR_PEAKS, _ERRORS) * log_e
        levels = self._recursion.update(np.stack([tempered, log_e]), np.array([credit, 1.0]))
        level, untempered = float(levels[0]), min(float(levels[1]), _MOST_EVIDENCE)
        np.minimum(self._recursion.values, _MOST_EVIDENCE, out=self._recursion.values)
        if level >= 1:
            self._recursion.reset([0, 1])
            self._calibration.alarmed()
            self._until = self._seen + (self.rest if self.rest is not None else self.period or 60)
            return Verdict(True, level)
        self._calibration.take(math.log(untempered) if untempered > 0 else 0.0, 1.0 - 0.1 / self.memory)
        return Verdict(False, level)

    def settle(self) -> None:
        self._recursion.reset([0, 1])
        self._calibration.alarmed()

    def snapshot(self) -> bytes:
        return state.encode(
            _State(
                type(self).__name__,
                [forecaster.snapshot() for forecaster in self._forecasters],
                [tail.snapshot() for tail in [*self._tails, self._joint]],
                list(self._scales),
                list(self._residuals),
                self._recursion.snapshot(),
                self._calibration,
                [self._seen, self._next, self._until],
            )
        )

    def restore(self, body: bytes) -> None:
        found = state.decode(body, _State)
        size = len(self._forecasters)
        if found.kind != type(self).__name__ or any(
            len(column) != length
            for column, length in (
                (found.forecasters, size),
                (found.tails, size + 1),
                (found.scales, size),
                (found.residuals, size),
                (found.counters, 3),
            )
        ):
            raise ValueError(f"expected a state of a {type(self).__name__} with {size} forecasts, got {found.kind}")
        if not all(math.isfinite(scale) and scale >= 0 for scale in found.scales) or not found.calibration.sound:
            raise ValueError("expected scales and peaks that are finite and not negative")
        evidence = state.fitting(found.evidence, self._recursion)
        forecasters, tails = self._made(), [*(self._tail() for _ in self._tails), self._joint_tail()]
        for forecaster, forecast in zip(forecasters, found.forecasters, strict=True):
            forecaster.restore(forecast)
        for tail, ranked in zip(tails, found.tails, strict=True):
            tail.restore(ranked)
        self._forecasters, self._tails, self._joint = forecasters, tails[:-1], tails[-1]
        self._scales, self._residuals = found.scales, found.residuals
        self._recursion.restore(evidence)
        self._calibration = found.calibration
        self._seen, self._next, self._until = found.counters


class _State(msgspec.Struct, frozen=True, array_like=True, tag="calibrated_residual"):
    kind: str
    forecasters: list[bytes]
    tails: list[bytes]
    scales: list[float]
    residuals: list[int]
    evidence: bytes
    calibration: Calibration
    counters: list[int]
    """Numbers seen, number of the next update, and how many have to be seen before evidence is collected."""
