"""Drives a watched series as its watcher does: at every second with content, and whenever it is due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from detectors.series.report import Facts, Report

START = 1_767_571_200
"""Monday 2026-01-05T00:00:00Z."""
DAY = 86_400
HOUR = 3600
WEEKLY = 1 / 604_800
"""Credit per second of one false alarm a week."""


class Watched(Protocol):
    """What all watched series have."""

    def take(self, tick: int, content: Any, /) -> list[Report]: ...

    def settle(self, tick: int) -> list[Report]: ...

    def due(self) -> int | None: ...


def hour_of_week(second: int) -> int:
    """In UTC; START is a Monday."""
    return (second - START) // HOUR % 168


def drive(series: Watched, content: Iterable[tuple[int, Any]], until: int) -> list[Report]:
    """All reports up to the close of second `until`. Seconds count from START."""
    reports: list[Report] = []
    for second, one in content:
        reports += quiet(series, second - 1)
        reports += series.take(START + second, one)
    return reports + quiet(series, until)


def quiet(series: Watched, until: int) -> list[Report]:
    """Nothing comes up to second `until`."""
    reports: list[Report] = []
    while (due := series.due()) is not None and due <= START + until:
        reports += series.settle(due)
    return reports


def poisson(seed: int, rates: Mapping[int, float], until: int) -> list[tuple[int, int]]:
    """Seconds with events and how many: `rates` gives events per second from a second on."""
    chance = np.random.default_rng(seed)
    rate = np.zeros(until)
    for since, value in sorted(rates.items()):
        rate[since:] = value
    counts = chance.poisson(rate)
    return [(int(second), int(counts[second])) for second in np.flatnonzero(counts)]


def told(reports: Iterable[Report]) -> list[tuple[str, str]]:
    """Verb and direction of everything but updates."""
    return [(report.verb, report.direction) for report in reports if report.verb != "update"]


def first(reports: Iterable[Report], verb: str) -> tuple[int, Facts | None]:
    """When that was first said, in seconds from START, and its facts."""
    report = next(report for report in reports if report.verb == verb)
    return report.tick - START, report.facts
