"""The open tick of a partition: where it ends, and the partial it closes with. Empty ticks are declared as a range."""

from __future__ import annotations

from collections.abc import Callable

from streams.effects import Partial
from streams.journeys import TICK
from streams.rules import Rules
from streams.stages.learning import HOUR_TICKS
from streams.tally import Tally


class OpenTick:
    """Parameters
    ----------
    partition
        Part of every partial.
    tally
        What happened in the open tick.
    closed
        Takes each partial.
    first
        The first tick not yet declared; None before the first record.
    partials
        How many there have been; they are numbered.
    watermark
        Of the partition (UTC epoch microseconds); None before the first record.
    """

    def __init__(
        self,
        partition: int,
        tally: Tally,
        closed: Callable[[Partial], None],
        *,
        first: int | None = None,
        partials: int = 0,
        watermark: int | None = None,
    ) -> None:
        self._partition = partition
        self._tally = tally
        self._closed = closed
        self.first = first
        self.partials = partials
        self.end = 0 if watermark is None else (watermark // TICK + 1) * TICK
        """What happens from here on (UTC epoch microseconds) belongs to a later tick."""

    def use(self, rules: Rules) -> None:
        """Another file holds: partials name it from now on."""
        self._hash = rules.hash
        self._learns = rules.learns

    def begin(self, time: int) -> None:
        """The first tick is the one of this time (UTC epoch microseconds)."""
        self.first = time // TICK
        self.end = (self.first + 1) * TICK

    def close_before(self, following: int) -> None:
        """Close it because something happens in tick `following`; empty ticks between are that one's to declare."""
        if not self._tally.empty:
            self._emit(self.end // TICK - 1)
        first = self.first
        if self._learns and first is not None and first // HOUR_TICKS < following // HOUR_TICKS:
            # What was learnt until the end of an hour is known before anything happens in a later one.
            self._emit(following - 1)
        self.end = (following + 1) * TICK

    def close_until(self, last: int) -> None:
        """Declare all ticks up to `last` closed: the open one if it has content, then the empty rest as one range."""
        if self.first is None:
            self.first = last
            self.end = (last + 1) * TICK
        if not self._tally.empty:
            self._emit(self.end // TICK - 1)
        if self.first <= last:
            self._emit(last)
        self.end = (last + 2) * TICK

    def _emit(self, tick: int) -> None:
        """The partial of `tick`, which also declares the empty ticks since the last one."""
        first = tick if self.first is None else self.first
        partial = self._tally.close(self._partition, self.partials, first, tick, self._hash)
        self.partials += 1
        self.first = tick + 1
        self._closed(partial)
