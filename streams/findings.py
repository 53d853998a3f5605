"""What a watcher tells the book of alerts: a series has changed, is known better, or is well again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import msgspec

Watched = Literal["conversion", "arrivals", "signal", "source"]
Direction = Literal["down", "up"]


class SeriesKey(msgspec.Struct, frozen=True, order=True, array_like=True):
    """One watched series and direction. What does not apply is empty."""

    kind: Watched
    direction: Direction
    journey: str = ""
    step: str = ""
    signal: str = ""
    """The signal's name, for `signal`; the source's, for `source`."""
    dimension: str = ""
    """Segment dimension and value; both empty for the whole."""
    value: str = ""


class Finding(msgspec.Struct, frozen=True):
    """A series fires, or more is known about one that does. Ticks are seconds, UTC epoch."""

    series: SeriesKey
    tick: int
    """At whose close this was found."""
    since: int
    """First tick of the change, as far as it can be told, and the 90 % interval around it."""
    since_low: int
    since_high: int
    observed: float
    """What came since then, beside what was expected; counts for rates, means for scores."""
    expected: float
    size: float | None = None
    """How much is gone (or came on top), as a part of what was expected, with its 95 % interval."""
    size_low: float | None = None
    size_high: float | None = None
    early: bool = False
    """The size is a first estimate and will be replaced."""
    segments: tuple[dict[str, str], ...] | None = ()
    """Conjunctions whose union moved; empty: everywhere; None: not enough data to tell."""
    explanation: str = ""
    """One sentence on the segments: their share of the deficit, theirs and the others' ratio."""
    loss: float | None = None
    """Part of the whole step's expected completions that is lost, 0…1: decides the severity."""
    value_per_hour: float | None = None
    """The journey's `value` lost per hour."""
    examples: tuple[str, ...] = ()
    """Ids of customers in flight."""
    evidence: float = 1.0
    """R̄ at the alarm."""
    guarantee: str = "given baseline"
    notes: tuple[str, ...] = ()
    """What else the reader should know, such as a flood of entrants that was capped."""


def without(finding: Finding, subjects: Collection[str]) -> Finding:
    """The same, these customers no longer among its examples."""
    kept = tuple(subject for subject in finding.examples if subject not in subjects)
    return finding if kept == finding.examples else msgspec.structs.replace(finding, examples=kept)
