"""Which signals of the file are watched, for what, and by what."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

from detectors import contract
from detectors.contract import Detector
from detectors.series.baseline import HourOfWeek
from detectors.series.counted import Counted
from detectors.series.report import Direction
from detectors.series.scored import Scored
from detectors.series.valued import Valued
from streams.config.structs import Config, Signal
from streams.findings import SeriesKey, Watched
from streams.stages.minutes import Minutes

USUAL = "calibrated_residual"
"""Detector of what is neither a score nor a rate."""
_SCORES = ("nps", "csat", "ces", "mean")
_SIDES = ("direction", "mode")
"""What detectors call the parameter that says which way they look."""

Series = Counted | Scored | Minutes


class Name(NamedTuple):
    """What a watched series is, whatever the direction. What does not apply is empty."""

    kind: str
    """`signal` or `arrivals`."""
    journey: str = ""
    step: str = ""
    signal: str = ""
    dimension: str = ""
    value: str = ""


def key_of(name: Name, direction: Direction) -> SeriesKey:
    """A series in one direction."""
    kind: Watched = "arrivals" if name.kind == "arrivals" else "signal"
    return SeriesKey(kind, direction, name.journey, name.step, name.signal, name.dimension, name.value)


class Scale(NamedTuple):
    """What an answer counts as, and its ends: NPS ±100 and 0, CSAT 1 and 0, else the score itself."""

    as_: str
    lowest: float
    highest: float
    top: float
    """Scores from here on count as `highest`, for nps and csat."""
    bottom: float
    """Scores up to here count as `lowest`, for nps."""


def directions(watch: str | None, default: tuple[Direction, ...]) -> tuple[Direction, ...]:
    """What the file's `watch` or `arrivals` asks for."""
    if watch is None:
        return default
    both: dict[str, tuple[Direction, ...]] = {"down": ("down",), "up": ("up",), "both": ("down", "up"), "off": ()}
    return both[watch]


def is_score(signal: Signal) -> bool:
    """Whether a signal is watched answer by answer."""
    return signal.detector is None and signal.scale is not None and signal.as_ in _SCORES


def watched(config: Config, hour_of_week: HourOfWeek) -> dict[Name, Series]:
    """Everything of the file that is watched, new. Raises ValueError for a detector that cannot be made."""
    series: dict[Name, Series] = {}
    for name, journey in config.journeys.items():
        asked = directions(journey.arrivals, ())
        if asked:
            series[Name("arrivals", name, journey.steps[0].name)] = Counted(asked, hour_of_week)
    for name, signal in config.signals.items():
        made = make(name, signal, hour_of_week)
        if made is not None:
            series[Name("signal", signal=name)] = made
    return series


def make(name: str, signal: Signal, hour_of_week: HourOfWeek) -> Series | None:
    """A new series of a signal; None when it is not watched. Raises ValueError for a detector that cannot be made."""
    default: tuple[Direction, ...] = ()
    if is_score(signal):
        default = ("down",)
    elif signal.detector is not None:
        default = ("down", "up")
    asked = directions(signal.watch, default)
    if not asked:
        return None
    if is_score(signal):
        scale = scale_of(signal)
        return Scored(scale.lowest, scale.highest, asked)
    if signal.detector is None and signal.as_ == "rate":
        return Counted(asked, hour_of_week)
    detector = USUAL if signal.detector is None else signal.detector.name
    options = {} if signal.detector is None else signal.detector.options
    try:
        return Minutes(signal.as_, valued(detector, options, asked))
    except (TypeError, ValueError) as error:
        raise ValueError(f"signals.{name}.detector: {detector} cannot be made with {options}: {error}") from error
    except KeyError as error:
        raise ValueError(f"signals.{name}.detector: there is no {detector}") from error


def valued(name: str, options: dict[str, Any], asked: tuple[Direction, ...]) -> Valued:
    """A series under a detector by name, which is told its direction where it has one and the options leave it open.

    Raises KeyError for an unknown detector, TypeError or ValueError for options it does not take.
    """
    found = contract.find(name)
    parameters = inspect.signature(found).parameters
    side = next((side for side in _SIDES if side in parameters and side not in options), None)

    def make_detector(direction: Direction) -> Detector:
        return found(**options) if side is None else found(**{**options, side: direction})

    return Valued(make_detector, asked, apart=side is not None)


def scale_of(signal: Signal) -> Scale:
    """How the answers of a score signal count; only for one with a scale."""
    assert signal.scale is not None
    low, high = signal.scale
    if signal.as_ == "nps":
        return Scale("nps", -100.0, 100.0, high - 1, high - 4)
    if signal.as_ == "csat":
        return Scale("csat", 0.0, 1.0, high - 1, float("-inf"))
    return Scale(signal.as_, low, high, float("inf"), float("-inf"))


def counted_as(scale: Scale, score: float) -> float:
    """What an answer with this score counts as."""
    if scale.as_ == "nps":
        return scale.highest if score >= scale.top else scale.lowest if score <= scale.bottom else 0.0
    if scale.as_ == "csat":
        return 1.0 if score >= scale.top else 0.0
    return min(max(score, scale.lowest), scale.highest)
