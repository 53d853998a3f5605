"""`cases:`, `promises:` and `calendars:` – who gets back to a customer, and by when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from streams.config.blocks import Block, Many, block_form
from streams.config.faults import Faults, Path
from streams.config.forms import BAD, Bad, Definitions, Parsed, Schema, refuse
from streams.config.kinds import (
    CountValue,
    Date,
    EventTypes,
    FieldPath,
    LongDuration,
    Name,
    NotNegative,
    TimeZone,
    Where,
)
from streams.config.nodes import Node
from streams.units import CLOCK_PATTERN, HOUR, parse_clock


class Contact(Block, frozen=True, kw_only=True):
    """How soon the customer must hear from us."""

    warn: LongDuration = 24 * HOUR
    """When the owner is reminded."""
    breach: LongDuration = 48 * HOUR
    """When it is too late."""

    def check(self) -> Iterator[tuple[Path, str]]:
        if self.warn >= self.breach:
            yield ("warn",), "expected warn before breach"


class Exposure(Block, frozen=True, kw_only=True):
    """How many others meet the same as long as nobody looks after it: it brings the clocks of a case forward."""

    per_hour: NotNegative | None = None
    """How many people an hour, such as the visitors of a shop."""
    field: FieldPath | None = None
    """Field of the event that opens the case with that number, or `trait.X`; where it has none, `per_hour` holds."""
    warn: NotNegative | None = None
    """So many exposed, and the owner is reminded."""
    breach: NotNegative | None = None
    """So many, and it is too late."""

    def check(self) -> Iterator[tuple[Path, str]]:
        if self.per_hour is None and self.field is None:
            yield (), "expected per_hour or field"
        if self.warn is None and self.breach is None:
            yield (), "expected warn or breach"
        if self.warn is not None and self.breach is not None and self.warn >= self.breach:
            yield ("warn",), "expected warn before breach"


class Case(Block, frozen=True, kw_only=True):
    """When a case is opened for a customer."""

    on: EventTypes
    """The event types that open one."""
    where: Where = None
    """Conditions on them."""
    owner: str | None = None
    """Team it is assigned to at once."""
    priority: int = 0
    """Higher comes first."""
    contact: Contact = Contact()
    """How soon the customer must be contacted."""
    exposure: Exposure | None = None
    """How many others meet the same meanwhile."""
    calendar: Name | None = None
    """Opening hours in which its clocks run."""


class Route(Block, frozen=True, kw_only=True):
    """Cases that go to somebody of their own."""

    on: EventTypes = ()
    """The event types it is for; without any, all of them."""
    where: Where = None
    """Conditions on the event that opens the case; `trait.X` reads the customer."""
    owner: str
    """Team that gets the case."""

    def check(self) -> Iterator[tuple[Path, str]]:
        if not self.on and self.where is None:
            yield (), "expected on or where; for every other case there is routing.fallback"


class Routing(Block, frozen=True, kw_only=True):
    """Who gets a case whose rule names no owner."""

    routes: Annotated[tuple[Route, ...], Many(block_form(Route))] = ()
    """The first that its event meets decides, before the owner of the journey."""
    fallback: str | None = None
    """Team that gets what nobody else does."""


class Cluster(Block, frozen=True, kw_only=True):
    """Several customers with the same trouble at the same place, product or topic."""

    on: EventTypes
    """The event types that count."""
    where: Where = None
    """Conditions on them."""
    by: FieldPath
    """Field that says what they are about, such as `shop` or `topic`."""
    count: CountValue
    """So many customers, such as `3 within 24h`."""
    owner: str | None = None
    """Team that is told."""

    def check(self) -> Iterator[tuple[Path, str]]:
        if self.count.within is None:
            yield ("count",), f"expected a time too, such as {self.count.n} within 24h"
        if self.count.n < 2:
            yield ("count",), "expected at least 2; a case says what one customer has met"


class Promise(Block, frozen=True, kw_only=True):
    """Something we said, and the event by which it is kept."""

    says: str
    """The promise in the customer's words."""
    from_: EventTypes
    """The event types with which it is given."""
    until: EventTypes
    """The event types with which it is kept."""
    within: LongDuration
    """How long there is to keep it."""
    by: FieldPath | None = None
    """Field that tells promises of one customer apart, such as `order_id`."""
    where: Where = None
    """Conditions on the event with which it is given."""
    owner: str | None = None
    """Team that keeps it."""
    calendar: Name | None = None
    """Opening hours in which its time runs."""


class HoursForm:
    """`["09:00", "18:00"]`, or a list of such pairs."""

    says = 'opening hours such as ["09:00", "18:00"], or a list of them'
    clock = Parsed('a time of day such as "09:00"', parse_clock, CLOCK_PATTERN)

    def read(self, node: Node, path: Path, faults: Faults) -> tuple[tuple[int, int], ...] | Bad:
        if not isinstance(node.value, list):
            return refuse(self, node, path, faults)
        if not node.value or isinstance(node.value[0].value, list):
            pairs = [self._pair(item, (*path, at), faults) for at, item in enumerate(node.value)]
        else:
            pairs = [self._pair(node, path, faults)]
        hours = [pair for pair in pairs if not isinstance(pair, Bad)]
        if len(hours) < len(pairs):
            return BAD
        hours.sort()
        if any(later[0] < earlier[1] for earlier, later in zip(hours, hours[1:], strict=False)):
            faults.add(path, node.line, "opening hours overlap")
            return BAD
        return tuple(hours)

    def _pair(self, node: Node, path: Path, faults: Faults) -> tuple[int, int] | Bad:
        if not isinstance(node.value, list) or len(node.value) != 2:
            return refuse(self, node, path, faults)
        opens: int | Bad = self.clock.read(node.value[0], (*path, 0), faults)
        closes: int | Bad = self.clock.read(node.value[1], (*path, 1), faults)
        if isinstance(opens, Bad) or isinstance(closes, Bad):
            return BAD
        if opens >= closes:
            faults.add(path, node.line, "expected the opening time before the closing time")
            return BAD
        return opens, closes

    def schema(self, definitions: Definitions) -> Schema:
        clock = self.clock.schema(definitions)
        pair = {"type": "array", "items": clock, "minItems": 2, "maxItems": 2}
        return {"anyOf": [pair, {"type": "array", "items": pair}]}


Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Hours = Annotated[tuple[tuple[int, int], ...], HoursForm()]
"""Pairs of microseconds since the day began."""


class Calendar(Block, frozen=True, kw_only=True):
    """Opening hours."""

    timezone: TimeZone = ""
    """Zone of its hours; without it that of the file."""
    open: dict[Weekday, Hours]
    """Hours by day of the week; days that are not there are closed."""
    closed: tuple[Date, ...] = ()
    """Days on which it is closed whatever the day of the week."""

    @property
    def week(self) -> int:
        """Microseconds a week in which it is open, holidays apart."""
        return sum(closes - opens for hours in self.open.values() for opens, closes in hours)

    def check(self) -> Iterator[tuple[Path, str]]:
        if not any(self.open.values()):
            yield ("open",), "never open; expected hours for at least one day"
