"""The file's expectations, each with the series its estimate comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from streams.config.structs import Config, Expect
from streams.effects import Decision
from streams.estimates import Estimate
from streams.expectations import Expectation
from streams.stages.gauges import Gauges
from streams.stages.steps import Steps
from streams.windows import Window

State = tuple[bool, int | None, int | None]
Covered = Callable[[Window, int], int]
"""Seconds of a window that had been observed at a tick."""


def overs(config: Config) -> list[int]:
    """Every `over` of the file, in seconds."""
    return sorted({_seconds(expect) for expect in _expects(config)})


def _expects(config: Config) -> Iterator[Expect]:
    for journey in config.journeys.values():
        for step in journey.steps:
            yield from step.expect
    for signal in config.signals.values():
        yield from signal.expect


def _seconds(expect: Expect) -> int:
    return expect.over // 1_000_000


class _Watched(msgspec.Struct):
    expectation: Expectation
    key: tuple[str, str] | str
    """(journey, step), or a signal's name."""
    row: int
    """Row of the whole in the rings of steps or signals."""


class Watch:
    """All expectations, steps before signals, in the order of the file."""

    def __init__(
        self, config: Config, steps: Steps, gauges: Gauges, covered: Covered, states: Mapping[str, State]
    ) -> None:
        """`states`: what `dump` gave; expectations that are not in it begin anew."""
        self._steps, self._gauges, self._covered = steps, gauges, covered
        self._watched: list[_Watched] = []
        for journey_name, journey in config.journeys.items():
            for step in journey.steps:
                key = (journey_name, step.name)
                for expect in step.expect:
                    made = _expectation("/".join(key), "conversion", expect)
                    self._watched.append(_Watched(made, key, steps.steps[key].table.whole.row))
        for name, signal in config.signals.items():
            for expect in signal.expect:
                made = _expectation(name, name, expect)
                self._watched.append(_Watched(made, name, gauges.gauges[name].table.whole.row))
        for watched in self._watched:
            stored = states.get(watched.expectation.fingerprint)
            if stored is not None:
                watched.expectation.load(stored)

    def next_due(self) -> int | None:
        """The earliest tick at which one must be checked though nothing arrives."""
        dues = [watched.expectation.due() for watched in self._watched]
        return min((due for due in dues if due is not None), default=None)

    def check(self, tick: int, changed_steps: set[int], changed_signals: set[int]) -> Iterator[Decision]:
        """Judge those whose rows changed in a tick, and those that are due at its close."""
        for watched in self._watched:
            changed = changed_signals if isinstance(watched.key, str) else changed_steps
            due = watched.expectation.due()
            if watched.row in changed or (due is not None and due <= tick):
                decision = watched.expectation.check(tick, self._estimate(watched, tick))
                if decision is not None:
                    yield decision

    def _estimate(self, watched: _Watched, tick: int) -> Estimate:
        expectation = watched.expectation
        window = expectation.window
        if not isinstance(watched.key, str):
            return self._steps.conversion(watched.key, window.seconds)
        covered = self._covered(window, tick)
        return self._gauges.estimate(watched.key, expectation.quantity, window.seconds, covered, tick)

    def breached(self) -> set[tuple[str, str] | str]:
        """Steps and signals with a breach that has not recovered."""
        return {watched.key for watched in self._watched if watched.expectation.breached}

    def dump(self) -> dict[str, State]:
        """State by fingerprint."""
        return {watched.expectation.fingerprint: watched.expectation.dump() for watched in self._watched}


def _expectation(subject: str, signal: str, expect: Expect) -> Expectation:
    return Expectation(subject, signal, expect.quantity, expect.operator, expect.target, _seconds(expect))
