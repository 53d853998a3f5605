"""What happened on each day of a replay, so that an alarm can be looked at beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from streams.effects import Decision, Partial
from streams.stages.signal import SignalStage

Place = tuple[str, str]
"""Journey and step, or a signal's name and nothing."""
DayOf = Callable[[int], date]


class Diary(SignalStage):
    """A SignalStage that also counts by day: who entered each step, how many of them went on, what signals saw."""

    def keep(self, zone: str) -> None:
        """Begin, with days of this time zone."""
        self.entered: Counter[tuple[Place, date]] = Counter()
        self.went_on: Counter[tuple[Place, date]] = Counter()
        """Completions by the day on which they happened."""
        self.of_entrants: Counter[tuple[Place, date]] = Counter()
        """Completions by the day on which the customer had entered."""
        self.seen: Counter[tuple[Place, date]] = Counter()
        self.total: Counter[tuple[Place, date]] = Counter()
        """Sum of a signal's values, scaled by 1e6."""
        self._zone = ZoneInfo(zone)

    def process(self, partial: Partial) -> list[Decision]:
        """As the stage does, with a note of the day."""
        if partial.entered or partial.outcomes or partial.measured:
            today = self._day(partial.tick)
            for entered in partial.entered:
                place = (entered.journey, entered.step)
                self.entered[place, self._day(partial.tick - entered.ticks_late)] += entered.count
            for outcome in partial.outcomes:
                if outcome.completed:
                    place = (outcome.journey, outcome.step)
                    self.went_on[place, today] += outcome.completed
                    self.of_entrants[place, self._day(outcome.entry_tick)] += outcome.completed
            for measured in partial.measured:
                self.seen[(measured.signal, ""), today] += measured.n
                self.total[(measured.signal, ""), today] += measured.total
        return super().process(partial)

    def _day(self, second: int) -> date:
        return datetime.fromtimestamp(second, self._zone).date()

    def page(self, place: Place, first: date, last: date) -> list[str]:
        """One line for each day about a step or a signal."""
        lines = []
        for at in range((last - first).days + 1):
            day = first + timedelta(days=at)
            key = (place, day)
            if place[1]:
                entered = self.entered[key]
                later = f", {100 * self.of_entrants[key] / entered:.0f} % of them in time" if entered else ""
                what = f"{entered} entered{later}; {self.went_on[key]} went on that day"
            else:
                n = self.seen[key]
                what = f"{n} seen" + (f", mean {self.total[key] / n / 1e6:.3g}" if n else "")
            lines.append(f"{day:%a %Y-%m-%d}  {what}")
        return lines
