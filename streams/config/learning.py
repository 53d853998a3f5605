"""`learn:` of a rule for asking – which of its channels, waits and hours of the day is answered best."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from streams.config.blocks import Block, Many
from streams.config.faults import Path
from streams.config.forms import Parsed
from streams.config.kinds import LongDuration, RatioValue
from streams.units import (
    CLOCK_PATTERN,
    DAY,
    DURATION_PATTERN,
    format_clock,
    format_duration,
    parse_clock,
    parse_duration,
)

LONGEST_WITHIN = 90 * DAY

Clocks = Annotated[tuple[int, ...], Many(Parsed('a time of day such as "10:00"', parse_clock, CLOCK_PATTERN))]
Durations = Annotated[tuple[int, ...], Many(Parsed("a duration such as 1d", parse_duration, DURATION_PATTERN))]


class Learn(Block, frozen=True, kw_only=True):
    """What is learnt from the answers; what does not stand here stays as the rule has it."""

    channel: bool = False
    """Which of the rule's `channels` is used, where the customer states no preference."""
    times: Clocks = ()
    """Hours of the day of which one is used, by the clock where the customer lives, such as `["10:00", "18:00"]`."""
    waits: Durations = ()
    """Times from the event to the ask of which one is used, in place of `wait`."""
    explore: RatioValue = 0.1
    """Share of the asks that is spread evenly, whatever was learnt."""
    within: LongDuration = 7 * DAY
    """An ask that is not answered by then counts as not answered."""
    over: LongDuration = 30 * DAY
    """Only asks that were counted so lately are learnt from, in whole days."""

    def check(self) -> Iterator[tuple[Path, str]]:
        if not (self.channel or self.times or self.waits):
            yield (), "nothing to learn: expected `channel`, `times` or `waits`"
        for key, said in (
            ("times", [format_clock(time) for time in self.times]),
            ("waits", [format_duration(wait) for wait in self.waits]),
        ):
            if len(said) == 1:
                yield (key,), f"expected at least two to choose from, got {said[0]} alone"
            for twice in sorted({one for one in said if said.count(one) > 1}):
                yield (key,), f"{twice} is there twice"
        if DAY in self.times:
            yield ("times",), '"24:00" is "00:00" of the next day: expected "00:00"'
        if self.explore <= 0:
            yield ("explore",), "expected more than 0: what is never tried again is never found to have become better"
        if self.over < DAY:
            yield ("over",), f"expected at least {format_duration(DAY)}, got {format_duration(self.over)}"
        if self.within > LONGEST_WITHIN:
            yield ("within",), f"expected at most {format_duration(LONGEST_WITHIN)}, got {format_duration(self.within)}"
