"""How soon a drop is found: Touchline, the oracles and the rivals on the same traffic.

All lanes learn for a day; then each size of drop begins, on a copy of everything, at the same moment.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection import rivals
from benchmarks.detection.cusum import LEAST_LEFT, Cusum
from benchmarks.detection.delays import LAWS, DelayLaw
from benchmarks.detection.known_baseline import KnownBaseline
from benchmarks.detection.product import Product
from benchmarks.detection.traffic import COMPLETION, WITHIN, Tick, Traffic

Floats = NDArray[np.float64]
Name = TypeVar("Name")

WEEK = 604_800
DROPS = (1.0, 0.8, 0.5, 0.3, 0.15)
TOLERANCE = 0.1
KNOWN = "ours, δ = 0, baseline known"
POISSON = "ours, told that completions are Poisson"
"""What it costs to measure how completions vary."""
MANY = 50
"""Series that share one false alarm a week, in the row for many."""


class Case(NamedTuple):
    """What is simulated together."""

    rate: float
    law: str
    longest: int = 43_200
    """Seconds after which a drop counts as found, when it was not."""
    many: bool = False
    """Whether the figures for many series are wanted too."""
    rivals: bool = False
    poisson: bool = False
    """Whether it is wanted, too, what ours would do if it knew how completions vary."""
    tick: int = 1
    """Seconds; the product looks at slow steps less often than once a second, too."""


CASES = (
    Case(3, "log-normal", many=True, rivals=True),
    Case(0.3, "log-normal", rivals=True, poisson=True),
    Case(0.05, "log-normal", rivals=True, poisson=True, tick=4),
    Case(30, "log-normal", rivals=True),
    Case(3, "exponential"),
    Case(3, "gamma"),
    Case(3, "bimodal"),
    Case(3, "heavy"),
    Case(0.3, "exponential"),
    Case(0.3, "gamma"),
    Case(0.3, "bimodal"),
    Case(0.3, "heavy"),
)


class Scale(NamedTuple):
    """How much is simulated."""

    lanes: int = 200
    learning: int = 86_400
    """Seconds of learning."""
    before: int = 14_400
    """Seconds of them after which oracles and rivals watch too."""
    calibration: int = WEEK


QUICK = Scale(lanes=60, learning=14_400, before=6_000, calibration=WEEK // 7)


class Oracle:
    """CUSUM on what comes and what those expect who know the hazards.

    `mean` completions per tick; `edge`: part of it that the null allows; `ticks` between false alarms.
    """

    def __init__(self, mean: float, drop: float, edge: float, lanes: int, ticks: float) -> None:
        self.cusum = Cusum(mean * edge, max(1 - drop, LEAST_LEFT) / edge, ticks)
        self.levels: Floats = np.zeros(lanes)
        self._edge = edge

    def take(self, observed: Floats, expected: Floats) -> NDArray[np.intp]:
        """The lanes that alarm, which begin anew."""
        left = self.cusum.left
        gain = (1 - left) * self._edge * expected + observed * math.log(left)
        self.levels = np.maximum(self.levels + gain, 0.0)
        alarms = np.flatnonzero(self.levels >= self.cusum.threshold)
        self.levels[alarms] = 0.0
        return alarms


def cases(quick: bool) -> tuple[Case, ...]:
    """What is measured."""
    return (Case(3, "log-normal", longest=7200, rivals=True), Case(0.3, "heavy", longest=14_400)) if quick else CASES


def measure(case: Case, scale: Scale, seed: int = 0) -> Iterator[dict[str, Any]]:
    """A row for each drop."""
    law = LAWS[case.law]
    lanes = scale.lanes
    length = case.tick
    hazards = law.hazards(COMPLETION, WITHIN, length)
    traffic = Traffic(lanes, case.rate, law, tick=length, seed=seed)
    learnt = Product(lanes, length, 1 / WEEK)
    known = Product(lanes, length, 1 / WEEK, tolerance=0.0, standard_errors=0.0)
    known.know(hazards)
    told = Product(lanes, length, 1 / WEEK, poisson=True) if case.poisson else None
    baseline = KnownBaseline(lanes, hazards)
    oracles = {
        (name, drop, series): Oracle(case.rate * length, drop, edge, lanes, WEEK / length * series)
        for name, edge in (("sharp", 1.0), ("tolerant", 1 - TOLERANCE))
        for drop in DROPS
        for series in ((1, MANY) if case.many else (1,))
    }
    opponents = _Opponents(case, scale, law, hazards, seed) if case.rivals else None
    for second in range(0, scale.learning, length):
        tick = traffic.step()
        learnt.take(tick)
        if told is not None:
            told.take(tick)
        if second < scale.learning - scale.before:
            continue
        known.take(tick)
        if opponents is not None:
            opponents.take(tick)
        sums = baseline.take(tick)
        # What was in flight before is not known to the baseline.
        if second >= scale.learning - scale.before + WITHIN:
            for oracle in oracles.values():
                oracle.take(*sums)
    for drop in DROPS:
        for series in (1, MANY) if case.many else (1,):
            watchers: dict[str, Callable[[Tick], NDArray[np.intp]]] = {}
            ours = learnt.copy()
            ours.share(series)
            watchers["ours"] = ours.take
            standing = {"ours": learnt.ill}
            if series == 1:
                watchers[KNOWN] = known.copy().take
                standing[KNOWN] = known.ill
                if told is not None:
                    watchers[POISSON] = told.copy().take
                    standing[POISSON] = told.ill
            shared = _Shared(baseline.copy(), {name: oracles[name, drop, series] for name in ("sharp", "tolerant")})
            watchers["sharp"] = shared.watcher("sharp")
            watchers["tolerant"] = shared.watcher("tolerant")
            found = _watch(traffic.copy(), drop, watchers, lanes, case.longest)
            # Where an alarm, a false one, stands when the drop begins there is nothing left to find.
            found = {name: values[~standing[name]] if name in standing else values for name, values in found.items()}
            row = _row(case, drop, series, found, learnt)
            if opponents is not None and series == 1:
                row["rivals"] = opponents.best(traffic, drop, case.longest)
            yield row


class _Shared:
    """Oracles that look at the same sums, which are made once per tick."""

    def __init__(self, baseline: KnownBaseline, oracles: dict[str, Oracle]) -> None:
        self._baseline = baseline
        self._oracles = {}
        for name, oracle in oracles.items():
            fresh = object.__new__(Oracle)
            fresh.__dict__.update(oracle.__dict__)
            fresh.levels = oracle.levels.copy()
            self._oracles[name] = fresh
        self._tick = -1
        self._sums: tuple[Floats, Floats] | None = None

    def watcher(self, name: str) -> Callable[[Tick], NDArray[np.intp]]:
        def take(tick: Tick) -> NDArray[np.intp]:
            if self._sums is None or self._tick != tick.number:
                self._tick, self._sums = tick.number, self._baseline.take(tick)
            return self._oracles[name].take(*self._sums)

        return take


def _watch(
    traffic: Traffic,
    drop: float,
    watchers: dict[Name, Callable[[Tick], NDArray[np.intp]]],
    lanes: int,
    longest: int,
) -> dict[Name, Floats]:
    """Seconds from the beginning of the drop to the first alarm of each watcher and lane; NaN: not found."""
    traffic.passing = 1 - drop
    found = {name: np.full(lanes, np.nan) for name in watchers}
    missing = dict.fromkeys(watchers, lanes)
    for passed in range(traffic.tick_seconds, longest + 1, traffic.tick_seconds):
        tick = traffic.step()
        for name, take in watchers.items():
            if not missing[name]:
                continue
            alarms = take(tick)
            if len(alarms):
                fresh = alarms[np.isnan(found[name][alarms])]
                found[name][fresh] = passed
                missing[name] -= len(fresh)
        if not any(missing.values()):
            break
    return found


def _row(case: Case, drop: float, series: int, found: dict[str, Floats], learnt: Product) -> dict[str, Any]:
    seconds, errors, missed = {}, {}, {}
    for name, values in found.items():
        held = np.where(np.isnan(values), case.longest, values)
        seconds[name] = round(float(held.mean()), 1)
        errors[name] = round(float(held.std(ddof=1) / math.sqrt(len(held))), 2)
        missed[name] = int(np.isnan(values).sum())
    kappa = float(np.median(learnt.step.kappa))
    row: dict[str, Any] = {
        "completions_per_second": case.rate,
        "law": case.law,
        "series": series,
        "drop": drop,
        "tick_seconds": case.tick,
        "repeats": max(map(len, found.values())),
        "seconds": seconds,
        "standard_errors": errors,
        "not_found": {name: count for name, count in missed.items() if count},
        "longest_seconds": case.longest,
        "three_kappa": round(3 * kappa, 4),
        "ratio_to_tolerant": round(seconds["ours"] / seconds["tolerant"], 2),
        "ratio_to_tolerant_less_a_tick": round((seconds["ours"] - case.tick) / seconds["tolerant"], 2),
        "ratio_to_sharp": round(seconds["ours"] / seconds["sharp"], 2),
    }
    if KNOWN in seconds:
        row["known_baseline_ratio_to_sharp"] = round(seconds[KNOWN] / seconds["sharp"], 2)
    return row


class _Opponents:
    """The rivals, calibrated, on the traffic before the drop."""

    def __init__(self, case: Case, scale: Scale, law: DelayLaw, hazards: Floats, seed: int) -> None:
        conversion = float(1 - np.prod(1 - hazards))
        self._thresholds = {
            tolerance: rivals.calibrated(
                case.rate,
                law,
                lanes=scale.lanes if case.rate < 10 else scale.lanes // 4,
                conversion=conversion,
                tolerance=tolerance,
                seconds=scale.calibration,
                seed=seed + 1,
            )
            for tolerance in (0.0, TOLERANCE)
        }
        self._lanes = scale.lanes
        self._every = max(rivals.EVERY // case.tick, 1)
        self._before = {
            (kind.name, window): kind(scale.lanes, window, case.tick, conversion)
            for kind in rivals.KINDS
            for window in rivals.WINDOWS
        }

    def take(self, tick: Tick) -> None:
        """A tick before the drop."""
        for rival in self._before.values():
            rival.take(tick)

    def best(self, traffic: Traffic, drop: float, longest: int) -> list[dict[str, Any]]:
        """Of each kind and tolerance the mean delay with the window that does best for this drop."""
        watchers = {
            (name, window, tolerance): self._watcher(name, window, tolerance)
            for name, window in self._before
            for tolerance in self._thresholds
        }
        found = _watch(traffic.copy(), drop, watchers, self._lanes, longest)
        best: dict[tuple[str, float], dict[str, Any]] = {}
        for (name, window, tolerance), values in found.items():
            mean = float(np.where(np.isnan(values), longest, values).mean())
            if (name, tolerance) not in best or mean < best[name, tolerance]["seconds"]:
                best[name, tolerance] = {
                    "rival": name,
                    "tolerance": tolerance,
                    "window": window,
                    "seconds": round(mean, 1),
                    "not_found": int(np.isnan(values).sum()),
                }
        return list(best.values())

    def _watcher(self, name: str, window: int, tolerance: float) -> Callable[[Tick], NDArray[np.intp]]:
        rival = self._before[name, window].copy()
        threshold = self._thresholds[tolerance][name, window]
        nobody = np.zeros(0, dtype=np.intp)

        def take(tick: Tick) -> NDArray[np.intp]:
            z = rival.take(tick)
            return np.flatnonzero(z < threshold) if tick.number % self._every == 0 else nobody

        return take
