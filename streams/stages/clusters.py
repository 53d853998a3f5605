"""Clusters: several customers, one shop, product or topic, within some hours. No single case shows it; all do.

Sightings of all partitions are put in order when a tick closes, so it does not matter where each customer lives.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from streams.config.structs import Cluster, Config
from streams.decisions import decision_id
from streams.effects import Decision, Partial, Sighting, customer_number
from streams.units import SECOND, format_time

FOUND = "touchline.cluster.found"
MOST_CAUSES = 20
"""Events named in a record, the latest."""
MOST_ENTITIES = 10_000
"""Of one rule, about which anything is remembered; those not heard of for longest are forgotten first."""
_MOST_CUSTOMERS = 1_000


class Seen(msgspec.Struct, array_like=True):
    """What is remembered of one entity."""

    customers: dict[int, tuple[int, str]]
    """Customer -> time and `source/id` of their latest event, in order of time."""
    told: bool = False
    """A record was written; the next comes only after fewer customers than it takes were within the time."""


class Clusters:
    """The clusters of one file."""

    def __init__(self, config: Config, seen: dict[str, dict[str, Seen]] | None = None) -> None:
        """`seen`: rule -> entity -> what is remembered, as `seen` has it; rules that are gone lose theirs."""
        self._rules = config.clusters
        self.seen = {name: (seen or {}).get(name, {}) for name in self._rules}
        self.dirty = False
        """Something has changed since somebody set this to False."""

    def judge(self, tick: int, partials: Iterable[Partial]) -> list[Decision]:
        """Take the sightings of a tick; what becomes a cluster with them."""
        sightings = sorted(
            (sighting for partial in partials for sighting in partial.sightings),
            key=lambda one: (one.time, one.cause, one.rule, one.entity),
        )
        touched: dict[tuple[str, str], None] = {}
        for sighting in sightings:
            if sighting.rule in self._rules:
                self._see(self._rules[sighting.rule], sighting)
                touched[sighting.rule, sighting.entity] = None
        decisions = [self._found(tick, *place) for place in sorted(touched) if self._is_news(*place)]
        for rule in {rule for rule, _ in touched}:
            self._forget(rule)
        return decisions

    def forget(self, subjects: Iterable[str]) -> None:
        """Customers who are erased count no more."""
        for subject in subjects:
            number = customer_number(subject)
            for entities in self.seen.values():
                for seen in entities.values():
                    if seen.customers.pop(number, None) is not None:
                        self.dirty = True

    def _see(self, rule: Cluster, sighting: Sighting) -> None:
        self.dirty = True
        entities = self.seen[sighting.rule]
        # Taken out and put back: the one heard of last comes last.
        seen = entities.pop(sighting.entity, None) or Seen({})
        entities[sighting.entity] = seen
        oldest = sighting.time - (rule.count.within or 0)
        seen.customers = {who: said for who, said in seen.customers.items() if said[0] > oldest}
        seen.customers.pop(sighting.customer, None)
        if len(seen.customers) + 1 < rule.count.n:
            seen.told = False
        seen.customers[sighting.customer] = (sighting.time, sighting.cause)
        if len(seen.customers) > _MOST_CUSTOMERS:
            del seen.customers[next(iter(seen.customers))]

    def _is_news(self, name: str, entity: str) -> bool:
        seen = self.seen[name][entity]
        return not seen.told and len(seen.customers) >= self._rules[name].count.n

    def _found(self, tick: int, name: str, entity: str) -> Decision:
        rule, seen = self._rules[name], self.seen[name][entity]
        seen.told = True
        said = sorted(seen.customers.values())
        causes = [cause for _, cause in said][-MOST_CAUSES:]
        time = (tick + 1) * SECOND
        data = {
            "rule": name,
            "because": causes,
            "cluster": name,
            "by": rule.by,
            "entity": entity,
            "customers": len(said),
            "since": format_time(said[0][0]),
            "owner": rule.owner,
        }
        return Decision(decision_id(FOUND, name, entity, str(tick), time), FOUND, time, entity, data)

    def _forget(self, name: str) -> None:
        entities = self.seen[name]
        while len(entities) > MOST_ENTITIES:
            del entities[next(iter(entities))]
