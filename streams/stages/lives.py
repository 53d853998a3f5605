"""What becomes of a customer beside its own steps: timers fire, quotas speak, ids merge and are erased."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams import merging, notices
from streams.care.said import Out, Said
from streams.care.state import CLOSED as CASE_CLOSED
from streams.care.state import Care
from streams.customer import IN_FLIGHT, Customer
from streams.effects import Nominee
from streams.journeys import NEVER, SEPARATOR, Walk
from streams.measures import end_session
from streams.notices import CHANGE, COMMANDS, ERASED
from streams.rules import Rules
from streams.seen import Population
from streams.stages.residents import Residents
from streams.tally import ACCEPTED, Tally


class Lives:
    """The customers of `residents` under the file in force; what happens is counted in `tally` and told to `out`."""

    def __init__(self, residents: Residents, tally: Tally, population: Population, out: Out) -> None:
        self._residents = residents
        self._tally = tally
        self._population = population
        self._out = out

    def use(self, rules: Rules, walk: Walk) -> None:
        """Another file holds."""
        self._rules = rules
        self._walk = walk

    def fire(self, key: str, customer: Customer, due: int) -> None:
        """A customer's timer: whatever is due by now happens, then the next one is set."""
        if customer.shape != self._residents.shape:
            self._residents.admit(customer)
        if customer.instances or customer.sessions:
            self._expire(customer, due)
        if customer.care is not None:
            self._rules.care.fire(customer.care, key, customer.traits, due, self._out)
            if customer.care.empty():
                customer.care = None
        self._residents.unschedule(key, customer)
        next_due = self._residents.next_due(customer)
        if next_due <= due:
            self._residents.drop(key)
        else:
            self._residents.schedule(key, customer, next_due)
        self._residents.dirty.add(key)

    def _expire(self, customer: Customer, due: int) -> None:
        for name, instance in list(customer.instances.items()):
            if instance.due > due:
                continue
            rule = self._rules.journeys.get(name.split(SEPARATOR, 1)[0])
            if instance.state == IN_FLIGHT and rule is not None:
                self._walk.abandon(rule, instance, due)
                if instance.due > due:
                    continue
            del customer.instances[name]
        for name, session in list(customer.sessions.items()):
            if session.due <= due:
                if (signal := self._rules.sessions.get(name)) is not None:
                    end_session(signal, session, self._tally)
                del customer.sessions[name]

    def merge(
        self,
        subject: str | None,
        ending: str,
        gone: Customer,
        data: Mapping[str, object],
        identity: bytes,
        effective: int,
    ) -> tuple[str, str] | None:
        """`customer.merged`: returns why it is refused, else moves everything and leaves a forwarding address."""
        find = self._residents.cache.get
        into = merging.resolve(str(data["into"]), find)
        repeated = into == ending and subject != ending
        if not repeated:
            refused = merging.refusal(ending, into, data.get("force") is True, find)
            if refused is not None:
                return refused
        self._population.make_room(effective)
        self._population.room -= 1
        gone.seen += identity
        if repeated:
            return None
        timer = gone.due
        self.unite(gone, into, effective)
        self._residents.put(
            ending, Customer(shape=self._residents.shape, touched=effective, into=into), had_timer=timer
        )
        return None

    def unite(self, gone: Customer, into: str, effective: int) -> None:
        """Everything a customer had moves to another one."""
        survivor = self._residents.cache.get(into)
        if survivor is None:
            survivor = self._residents.cache[into] = Customer(shape=self._residents.shape, seen_since=gone.seen_since)
        elif survivor.shape != self._residents.shape:
            self._residents.admit(survivor)
        merging.absorb(gone, survivor, self._walk, self._rules)
        if survivor.care is not None:
            self._rules.care.settle(survivor.care, survivor.traits, effective)
        survivor.touched = max(survivor.touched, effective)
        self._residents.dirty.add(into)
        due = self._residents.next_due(survivor)
        if survivor.due is None or due < survivor.due:
            self._residents.schedule(into, survivor, due)

    def judge(self, key: str, nominee: Nominee, fired: int, *, allowed: bool) -> None:
        """What a quota says to an ask of the customer under `key`; timers before `fired` have fired."""
        customer = self._residents.cache.get(key)
        if customer is None or customer.care is None:
            return  # forgotten, or erased
        if customer.shape != self._residents.shape:
            self._residents.admit(customer)
        self._rules.care.judged(customer.care, key, customer.traits, nominee, fired, self._out, allowed=allowed)
        if customer.care.empty():
            customer.care = None
        due = self._residents.next_due(customer)
        if customer.due is None or due < customer.due:
            self._residents.schedule(key, customer, due)
        self._residents.dirty.add(key)

    def care_for(self, customer: Customer, said: Said) -> int:
        """An event meets the rules about customers; the earliest timer of that, else NEVER."""
        care = customer.care or Care()
        engine = self._rules.care
        engine.take(care, said, self._out)
        customer.care = None if care.empty() else care
        due = None if customer.care is None else engine.next_due(care)
        return NEVER if due is None else due

    def heed(
        self,
        kind: str,
        customer: Customer,
        subject: str | None,
        source: str,
        name: str,
        data: Mapping[str, Any],
        time: int,
        effective: int,
    ) -> None:
        """What an event of a special type means beside the rules."""
        if kind == "customer.identified":
            customer.identified = True
            customer.traits.update(data)
        elif kind == CHANGE:
            self._tally.change(notices.change(time, source, name, data))
        elif kind in COMMANDS:
            self._tally.command(notices.command(kind, effective, subject, source, name, data))

    def erase(self, key: str, effective: int) -> None:
        """Nothing under an id stays but the counts: open ways end as merged, open cases as closed.

        An id that ended in another goes alone; the other has a record of its own.
        """
        self._tally.door[ACCEPTED] += 1
        self._tally.types[ERASED] += 1
        self._tally.erase(key)
        customer = self._residents.cache.get(key)
        if customer is None:
            return
        if customer.shape != self._residents.shape:
            self._residents.admit(customer)
        for name, instance in customer.instances.items():
            rule = self._rules.journeys.get(name.split(SEPARATOR, 1)[0])
            if rule is not None:
                self._walk.leave(rule, instance)
        for case in () if customer.care is None else customer.care.cases:
            if case.state != CASE_CLOSED:
                self._tally.care_for("case_closed", case.rule, "erased", effective - case.since)
        if customer.due is not None:
            self._residents.unschedule(key, customer)
        self._residents.dirty.add(key)
        self._residents.drop(key)
