"""River's SNARIMAX forecast behind the contract: a regression on what came before, and how unusual the rest is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from detectors.calibrated_residual import CalibratedResidual, Direction
from detectors.contract import Guarantee
from detectors.forecasters.autoregressive import Autoregressive
from detectors.forecasters.forecaster import Forecaster


class SNARIMAX(CalibratedResidual):
    """Notices that a series is no longer what a regression on its own past forecast.

    For series in which each number follows from the last few, such as queues and backlogs. The evidence is that of
    `CalibratedResidual`, from this one forecast.

    Parameters
    ----------
    p, d, q
        Numbers before, differencing, and errors before, each ≥ 0, p + q ≥ 1. More of them: follows more, costs more.
    period
        Length of a season in updates, ≥ 0; 0: no season. The number of a season ago takes part in the regression.
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

    One update costs about 80 µs; memory 20 kB and 60 bytes for each update of a season. Updates that are missing shift
    the season.

    Examples
    --------
    >>> import random
    >>> from detectors.snarimax import SNARIMAX
    >>> chance, detector, backlog = random.Random(7), SNARIMAX(), 100.0
    >>> for minute in range(3000):
    ...     backlog += 0.1 * (100 - backlog) + chance.gauss(0, 3)
    ...     if detector.update(backlog if minute < 2500 else backlog + 40).alarm:
    ...         print("alarm at", minute)
    ...         break
    alarm at 2500

    References
    ----------
    Anava, Hazan, Mannor & Shamir (2013). *Online learning for time series prediction.* River's
    `time_series.SNARIMAX` over its `StandardScaler` and `LinearRegression`.
    """

    guarantee: ClassVar[Guarantee] = "calibrated"

    def __init__(
        self,
        p: int = 3,
        d: int = 0,
        q: int = 1,
        period: int = 0,
        direction: Direction = "both",
        memory: float = 4000.0,
        warm_up: int = 100,
        rest: int | None = None,
        credit: float = 1 / 10_080,
    ) -> None:
        self.p = p
        self.d = d
        self.q = q
        self._set(period, direction, memory, warm_up, rest, credit)

    def _made(self) -> Sequence[Forecaster]:
        return [Autoregressive(self.p, self.d, self.q, self.period)]


Snarimax = SNARIMAX
