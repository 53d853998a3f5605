"""The scoring of the Numenta Anomaly Benchmark: early alarms inside a labelled window earn, all others cost.

Written from the paper and checked against the published results: Lavin & Ahmad, *Evaluating real-time anomaly
detection algorithms* (2015).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PROBATION = 0.15
PROBATION_MOST = 750
"""Rows at the beginning of a series that are not scored: 15 % of it, 750 at most."""


class Profile(NamedTuple):
    """What a window missed and a row alarmed without cause cost, where a window found at once earns 1."""

    missed: float = 1.0
    false: float = 0.11


STANDARD = Profile()
LOW_FALSE = Profile(false=0.22)
LOW_MISSED = Profile(missed=2.0)


class Series(NamedTuple):
    """A labelled series: its times in the order of the file, its values, and the first and last time of each window."""

    name: str
    times: list[str]
    values: Floats
    windows: list[tuple[str, str]]


class Worth(NamedTuple):
    """What an alarm at each row is worth, and in which window it lies; −1: in none."""

    worth: Floats
    window: NDArray[np.intp]


class Scored(NamedTuple):
    """The outcome at one threshold. `score`: 0 for a detector that never alarms, 100 for a perfect one."""

    score: float
    threshold: float
    found: int
    windows: int
    false_rows: int
    """Rows at or above the threshold outside every window."""


def probation(rows: int) -> int:
    """Rows at the beginning of a series of so many that are not scored."""
    return min(math.floor(PROBATION * rows), PROBATION_MOST)


def earned(position: float) -> float:
    """Worth of an alarm by its place: −1 the left edge of a window, 0 its right edge, above 0 past it."""
    return -1.0 if position > 3.0 else 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def worths(series: Series, profile: Profile = STANDARD) -> Worth:
    """What an alarm at each row of a series is worth; a window begins and ends at the first row of that time."""
    rows = len(series.times)
    worth, window = np.full(rows, -profile.false), np.full(rows, -1)
    begun = 0
    for number, (first, last) in enumerate(series.windows):
        left = series.times.index(first, begun)
        right = series.times.index(last, left)
        width = right - left + 1
        for row in range(left, right + 1):
            worth[row] = earned(-(right - row + 1) / width) / earned(-1.0)
            window[row] = number
        for row in range(right + 1, rows):
            worth[row] = earned((row - right) / (width - 1)) * profile.false
        begun = right + 1
    return Worth(worth, window)


def sweep(scores: list[Floats], series: list[Series], profile: Profile = STANDARD) -> Scored:
    """The best outcome over all thresholds, one for all series."""
    levels, totals, founds, falses = _curve(scores, series, profile)
    windows = sum(len(one.windows) for one in series)
    best = int(np.argmax(totals))
    return Scored(_normalised(totals[best], windows, profile), levels[best], founds[best], windows, falses[best])


def at_threshold(scores: list[Floats], series: list[Series], threshold: float, profile: Profile = STANDARD) -> Scored:
    """The outcome when every row of at least this score is an alarm."""
    levels, totals, founds, falses = _curve(scores, series, profile)
    windows = sum(len(one.windows) for one in series)
    at = int(np.searchsorted(-np.array(levels), -threshold, side="right")) - 1
    return Scored(_normalised(totals[at], windows, profile), threshold, founds[at], windows, falses[at])


def _normalised(total: float, windows: int, profile: Profile) -> float:
    return 100.0 * (total + profile.missed * windows) / ((1.0 + profile.missed) * windows)


def _curve(
    scores: list[Floats], series: list[Series], profile: Profile
) -> tuple[list[float], list[float], list[int], list[int]]:
    """Thresholds from infinity down to the lowest score, with totals, windows found and false rows at each."""
    rows: list[tuple[float, float, int]] = []
    offset = 0
    for score, one in zip(scores, series, strict=True):
        if len(score) != len(one.times):
            raise ValueError(f"expected {len(one.times)} scores of {one.name}, got {len(score)}")
        worth, window = worths(one, profile)
        rows.extend(
            (float(score[row]), float(worth[row]), offset + int(window[row]) if window[row] >= 0 else -1)
            for row in range(probation(len(one.times)), len(one.times))
        )
        offset += len(one.windows)
    rows.sort(key=lambda row: -row[0])
    best = dict.fromkeys(range(offset), -profile.missed)
    found: set[int] = set()
    total, false = -profile.missed * offset, 0
    levels, totals, founds, falses = [math.inf], [total], [0], [0]
    for level, worth_of_row, number in rows:
        if level != levels[-1]:
            levels.append(level)
            totals.append(total)
            founds.append(len(found))
            falses.append(false)
        if number < 0:
            total, false = total + worth_of_row, false + 1
        elif worth_of_row > best[number]:
            total += worth_of_row - best[number]
            best[number] = worth_of_row
            found.add(number)
        totals[-1], founds[-1], falses[-1] = total, len(found), false
    return levels, totals, founds, falses
