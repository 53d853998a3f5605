"""`clusters:` prepared: which events are counted, and what each is about."""

from __future__ import annotations

from streams.care.askrules import Trigger
from streams.care.said import Out, Said
from streams.conditions import TRAIT
from streams.config.structs import Config
from streams.effects import Sighting, customer_number
from streams.fields import identity, lookup


class Sightings:
    """The clusters of one file, as one customer's events meet them."""

    def __init__(self, config: Config) -> None:
        self._rules = [(name, Trigger(rule.on, rule.where), rule.by) for name, rule in config.clusters.items()]

    def types(self) -> frozenset[str]:
        """Event types that are counted."""
        return frozenset().union(*(trigger.types for _, trigger, _ in self._rules))

    def take(self, said: Said, out: Out) -> None:
        """An event of a customer; one that does not say what it is about counts nowhere."""
        if out.sight is None:
            return
        for name, trigger, by in self._rules:
            if not trigger.matches(said):
                continue
            read = said.traits if by.startswith(TRAIT) else said.data
            entity = identity(lookup(read, by.removeprefix(TRAIT)))
            if entity is not None:
                out.sight(Sighting(name, entity, said.effective, said.cause, customer_number(said.subject)))
