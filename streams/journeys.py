"""What one event does to a customer's journeys, letter by letter formats.md section 2 "Journeys"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streams.customer import ABANDONED, CLOSED, IN_FLIGHT, Customer, Instance
from streams.effects import Cell
from streams.fields import identity, text
from streams.rules import JourneyRule, Match, Rules
from streams.tally import ABANDONED as BECAME_ABANDONED
from streams.tally import COMPLETED, MERGED, RECOVERED, REPEATED, SKIPPED, UNATTRIBUTED, Tally

TICK = 1_000_000
"""Microseconds in a tick."""
SEPARATOR = "\0"
NEVER = 1 << 62
LONGEST = 128
"""Characters of a segment value; longer ones are cut."""


def segment_values(
    dimensions: tuple[str, ...], data: Mapping[str, Any], known: Cell | None, traits: Mapping[str, Any]
) -> Cell:
    """A step's segment values: the event's, else the instance's last known, else the trait's, else `unknown`."""
    values = []
    for at, dimension in enumerate(dimensions):
        value = data.get(dimension)
        if type(value) is not str or not value or len(value) > LONGEST:
            value = text(value)
            if value is None:
                if known is not None and known[at] != "unknown":
                    value = known[at]
                else:
                    value = text(traits.get(dimension)) or "unknown"
        values.append(value)
    return tuple(values)


class Walk:
    """Moves one customer through one journey; what happened is booked in a tally."""

    __slots__ = ("_books", "dimensions", "earliest", "tally")

    def __init__(self, rules: Rules, tally: Tally) -> None:
        self.dimensions = rules.dimensions
        self.tally = tally
        self._books = {
            rule.name: [tally.book(rule.name, step) for step in rule.steps] for rule in rules.journeys.values()
        }
        self.earliest = NEVER
        """Earliest timer set since somebody last put this back to NEVER (UTC epoch microseconds)."""

    def take(
        self, match: Match, customer: Customer, subject: str, data: Mapping[str, Any], time: int, effective: int
    ) -> None:
        """Apply an event that may match some steps of a journey.

        `time` is the event's own time, `effective` the moment it takes effect (later only when it came late); both
        UTC epoch microseconds.
        """
        rule = match.rule
        matches: Sequence[int] = match.always
        if not matches:
            traits = customer.traits
            matches = [at for at, where in match.candidates if where is None or where(data, traits)]
            if not matches:
                return
        key = rule.name
        if rule.by is not None:
            by = identity(rule.by(data))
            if by is None:
                self.tally.mark(rule.name, rule.steps[matches[0]], UNATTRIBUTED)
                return
            key = f"{rule.name}{SEPARATOR}{by}"
        self.move(rule, matches, customer, key, subject, None, data, rule.worth(data), time, effective)

    def move(
        self,
        rule: JourneyRule,
        matches: Sequence[int],
        customer: Customer,
        key: str,
        subject: str,
        cell: Cell | None,
        data: Mapping[str, Any],
        value: int | None,
        time: int,
        effective: int,
    ) -> None:
        """An event that matches some steps (at least one, ascending) meets the instance under `key`.

        `cell` is None where the event's `data` alone does not give it; `value` None where the event has none.
        """
        first = matches[0]
        instance = customer.instances.get(key)
        if instance is None:
            if first == 0 or rule.start_any:
                if cell is None:
                    cell = segment_values(self.dimensions, data, None, customer.traits)
                self._enter(rule, first, customer, key, None, subject, cell, value or 0, time, effective)
            else:
                self.tally.mark(rule.name, rule.steps[first], UNATTRIBUTED)
            return
        at = rule.index[instance.step]
        state = instance.state
        if state == IN_FLIGHT and time > instance.deadline:
            self.abandon(rule, instance, effective)
            state = ABANDONED
        ahead: int | None = first
        if first <= at:
            ahead = None if len(matches) == 1 else next((match for match in matches if match > at), None)
        if state == CLOSED or (ahead is None and not (state == ABANDONED and first == 0)):
            self.tally.mark(rule.name, rule.steps[first], REPEATED)
        elif ahead is None:
            if cell is None:
                cell = segment_values(self.dimensions, data, None, customer.traits)
            self._enter(rule, 0, customer, key, None, subject, cell, value or 0, time, effective)
        else:
            if cell is None:
                cell = segment_values(self.dimensions, data, instance.cell, customer.traits)
            self._books[rule.name][at].settle(
                instance.cell, instance.entered // TICK, COMPLETED if state == IN_FLIGHT else RECOVERED, instance.value
            )
            for between in range(at + 1, ahead):
                if not rule.optional[between]:
                    self.tally.mark(rule.name, rule.steps[between], SKIPPED)
            if value is None:
                value = instance.value
            self._enter(rule, ahead, customer, key, instance, subject, cell, value, time, effective)

    def _enter(
        self,
        rule: JourneyRule,
        at: int,
        customer: Customer,
        key: str,
        before: Instance | None,
        subject: str,
        cell: Cell,
        value: int,
        time: int,
        effective: int,
    ) -> None:
        entry_tick = time // TICK
        book = self._books[rule.name][at]
        book.enter(cell, entry_tick, value, subject)
        if at == rule.last:
            book.settle(cell, entry_tick, COMPLETED, value)
            if rule.by is None:
                customer.instances.pop(key, None)
                return
            state, deadline, due = CLOSED, time, max(time, effective) + rule.keep
        else:
            deadline = rule.deadline(at, time)
            state, due = IN_FLIGHT, deadline if deadline > effective else effective
        if due < self.earliest:
            self.earliest = due
        step = rule.steps[at]
        if before is None:
            customer.instances[key] = Instance(step, state, time, deadline, due, cell, value)
        else:
            before.step, before.state, before.entered = step, state, time
            before.deadline, before.due, before.cell, before.value = deadline, due, cell, value

    def _settle(self, rule: JourneyRule, instance: Instance, outcome: int) -> None:
        book = self._books[rule.name][rule.index[instance.step]]
        book.settle(instance.cell, instance.entered // TICK, outcome, instance.value)

    def abandon(self, rule: JourneyRule, instance: Instance, effective: int) -> None:
        """The deadline passed: counted once, then kept for `keep` in case the customer comes back."""
        self._settle(rule, instance, BECAME_ABANDONED)
        instance.state = ABANDONED
        instance.due = max(instance.due, effective) + rule.keep

    def leave(self, rule: JourneyRule, instance: Instance) -> None:
        """Its customer is erased: in flight no more, counted as `merged`, for nobody has given up."""
        if instance.state == IN_FLIGHT:
            self._settle(rule, instance, MERGED)

    def merge(self, rule: JourneyRule, ending: Instance, staying: Instance) -> Instance:
        """Two instances of one journey and key become one: the one further along stays, the other is `merged`."""
        if self._rank(rule, ending) > self._rank(rule, staying):
            ending, staying = staying, ending
        if ending.state == IN_FLIGHT:
            self._settle(rule, ending, MERGED)
        return staying

    @staticmethod
    def _rank(rule: JourneyRule, instance: Instance) -> tuple[int, bool, int]:
        """Further along first; then the one still in flight; then the first entry."""
        return rule.index[instance.step], instance.state != ABANDONED, -instance.entered
