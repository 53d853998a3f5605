"""River's Page–Hinkley test behind the contract: what was lost against the mean so far, summed up."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import msgspec
from river import drift, stats

from detectors import state
from detectors.contract import Detector, Guarantee, Verdict

_LARGEST = 1e100


class PageHinkley(Detector):
    """Notices that the mean of a series has moved, by a sum of deviations from its mean so far.

    For any number whose spread is known, as `threshold` and `delta` are in its units. It knows no budget of false
    alarms: credit is not used. The level is the part of the threshold that is used up, and 1 and more at an alarm.

    Parameters
    ----------
    min_instances
        Observations before the first verdict, ≥ 1. More of it: a surer mean, and blind for longer.
    delta
        Deviation from the mean that is allowed for, in units of the series, ≥ 0. More of it: fewer false alarms, and
        blind to small changes.
    threshold
        Sum of deviations that alarms, in units of the series, > 0. More of it: later, and fewer false alarms.
    alpha
        What is kept of the sum at each observation, 0 < alpha ≤ 1. Less of it: forgets slow changes.
    mode
        `up`, `down` or `both`.

    One update costs about 1 µs; memory 100 bytes.

    Examples
    --------
    >>> import random
    >>> from detectors.page_hinkley import PageHinkley
    >>> chance, detector = random.Random(7), PageHinkley(mode="down")
    >>> for second in range(2000):
    ...     if detector.update(chance.gauss(5 if second < 1000 else 4, 1)).alarm:
    ...         print("alarm at", second)
    ...         break
    alarm at 1033

    References
    ----------
    Page (1954). *Continuous inspection schemes.* River's `drift.PageHinkley`, from which it departs in the level only:
    River tells an alarm and nothing below it. After an alarm it begins anew.
    """

    guarantee: ClassVar[Guarantee] = "none"

    def __init__(
        self,
        min_instances: int = 30,
        delta: float = 0.005,
        threshold: float = 50.0,
        alpha: float = 0.9999,
        mode: Literal["up", "down", "both"] = "both",
    ) -> None:
        if min_instances < 1 or not 0 <= delta < math.inf or not 0 < threshold < math.inf or not 0 < alpha <= 1:
            raise ValueError(
                "expected instances of at least 1, a delta of at least 0, a threshold above 0, an alpha in (0, 1];"
                f" got {min_instances}, {delta}, {threshold}, {alpha}"
            )
        if mode not in ("up", "down", "both"):
            raise ValueError(f"expected up, down or both, got {mode!r}")
        self.min_instances = min_instances
        self.delta = delta
        self.threshold = threshold
        self.alpha = alpha
        self.mode: Literal["up", "down", "both"] = mode
        self._model = self._fresh()

    def _fresh(self) -> drift.PageHinkley:
        return drift.PageHinkley(self.min_instances, self.delta, self.threshold, self.alpha, self.mode)

    def update(self, x: float, credit: float | None = None) -> Verdict:
        """Take one observation. Raises ValueError for one that is infinite or beyond 1e100."""
        if math.isnan(x):
            return Verdict(False, self._level())
        if not abs(x) <= _LARGEST:
            raise ValueError(f"expected a number up to {_LARGEST}, got {x}")
        x = float(x)  # a numpy number would end up in the state
        self._model.update(x)  # type: ignore[no-untyped-call]  # River has no annotations here
        if not self._model.drift_detected:
            return Verdict(False, self._level())
        used = self._used()
        self._model = self._fresh()
        return Verdict(True, max(used, 1.0))

    def _level(self) -> float:
        # River alarms above the threshold, not at it.
        return min(self._used(), math.nextafter(1.0, 0.0))

    def _used(self) -> float:
        model = self._model
        if model._x_mean.n < self.min_instances:
            return 0.0
        rise = model._sum_increase - model._min_increase if self.mode != "down" else 0.0
        fall = model._max_decrease - model._sum_decrease if self.mode != "up" else 0.0
        return float(max(rise, fall, 0.0)) / self.threshold

    def snapshot(self) -> bytes:
        model = self._model
        numbers = [model._x_mean.get(), model._sum_increase, model._sum_decrease]
        return state.encode(_State(int(model._x_mean.n), [*numbers, model._min_increase, float(model._max_decrease)]))

    def restore(self, body: bytes) -> None:
        found = state.decode(body, _State)
        if len(found.numbers) != 5 or found.n < 0 or any(math.isnan(number) for number in found.numbers):
            raise ValueError("expected a count and five numbers")
        model = self._fresh()
        model._x_mean = stats.Mean._from_state(found.n, found.numbers[0])
        model._sum_increase, model._sum_decrease, model._min_increase = found.numbers[1:4]
        model._max_decrease = found.numbers[4]  # type: ignore[assignment]  # begins as the integer −1
        self._model = model


class _State(msgspec.Struct, frozen=True, array_like=True, tag="page_hinkley"):
    n: int
    numbers: list[float]
    """Mean, sum of rises, sum of falls, lowest sum of rises, highest sum of falls."""
