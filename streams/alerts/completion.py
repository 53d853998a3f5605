"""Which source the events come from that complete a step, learnt from what is heard when it is completed.

A source may be the one when it was heard in every second in which the step was completed. When it falls silent and the
step is still completed, it was not; when both stop at once, they are one incident.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from streams.units import DAY, SECOND

LEAST = 30
"""Seconds with completions before anything is said."""
_SPAN = DAY // SECOND
"""What was heard longer than about two days ago no longer counts, so that a source may change its name."""
_REST = "other"
"""The sources beyond those that are told apart."""

Step = tuple[str, str]


class Span(msgspec.Struct, array_like=True):
    """Some time in which a step was completed."""

    ticks: int
    """Seconds with completions, counted up to LEAST."""
    sources: list[str]
    """Those heard in every one of them."""


Stored = tuple[int, list[tuple[str, str, list[Span]]]]


class CompletingSources:
    """For each step the sources that may complete it. Ticks are seconds, UTC epoch."""

    def __init__(self) -> None:
        self._steps: dict[Step, list[Span]] = {}
        """One or two spans, the newer last."""
        self._began = 0
        """Tick at which the newer spans began."""

    def take(self, tick: int, heard: Collection[str], completed: Iterable[Step]) -> bool:
        """The sources heard and the steps completed in a tick; whether what is known has changed."""
        changed = False
        if tick - self._began >= _SPAN:
            self._began = tick - tick % _SPAN
            changed = True
            for spans in self._steps.values():
                if spans[-1].ticks >= LEAST:
                    spans[:] = [spans[-1], Span(0, [])]
        for step in completed:
            span = self._steps.setdefault(step, [Span(0, [])])[-1]
            if span.ticks == 0:
                span.sources = sorted(source for source in heard if source != _REST)
            elif not all(source in heard for source in span.sources):
                span.sources = [source for source in span.sources if source in heard]
                changed = True
            if span.ticks < LEAST:
                span.ticks += 1
                changed = True
        return changed

    def of(self, journey: str, step: str) -> list[str]:
        """Sources that may complete a step; empty while too little is known, or when several take turns."""
        spans = [span for span in self._steps.get((journey, step), ()) if span.ticks]
        if sum(span.ticks for span in spans) < LEAST:
            return []
        return [source for source in spans[0].sources if all(source in span.sources for span in spans)]

    def keep(self, journeys: Collection[str]) -> None:
        """Forget the steps of other journeys."""
        self._steps = {step: spans for step, spans in self._steps.items() if step[0] in journeys}

    def dump(self) -> Stored:
        """For `load`."""
        return self._began, [(*step, spans) for step, spans in sorted(self._steps.items())]

    def load(self, stored: Stored) -> None:
        """Take what `dump` gave."""
        self._began, steps = stored
        self._steps = {(journey, step): spans for journey, step, spans in steps}
