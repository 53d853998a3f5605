"""What a watched signal can see by now: how soon it would notice the worst, and the least change it would notice."""

from __future__ import annotations

from detectors.series.counted import Counted
from detectors.series.report import Direction
from detectors.series.scored import Scored
from streams.config.structs import Signal
from streams.stages.minutes import Minutes
from streams.stages.watched_signals import Name, Series
from streams.view import WatchedView

_WEEK = 604_800


def view_of(name: Name, series: Series, direction: Direction, signal: Signal | None) -> WatchedView:
    """One series in one direction, as shown; `signal`: of the file, None for arrivals."""
    return WatchedView(
        kind=name.kind,
        journey=name.journey or (signal.journey if signal else None),
        step=name.step or (signal.step if signal else None),
        signal=name.signal or None,
        dimension=name.dimension or None,
        value=name.value or None,
        direction=direction,
        guarantee=series.guarantee,
        level=series.level_of(direction),
        state=series.state_of(direction),
        sees=in_words(series, direction),
        credit_per_week=series.credit / len(series.directions) * _WEEK if series.live else 0.0,
        detector=detector_of(series),
    )


def detector_of(series: Series) -> str:
    """What watches a series, as the file would name it."""
    if isinstance(series, Counted):
        return "rate"
    return "bounded_mean" if isinstance(series, Scored) else series.detector


def in_words(series: Series, direction: Direction) -> str:
    """What a series can see by now."""
    state = series.state_of(direction)
    if state == "firing":
        return "whether it is well again"
    if state == "learning":
        return "nothing yet: not enough has been learnt"
    if state == "quiet":
        return "too few to watch it by itself"
    if isinstance(series, Minutes):
        return "what its detector finds, minute by minute"
    seen = series.sees(direction)
    if seen is None:
        return "nothing yet: no credit has been granted"
    after, least = seen
    if isinstance(series, Scored):
        worst = "the worst" if direction == "down" else "the best"
        return f"{worst} score from everybody within {after:.0f} answers, nothing smaller than {least:.2g}"
    what = "an outage" if direction == "down" else "a tripling"
    return f"{what} within {_span(after)}, nothing smaller than {100 * least:.0f} %"


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else "more than 2 d"
