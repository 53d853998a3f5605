"""Applying: an event whose time has come changes its customer and is counted.

Part of JourneyStage and as pure: only what was applied before makes a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streams import merging, seen
from streams.care.said import Said
from streams.customer import Customer
from streams.effects import Cell
from streams.journeys import NEVER, Walk, segment_values
from streams.keys import bucket
from streams.measures import observe
from streams.notices import ERASED
from streams.rules import NOTHING, Hits, Rules
from streams.stages.happened import Happened
from streams.stages.lives import Lives
from streams.stages.residents import Residents
from streams.stages.transit import Transit
from streams.stages.waiting import Arrived, Waiting
from streams.tally import ACCEPTED, DUPLICATE, EVICTED, Tally


class Applying:
    """Events meet the customers of `residents` under the file in force. `open_parcel` takes what came in a parcel."""

    def __init__(
        self,
        residents: Residents,
        tally: Tally,
        population: seen.Population,
        lives: Lives,
        transit: Transit,
        happened: Happened,
        open_parcel: Callable[[Arrived, int], None],
    ) -> None:
        self._residents = residents
        self._tally = tally
        self._population = population
        self._lives = lives
        self._transit = transit
        self._happened = happened
        self._open = open_parcel

    def use(self, rules: Rules, walk: Walk) -> None:
        """Another file holds."""
        self._rules = rules
        self._walk = walk
        self._max_ids_per_key = rules.config.dedup.max_ids_per_key
        self._most_seen_bytes = self._max_ids_per_key * seen.WIDTH

    def apply_all(self, entries: list[Waiting]) -> int:
        """Apply waiting events of one tick, in order; returns how many: a timer may have come between.

        Written out here is what nearly every event is: its customer known, in this file's shape, ids not expiring.
        """
        residents, walk, population = self._residents, self._walk, self._population
        cache, timers, schedule = residents.cache, residents.timers, residents.schedule
        elsewhere = self._transit.elsewhere
        tally = self._tally
        door, types, see = tally.door, tally.types, tally.see
        shape, most, resident, mark = residents.shape, self._most_seen_bytes, residents.stay, residents.dirty.add
        last = entries[-1][0]
        oldest = max(last - seen.WINDOW + 1, population.floor)
        if last >= population.minute_end or population.room < len(entries):
            # Somewhere in between ids fall out: one by one then.
            oldest = NEVER
        count = accepted = 0
        run: str | None = None
        more = latest = gap = 0
        for entry in entries:
            count += 1
            time, _, source, _, _, subject, kind, identity, hits, cell, value, data, _, plain, _ = entry
            customer = cache.get(subject) if plain else None  # type: ignore[arg-type]  # None is nobody's key
            if (
                customer is None
                and plain
                and subject is not None
                and oldest != NEVER
                and time >= seen.WINDOW
                and not elsewhere(subject)
            ):
                accepted += 1
                if source != run:
                    if more:
                        tally.see_more(run, more, latest, gap)  # type: ignore[arg-type]  # a run has a source
                    run, more, latest, gap = see(source, time), 0, time, 0
                else:
                    more += 1
                    if time - latest > gap:
                        gap = time - latest
                    latest = time
                if self._welcome(entry, subject) < last:
                    break
                continue
            if (
                customer is None
                or customer.seen_since < oldest
                or customer.shape != shape
                or customer.into is not None
                or (due := customer.due) is None
            ):
                population.room -= accepted
                door[ACCEPTED] += accepted
                accepted = 0
                if more:
                    tally.see_more(run, more, latest, gap)  # type: ignore[arg-type]  # as above
                    more = 0
                run = None
                self.apply(entry, time)
                if timers and timers[0][0] < last:
                    break
                continue
            ids, before = customer.seen, customer.seen_before
            if (ids.find(identity) >= 0 or (before and before.find(identity) >= 0)) and seen.is_duplicate(
                customer, identity
            ):
                door[DUPLICATE] += 1
                continue
            accepted += 1
            customer.seen = ids + identity
            if len(ids) + len(before) >= most:
                door[EVICTED] += seen.trim(customer, self._max_ids_per_key)
            customer.touched = time
            types[kind] += 1
            if source != run:
                if more:
                    tally.see_more(run, more, latest, gap)  # type: ignore[arg-type]  # as above
                run, more, latest, gap = see(source, time), 0, time, 0
            else:
                more += 1
                if time - latest > gap:
                    gap = time - latest
                latest = time
            if not resident:
                mark(subject)  # type: ignore[arg-type]  # a customer was found under it
            if hits is NOTHING:
                continue
            only = hits.only
            if only is not None:
                rule = only.rule
                walk.move(rule, only.always, customer, rule.name, subject, cell, data, value, time, time)  # type: ignore[arg-type]
            else:
                self._book(hits, customer, subject, cell, value, data, time, time)  # type: ignore[arg-type]
            if walk.earliest != NEVER:
                earliest = walk.earliest
                walk.earliest = NEVER
                if earliest < due:
                    schedule(subject, customer, earliest)  # type: ignore[arg-type]
                    if earliest < last:
                        break
        if more:
            tally.see_more(run, more, latest, gap)  # type: ignore[arg-type]  # as above
        population.room -= accepted
        door[ACCEPTED] += accepted
        return count

    def _welcome(self, entry: Waiting, key: str) -> int:
        """A customer's first event, on time and plain: what `_apply` comes to then, but for its source's count.

        Returns when the timer fires.
        """
        time, _, _, _, _, _, kind, identity, hits, cell, value, data, _, _, _ = entry
        residents, walk = self._residents, self._walk
        customer = Customer(shape=residents.shape, touched=time, seen=identity, seen_since=time)
        residents.cache[key] = customer
        self._tally.types[kind] += 1
        if hits is not NOTHING:
            self._book(hits, customer, key, cell, value, data or {}, time, time)
        due, walk.earliest = walk.earliest, NEVER
        if due == NEVER:
            due = residents.next_due(customer)
        residents.schedule(key, customer, due)
        residents.dirty.add(key)
        return due

    def _book(
        self,
        hits: Hits,
        customer: Customer,
        key: str | None,
        cell: Cell | None,
        value: int | None,
        data: Mapping[str, Any],
        time: int,
        effective: int,
    ) -> None:
        """What the rules make of an event; without a key it is nobody's, and only signals count it."""
        walk = self._walk
        if key is not None:
            if hits.only is not None:
                rule = hits.only.rule
                walk.move(rule, hits.only.always, customer, rule.name, key, cell, data, value, time, effective)
                return
            for match in hits.journeys:
                walk.take(match, customer, key, data, time, effective)
        if hits.signals:
            cell = segment_values(self._rules.dimensions, data, None, customer.traits)
            for signal in hits.signals:
                due = observe(signal, customer, data, cell, time, effective, self._tally)
                if due < walk.earliest:
                    walk.earliest = due

    def apply(
        self, entry: Waiting, effective: int, key: str | None = None, late: bool | None = None, hops: int = 0
    ) -> None:
        """Apply any event; one that came from another partition says its key, and whether it had been late there."""
        time, _, source, name, _, subject, kind, identity, hits, _, _, data, record, _, _ = entry
        if isinstance(record, Arrived):
            self._open(record, effective)
            return
        if kind == ERASED:
            self._lives.erase(subject or "", effective)
            return
        if key is None:
            key = subject if subject is not None else bucket(source, name)
        if late is None:
            late = time < effective
        cache = self._residents.cache
        customer = cache.get(key)
        if customer is None or customer.into is not None:
            first, key = key, merging.resolve(key, cache.get)
            customer = cache.get(key)
            if customer is None:
                if self._transit.elsewhere(key):
                    if first == key or not self._transit.repeats(entry, first, key, effective, late):
                        self._transit.forward(entry, first, key, effective, late, hops)
                    return
                customer = cache[key] = Customer(shape=self._residents.shape)
        if customer.shape != self._residents.shape:
            self._residents.admit(customer)
            self._residents.dirty.add(key)
        door = self._tally.door
        population = self._population
        if effective - customer.seen_since >= seen.WINDOW or population.floor > customer.seen_since:
            seen.turn(customer, effective, population.floor)
            self._residents.dirty.add(key)
        if seen.is_duplicate(customer, identity):
            door[DUPLICATE] += 1
            return
        said = None
        if hits.care and subject is not None:
            said = Said(kind, key, source, name, data or {}, customer.traits, time, effective)
            # Nothing is refused to a customer of whom nothing is kept.
            refusal = None if customer.care is None else self._rules.care.refusal(customer.care, said)
            if refusal is not None:
                self._happened.reject(record, *refusal)
                if customer.due is None:
                    self._residents.drop(key)
                return
        if kind == "customer.merged":
            into = merging.resolve(str((data or {})["into"]), cache.get)
            if into != key and cache.get(into) is None and self._transit.elsewhere(into):
                self._transit.depart(entry, key, customer, into, effective, late)
                return
            refusal = self._lives.merge(subject, key, customer, data or {}, identity, effective)
            if refusal is not None:
                self._happened.reject(record, *refusal)
                if customer.due is None:
                    self._residents.drop(key)
                return
            said = None
        else:
            if effective >= population.minute_end or population.room <= 0:
                door[EVICTED] += population.make_room(effective)
            population.room -= 1
            customer.seen += identity
            if len(customer.seen) + len(customer.seen_before) > self._most_seen_bytes:
                door[EVICTED] += seen.trim(customer, self._max_ids_per_key)
        self.count_in(entry, key, effective, late, said)

    def count_in(self, entry: Waiting, key: str, effective: int, late: bool, said: Said | None = None) -> None:
        """An event is accepted: it counts, and the rules make something of it."""
        time, _, source, name, _, subject, kind, _, hits, cell, value, data, _, _, future = entry
        customer = self._residents.cache[key]
        assert customer is not None
        self._tally.accept(kind, source, time, late, future)
        customer.touched = effective
        if not hits.plain:
            self._lives.heed(kind, customer, subject, source, name, data or {}, time, effective)
        if hits is not NOTHING:
            self._book(hits, customer, key if subject is not None else None, cell, value, data or {}, time, effective)
        earliest, self._walk.earliest = self._walk.earliest, NEVER
        if hits.care and subject is not None:
            if said is None:
                said = Said(kind, key, source, name, data or {}, customer.traits, time, effective)
            earliest = min(earliest, self._lives.care_for(customer, said))
        if customer.due is None:
            self._residents.schedule(key, customer, self._residents.next_due(customer))
        elif earliest < customer.due:
            self._residents.schedule(key, customer, earliest)
        self._residents.dirty.add(key)
