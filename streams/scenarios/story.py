"""A scenario as it is told: what happens to whom, and what must and must never come of it."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from streams.model import Event
from streams.units import format_time

SOURCE = "scenario"
"""Source of events that name none."""
PREFIX = "touchline."
TYPES = (
    *(f"feedback.{name}" for name in ("requested", "withheld", "deferred")),
    *(
        f"case.{name}"
        for name in (
            *("opened", "assigned", "contacted", "resolved", "communicated"),
            *("closed", "reopened", "warned", "breached"),
        )
    ),
    *(f"alert.{name}" for name in ("firing", "updated", "resolved", "rebaselined")),
    *(f"signal.{name}" for name in ("breached", "recovered")),
    "promise.broken",
    "offer.made",
    "cluster.found",
)
"""Decisions that can be expected, without `touchline.`."""


class Told(msgspec.Struct, frozen=True):
    """One thing that happens."""

    time: int
    """UTC epoch microseconds."""
    who: str
    what: str
    """The event's type."""
    data: dict[str, Any]
    line: int
    """Of the scenario, from 1."""
    id: str
    source: str = SOURCE
    refused: str | None = None
    """It must become a dead letter for this reason."""

    def event(self, sequence: int) -> Event:
        """As the log takes it; events at one time keep the order in which they are told."""
        return Event(
            id=self.id,
            source=self.source,
            type=self.what,
            time=format_time(self.time),
            subject=self.who,
            data=self.data,
            sequence=sequence,
        )


class Expected(msgspec.Struct, frozen=True):
    """A decision that must come, or never must. Times are UTC epoch microseconds, None where it does not matter."""

    what: str
    """Its type without `touchline.`."""
    line: int
    at: int | None = None
    after: int | None = None
    """At this time or later."""
    before: int | None = None
    """Earlier than this."""
    who: str | None = None
    fields: dict[str, Any] = {}
    """What its `data` must hold, as it is compared; times as the record has them."""


class Scenario(msgspec.Struct, frozen=True):
    """One file of `touchline test`."""

    name: str
    story: str
    start: int
    """UTC epoch microseconds of `0d`."""
    zone: str
    """IANA name of the zone in which days and times of day are meant."""
    path: str | None
    """The file it is told under, where it names one."""
    text: str | None
    """The same, where the scenario contains it."""
    events: tuple[Told, ...]
    """In order of time."""
    expect: tuple[Expected, ...]
    never: tuple[Expected, ...]
    complete: bool
    """No other decision of the types in `expect` may come."""
    until: int
    """Time runs on to here, UTC epoch microseconds."""

    @property
    def tzinfo(self) -> ZoneInfo:
        """The zone itself."""
        return ZoneInfo(self.zone)
