"""River's Holt–Winters model as a forecaster: level, and if asked for trend and season."""

from __future__ import annotations

import math

import msgspec
from river import time_series
from river.__version__ import __version__ as river_version

from detectors import state
from detectors.forecasters.forecaster import MOST, Forecaster


class Exponential(Forecaster):
    """Forecasts by exponential smoothing: River's `time_series.HoltWinters`, additive.

    It departs from River in the beginning: River 0.26 begins an additive season with the ratios of the first numbers to
    their mean, which are no differences, and fails on a mean of 0. Here it begins with the differences and no trend. A
    model that runs off to infinity begins anew.

    Parameters
    ----------
    alpha
        Weight of the newest number in the level, 0 < alpha < 1.
    beta
        Weight of the newest step in the trend, 0 ≤ beta < 1; 0: no trend and no season.
    gamma
        Weight of the newest number in the season, 0 ≤ gamma < 1; 0: no season.
    period
        Length of a season in updates, ≥ 0.

    One update costs about 4 µs; memory 40 bytes for each update of a season.
    """

    def __init__(self, alpha: float, beta: float = 0.0, gamma: float = 0.0, period: int = 0) -> None:
        if not 0 < alpha < 1 or not 0 <= beta < 1 or not 0 <= gamma < 1 or period < 0:
            raise ValueError(
                "expected an alpha between 0 and 1, a beta and a gamma from 0 to below 1, a period of at least 0;"
                f" got {alpha}, {beta}, {gamma}, {period}"
            )
        self.alpha = alpha
        self.beta = beta
        self.gamma = gamma
        self.period = period if beta and gamma else 0
        self._begin()

    def _begin(self) -> None:
        self._first: list[float] = []
        self._model: time_series.HoltWinters | None = None

    def _made(self, level: list[float], trend: list[float], season: list[float]) -> time_series.HoltWinters:
        model = time_series.HoltWinters(  # type: ignore[no-untyped-call]  # River's model has no annotations
            self.alpha, self.beta or None, self.gamma if self.period else None, self.period
        )
        model.level.extend(level)
        if model.trend is not None:
            model.trend.extend(trend)
        if model.season is not None:
            model.season.extend(season)
        model._initialized = True
        return model

    def forecast(self, at: int) -> float | None:
        if self._model is None:
            return None
        ahead = self._model.forecast(1)[0]  # type: ignore[no-untyped-call]  # nor has its forecast
        if abs(ahead) <= MOST:
            return float(ahead)
        self._begin()
        return None

    def learn(self, x: float, usual: float, at: int) -> None:
        if self._model is not None:
            self._model.learn_one(x)  # type: ignore[no-untyped-call]  # nor has its learn_one
            return
        self._first.append(x)
        if len(self._first) >= max(1, self.period):
            mean = math.fsum(self._first) / len(self._first)
            self._model = self._made([mean], [0.0], [first - mean for first in self._first])
            self._first = []

    def snapshot(self) -> bytes:
        model = self._model
        if model is None:
            return state.encode(_State(river_version, self._first, [], [], []))
        trend, season = list(model.trend or []), list(model.season or [])
        return state.encode(_State(river_version, [], list(model.level), trend, season))

    def restore(self, body: bytes) -> None:
        found = state.decode(body, _State)
        if found.river != river_version:
            raise ValueError(f"expected a state of River {river_version}, got one of {found.river}")
        numbers = [*found.first, *found.level, *found.trend, *found.season]
        begun = bool(found.level)
        fits = (
            len(found.level) <= 2
            and (len(found.first) < max(1, self.period) if not begun else not found.first)
            and len(found.trend) == (len(found.level) if begun and self.beta else 0)
            and (self.period <= len(found.season) <= self.period + 1 if begun and self.period else not found.season)
        )
        if not fits or not all(map(math.isfinite, numbers)):
            raise ValueError("expected the level, trend and season of a model with the same parameters")
        self._begin()
        self._first = found.first
        if begun:
            self._model = self._made(found.level, found.trend, found.season)


class _State(msgspec.Struct, frozen=True, array_like=True, tag="exponential"):
    river: str
    first: list[float]
    level: list[float]
    trend: list[float]
    season: list[float]
