"""River's SNARIMAX model as a forecaster: a regression on the numbers and errors before."""

from __future__ import annotations

import math

import msgspec
from river import linear_model, preprocessing, time_series
from river.__version__ import __version__ as river_version

from detectors import state
from detectors.forecasters.forecaster import MOST, Forecaster

_FIRST = 30


class Autoregressive(Forecaster):
    """Forecasts from the last `p` numbers, the last `q` errors, and the number of a season ago.

    River's `time_series.SNARIMAX` over its scaled linear regression. Numbers are taken from the mean of the first 30
    and divided by their spread, so that the regression's pace suits them. A model that runs
    off to infinity begins anew.

    Parameters
    ----------
    p, d, q
        Numbers, differencing and errors, each ≥ 0, p + q ≥ 1.
    period
        Length of a season in updates, ≥ 0; 0: no season.

    One update costs about 40 µs; memory 10 kB and 60 bytes for each update of a season.
    """

    def __init__(self, p: int, d: int, q: int, period: int = 0) -> None:
        if min(p, d, q, period) < 0 or p + q < 1:
            raise ValueError(f"expected p, d, q and a period of at least 0 and some of p or q; got {p, d, q, period}")
        self.p = p
        self.d = d
        self.q = q
        self.period = period
        self._begin()

    def _begin(self) -> None:
        self._scaler = preprocessing.StandardScaler()
        self._regression = linear_model.LinearRegression()
        self._model = time_series.SNARIMAX(
            p=self.p,
            d=self.d,
            q=self.q,
            m=max(1, self.period),
            sp=1 if self.period > 1 else 0,
            regressor=self._scaler | self._regression,
        )
        self._first: list[float] = []
        self._mean = 0.0
        self._size = 0.0
        """0 until the first numbers are complete."""

    def forecast(self, at: int) -> float | None:
        if not self._size or len(self._model.y_hist) < self._model.differencer.n_required_past_values:
            return None
        ahead = self._mean + self._model.forecast(1)[0] * self._size  # type: ignore[no-untyped-call]  # River has no annotations
        if abs(ahead) <= MOST:
            return float(ahead)
        self._begin()
        return None

    def learn(self, x: float, usual: float, at: int) -> None:
        if self._size:
            self._model.learn_one((x - self._mean) / self._size)  # type: ignore[no-untyped-call]  # nor here
            return
        self._first.append(x)
        if len(self._first) == _FIRST:
            self._mean = math.fsum(self._first) / _FIRST
            self._size = math.fsum(abs(first - self._mean) for first in self._first) / _FIRST or 1.0
            self._first = []

    def snapshot(self) -> bytes:
        scaler, regression, model = self._scaler, self._regression, self._model
        return state.encode(
            _State(
                river_version,
                self._first,
                self._mean,
                self._size,
                [[float(number) for number in past] for past in (model.y_hist, model.y_diff, model.errors)],
                [
                    (name, float(count), float(scaler.means[name]), float(scaler.vars[name]))
                    for name, count in scaler.counts.items()
                ],
                [(name, float(weight)) for name, weight in regression.weights.items()],
                float(regression.intercept),
                regression.optimizer.n_iterations,
            )
        )

    def restore(self, body: bytes) -> None:
        found = state.decode(body, _State)
        if found.river != river_version:
            raise ValueError(f"expected a state of River {river_version}, got one of {found.river}")
        fresh = Autoregressive(self.p, self.d, self.q, self.period)
        pasts = (fresh._model.y_hist, fresh._model.y_diff, fresh._model.errors)
        if (
            len(found.pasts) != 3
            or len(found.first) >= _FIRST
            or any(
                past.maxlen is not None and len(numbers) > past.maxlen
                for past, numbers in zip(pasts, found.pasts, strict=True)
            )
        ):
            raise ValueError("expected the numbers and errors of a model with the same parameters")
        numbers = [
            found.mean,
            found.size,
            found.intercept,
            *found.first,
            *(number for past in found.pasts for number in past),
        ]
        numbers += [number for row in found.scales for number in row[1:]] + [weight for _, weight in found.weights]
        if not all(map(math.isfinite, numbers)) or found.size < 0 or found.iterations < 0:
            raise ValueError("expected numbers that are finite")
        for past, before in zip(pasts, found.pasts, strict=True):
            past.extend(before)
        for name, count, mean, variance in found.scales:
            fresh._scaler.counts[name] = int(count)
            fresh._scaler.means[name] = mean
            fresh._scaler.vars[name] = variance
        fresh._regression._weights.update(dict(found.weights))
        fresh._regression.intercept = found.intercept
        fresh._regression.optimizer.n_iterations = found.iterations
        self._scaler, self._regression, self._model = fresh._scaler, fresh._regression, fresh._model
        self._first, self._mean, self._size = found.first, found.mean, found.size


class _State(msgspec.Struct, frozen=True, array_like=True, tag="autoregressive"):
    river: str
    first: list[float]
    mean: float
    size: float
    pasts: list[list[float]]
    scales: list[tuple[str, float, float, float]]
    weights: list[tuple[str, float]]
    intercept: float
    iterations: int
