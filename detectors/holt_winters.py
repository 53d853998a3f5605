"""River's Holt–Winters forecast behind the contract: level, trend and season, and how unusual the rest is."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.calibrated_residual import CalibratedResidual, Direction
from detectors.forecasters.exponential import Exponential
from detectors.forecasters.forecaster import Forecaster


class HoltWinters(CalibratedResidual):
    """Notices that a series is no longer what Holt–Winters smoothing forecast.

    For series with a smooth trend or season. The evidence is that of `CalibratedResidual`, from this one forecast.

    Parameters
    ----------
    alpha
        Weight of the newest number in the level, 0 < alpha < 1. More of it: follows faster.
    beta
        Weight of the newest step in the trend, 0 ≤ beta < 1; 0: neither trend nor season.
    gamma
        Weight of the newest number in the season, 0 ≤ gamma < 1; 0: no season.
    period
        Length of a season in updates, ≥ 0; 0: no season. Nothing is forecast before one has passed.
    direction
        `up`, `down` or `both`: which numbers count, those above the forecast or those below it.
    memory
        Updates after which a residual weighs 1/e in the ranking, ≥ 100.
    warm_up
        Updates before evidence is collected, ≥ 0.
    rest
        Updates after an alarm in which none is collected, ≥ 0; None: a season, or 60 without one.
    credit
        Expected false alarms per update. The default is one a week at an update a minute.

    One update costs about 30 µs; memory 10 kB and 40 bytes for each update of a season. Updates that are missing shift
    the season: give it a series without gaps, or name `calibrated_residual`.

    Examples
    --------
    >>> import math, random
    >>> from detectors.holt_winters import HoltWinters
    >>> chance, detector = random.Random(7), HoltWinters(period=60)
    >>> for minute in range(3000):
    ...     usual = 100 + 20 * math.sin(minute / 60 * 2 * math.pi) + chance.gauss(0, 3)
    ...     if detector.update(usual if minute < 2500 else usual + 30).alarm:
    ...         print("alarm at", minute)
    ...         break
    alarm at 2500

    References
    ----------
    Winters (1960). *Forecasting sales by exponentially weighted moving averages.* River's `time_series.HoltWinters`,
    from which it departs in the beginning (`detectors.forecasters.exponential`).
    """

    def __init__(
        self,
        alpha: float = 0.1,
        beta: float = 0.001,
        gamma: float = 0.2,
        period: int = 60,
        direction: Direction = "both",
        memory: float = 4000.0,
        warm_up: int = 100,
        rest: int | None = None,
        credit: float = 1 / 10_080,
    ) -> None:
        self.beta = beta
        self.gamma = gamma
        super().__init__(period, direction, alpha, memory, warm_up, rest, credit)

    def _made(self) -> Sequence[Forecaster]:
        return [Exponential(self.alpha, self.beta, self.gamma, self.period)]
