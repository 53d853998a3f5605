"""What one event does to a customer's journeys, letter by letter formats.md section 2 "Journeys"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.customer import ABANDONED, CLOSED, IN_FLIGHT, Customer, Instance
from streams.effects import Cell
from streams.fields import identity, number, scaled, text
from streams.rules import Condition, JourneyRule
from streams.tally import ABANDONED as BECAME_ABANDONED
from streams.tally import COMPLETED, MERGED, RECOVERED, REPEATED, SKIPPED, UNATTRIBUTED, Tally

TICK = 1_000_000
"""Microseconds in a tick."""
SEPARATOR = "\0"
NEVER = 1 << 62


def segment_values(
    dimensions: tuple[str, ...], data: Mapping[str, Any], known: Cell | None, traits: Mapping[str, Any]
) -> Cell:
    """A step's segment values: the event's, else the instance's last known, else the trait's, else `unknown`."""
    values = []
    for at, dimension in enumerate(dimensions):
        value = data.get(dimension)
        if type(value) is not str or not value or len(value) > 128:
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

    __slots__ = ("dimensions", "earliest", "tally")

    def __init__(self, dimensions: tuple[str, ...], tally: Tally) -> None:
        self.dimensions = dimensions
        self.tally = tally
        self.earliest = NEVER
        """Earliest timer set since somebody last put this back to NEVER (UTC epoch microseconds)."""

    def take(
        self,
        rule: JourneyRule,
        candidates: tuple[tuple[int, Condition | None], ...],
        customer: Customer,
        subject: str,
        data: Mapping[str, Any],
        time: int,
        effective: int,
    ) -> None:
        """Apply an event that may match some steps of a journey.

        `time` is the event's own time, `effective` the moment it takes effect (later only when it came late); both
        UTC epoch microseconds.
        """
        matches = [at for at, where in candidates if where is None or where(data, customer.traits)]
        if not matches:
            return
        key = rule.name
        if rule.by is not None:
            by = identity(rule.by(data))
            if by is None:
                self.tally.mark(rule.name, rule.steps[matches[0]], UNATTRIBUTED)
                return
            key = f"{rule.name}{SEPARATOR}{by}"
        instance = customer.instances.get(key)
        if instance is None:
            if matches[0] == 0 or rule.start_any:
                self._enter(rule, matches[0], customer, key, None, subject, data, time, effective)
            else:
                self.tally.mark(rule.name, rule.steps[matches[0]], UNATTRIBUTED)
            return
        at = rule.index[instance.step]
        if instance.state == IN_FLIGHT and time > instance.deadline:
            self.abandon(rule, instance, effective)
        ahead = next((match for match in matches if match > at), None)
        if instance.state == CLOSED or (ahead is None and not (instance.state == ABANDONED and matches[0] == 0)):
            self.tally.mark(rule.name, rule.steps[matches[0]], REPEATED)
        elif ahead is None:
            self._enter(rule, 0, customer, key, None, subject, data, time, effective)
        else:
            outcome = COMPLETED if instance.state == IN_FLIGHT else RECOVERED
            self._settle(rule, instance, outcome)
            for between in range(at + 1, ahead):
                if not rule.optional[between]:
                    self.tally.mark(rule.name, rule.steps[between], SKIPPED)
            self._enter(rule, ahead, customer, key, instance, subject, data, time, effective)

    def _enter(
        self,
        rule: JourneyRule,
        at: int,
        customer: Customer,
        key: str,
        before: Instance | None,
        subject: str,
        data: Mapping[str, Any],
        time: int,
        effective: int,
    ) -> None:
        cell = segment_values(self.dimensions, data, None if before is None else before.cell, customer.traits)
        value = 0 if before is None else before.value
        if rule.value is not None:
            amount = number(rule.value(data))
            if amount is not None:
                value = scaled(amount)
        step = rule.steps[at]
        entry_tick = time // TICK
        self.tally.enter(rule.name, step, cell, entry_tick, value, subject)
        if at == rule.last:
            self.tally.settle(rule.name, step, cell, entry_tick, COMPLETED, value)
            if rule.by is None:
                customer.instances.pop(key, None)
                return
            state, deadline, due = CLOSED, time, max(time, effective) + rule.keep
        else:
            deadline = time + rule.deadlines[at]
            state, due = IN_FLIGHT, max(deadline, effective)
        if due < self.earliest:
            self.earliest = due
        if before is None:
            customer.instances[key] = Instance(step, state, time, deadline, due, cell, value)
        else:
            before.step, before.state, before.entered = step, state, time
            before.deadline, before.due, before.cell, before.value = deadline, due, cell, value

    def _settle(self, rule: JourneyRule, instance: Instance, outcome: int) -> None:
        self.tally.settle(rule.name, instance.step, instance.cell, instance.entered // TICK, outcome, instance.value)

    def abandon(self, rule: JourneyRule, instance: Instance, effective: int) -> None:
        """The deadline passed: counted once, then kept for `keep` in case the customer comes back."""
        self._settle(rule, instance, BECAME_ABANDONED)
        instance.state = ABANDONED
        instance.due = max(instance.due, effective) + rule.keep

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
