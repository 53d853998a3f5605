"""`cases:` prepared: which events open a case, who gets it, by when the customer must hear from us."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from streams.care.calendars import Hours
from streams.care.said import Said
from streams.conditions import TRAIT, Condition, compile_where, referenced
from streams.config.structs import Case, Config, Contact
from streams.fields import lookup, text

EXTERNAL = "external"
"""The rule of cases that another system opened."""


class CaseRule:
    """One rule under `cases`; or what holds for cases of other systems."""

    def __init__(self, name: str, rule: Case | None, hours: Mapping[str, Hours]) -> None:
        self.name = name
        self.on = rule.on if rule is not None else ()
        where = rule.where if rule is not None else None
        self._where = compile_where(where)
        self._paths = referenced(where)
        self.owner = rule.owner if rule is not None else None
        self.priority = float(rule.priority) if rule is not None else 0.0
        contact = rule.contact if rule is not None else Contact()
        self.warn, self.breach = contact.warn, contact.breach
        self.exposure = rule.exposure if rule is not None else None
        self.hours = hours.get(rule.calendar) if rule is not None and rule.calendar is not None else None

    def matches(self, said: Said) -> bool:
        """Whether an event of one of its types meets its conditions."""
        return self._where is None or self._where(said.data, said.traits)

    def facts(self, said: Said) -> list[str]:
        """What its conditions read in an event, as `name=value`."""
        found = []
        for path in self._paths:
            read = said.traits if path.startswith(TRAIT) else said.data
            value = text(lookup(read, path.removeprefix(TRAIT)))
            if value is not None:
                found.append(f"{path}={value}")
        return found


class CaseRules:
    """All rules of a file, by name and by event type."""

    def __init__(self, config: Config) -> None:
        hours = {name: Hours(calendar) for name, calendar in config.calendars.items()}
        self.names = frozenset(config.cases)
        self._rules = {name: CaseRule(name, rule, hours) for name, rule in config.cases.items()}
        self._by_type: dict[str, list[CaseRule]] = {}
        for rule in self._rules.values():
            for kind in dict.fromkeys(rule.on):
                self._by_type.setdefault(kind, []).append(rule)
        self.types = frozenset(self._by_type)
        self._external = self._rules.get(EXTERNAL) or CaseRule(EXTERNAL, None, hours)

    def matching(self, said: Said) -> Iterator[CaseRule]:
        """Rules that an event meets, in the order of the file."""
        return (rule for rule in self._by_type.get(said.kind, ()) if rule.matches(said))

    def stated(self, said: Said) -> CaseRule:
        """The rule of a case that another system opens: the one it names, else the first that the event meets."""
        name = said.data.get("rule")
        if isinstance(name, str) and name in self.names:
            return self._rules[name]
        return next(self.matching(said), self._external)

    def of(self, name: str) -> CaseRule:
        """By name; what holds for other systems' cases when the file has it no more."""
        return self._rules.get(name, self._external)


class Routing:
    """Who a case goes to when its rule does not say: by the routes of the file, by the journey, to the fallback."""

    def __init__(self, config: Config) -> None:
        self._routes = [
            (frozenset(route.on), compile_where(route.where), route.owner) for route in config.routing.routes
        ]
        self.fallback = config.routing.fallback
        """Who gets what nobody else does; None: it stays open."""
        self._owners: dict[str, list[tuple[str, str, Condition | None]]] = {}
        for name, journey in config.journeys.items():
            if journey.owner is None:
                continue
            for step in journey.steps:
                for kind in step.on:
                    self._owners.setdefault(kind, []).append((name, journey.owner, compile_where(step.where)))

    def owner(self, said: Said) -> tuple[str, str] | None:
        """Owner, and by what: the first route that the event meets, else the first journey that it enters.

        Only journeys with an owner count.
        """
        for at, (kinds, where, owner) in enumerate(self._routes, 1):
            if (not kinds or said.kind in kinds) and (where is None or where(said.data, said.traits)):
                return owner, f"route/{at}"
        for journey, owner, where in self._owners.get(said.kind, ()):
            if where is None or where(said.data, said.traits):
                return owner, f"journey/{journey}"
        return None
