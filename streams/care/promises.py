"""What was promised: kept in time, or broken the moment its time is over, before the customer complains."""

from __future__ import annotations

from collections.abc import Iterator

from streams.care.askrules import Trigger
from streams.care.calendars import Hours, after
from streams.care.said import Out, Said
from streams.care.state import Care, Given
from streams.config.structs import Config, Promise
from streams.fields import identity, reader
from streams.units import format_time

BROKEN = "promise.broken"
"""Also the type under which `cases` and `feedback` may name it."""
MOST = 64
"""Promises of one customer that are remembered while they are open, the latest."""


class _Rule:
    def __init__(self, name: str, promise: Promise, hours: Hours | None) -> None:
        self.name = name
        self.given = Trigger(promise.from_, promise.where)
        self.kept = Trigger(promise.until)
        self.within = promise.within
        self.by = reader(promise.by) if promise.by else None
        self.owner = promise.owner
        self.hours = hours

    def key(self, said: Said) -> str | None:
        """What tells this promise from others of its name; None where the event does not say."""
        return "" if self.by is None else identity(self.by(said.data))


class Promises:
    """The promises of one file. Times are UTC epoch microseconds."""

    def __init__(self, config: Config) -> None:
        hours = {name: Hours(calendar) for name, calendar in config.calendars.items()}
        self._rules = {
            name: _Rule(name, promise, hours[promise.calendar] if promise.calendar else None)
            for name, promise in config.promises.items()
        }

    def types(self) -> frozenset[str]:
        """Event types with which promises are given or kept."""
        return frozenset().union(*(rule.given.types | rule.kept.types for rule in self._rules.values()))

    def take(self, care: Care, said: Said, out: Out) -> None:
        """An event may keep promises and give others; one that does both keeps the old and gives a new one."""
        for rule in self._rules.values():
            kept, given = rule.kept.matches(said), rule.given.matches(said)
            key = rule.key(said) if kept or given else None
            if key is None:
                continue
            if kept:
                self._keep(rule, key, care, out)
            if given:
                due = max(after(said.time, rule.within, rule.hours), said.effective)
                care.promises = [*care.promises, Given(rule.name, key, said.cause, due)][-MOST:]
                out.count("promise_given", rule.name)

    @staticmethod
    def _keep(rule: _Rule, key: str, care: Care, out: Out) -> None:
        """The oldest one that is open."""
        for at, given in enumerate(care.promises):
            if given.promise == rule.name and given.by == key:
                care.promises = [*care.promises[:at], *care.promises[at + 1 :]]
                out.count("promise_kept", rule.name)
                return

    def next_due(self, care: Care) -> int | None:
        """When the first one is broken."""
        return min((given.due for given in care.promises), default=None)

    def fire(self, care: Care, subject: str, now: int, out: Out) -> Iterator[tuple[str, str, dict[str, object], int]]:
        """Break what is due by now; yields source, id, data and time of each as an event for the other rules."""
        due = [given for given in care.promises if given.due <= now]
        if not due:
            return
        care.promises = [given for given in care.promises if given.due > now]
        for given in sorted(due, key=lambda one: (one.due, one.promise, one.by)):
            rule = self._rules.get(given.promise)
            if rule is None:
                continue  # the file no longer makes it
            data = {"because": [given.cause], "promise": given.promise, "due_at": format_time(given.due)}
            made = out.decide(
                BROKEN, given.promise, f"{given.promise}/{given.by}", subject, given.cause, given.due, data
            )
            out.count("promise_broken", given.promise)
            event: dict[str, object] = {"promise": given.promise}
            if given.by:
                event["by"] = given.by
            if rule.owner is not None:
                event["owner"] = rule.owner
            yield "touchline", made.id, event, given.due
