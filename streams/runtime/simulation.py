"""Feeds a running service with simulated traffic: first the past, quickly, then the present as it comes."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from connectors.synthetic.incidents import MINUTE, Schedule
from connectors.synthetic.traffic import Traffic
from streams.codec import encode
from streams.runtime.clock import Clock
from streams.runtime.collector import Intake
from streams.runtime.service import Busy
from streams.units import format_time

SECOND = 1_000_000
_PORTION = 1500
"""About so many events are submitted at once while catching up."""
_BEAT = SECOND // 10
"""How often the present is fed."""


class IncidentState(msgspec.Struct, frozen=True):
    """The truth about the planted incident, for the console's demo button. Times are RFC 3339."""

    running: bool
    what: str
    since: str | None = None
    until: str | None = None
    next: str | None = None


class Simulation:
    """Moves `traffic` into `service` at the pace of `clock`.

    Parameters
    ----------
    since
        Where to begin, UTC epoch microseconds; what lies between it and now is fed as fast as the service takes it.
    """

    def __init__(self, service: Intake, traffic: Traffic, clock: Clock, since: int) -> None:
        self._service = service
        self._traffic = traffic
        self._clock = clock
        self._position = since
        self._stretch = max(SECOND, round(_PORTION / traffic.rate * SECOND))
        self.fed = 0
        """Events handed to the service."""

    async def catch_up(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Feed everything up to now; `progress` gets what is done and what is left, in simulated microseconds."""
        start = self._position
        while (now := self._clock.now()) - self._position > self._stretch:
            await self._feed(self._position + self._stretch)
            if progress is not None:
                progress(self._position - start, now - self._position)

    async def run(self) -> None:
        """Feed the present until cancelled."""
        while True:
            await self._feed(self._clock.now())
            await self._clock.sleep(_BEAT)

    def plan(self) -> None:
        """Let incidents come by themselves, the first in a minute."""
        self._traffic.plan_incidents(Schedule(first=max(self._clock.now(), self._position) + MINUTE))

    def plant(self) -> IncidentState:
        """Start an incident at once, unless one is under way."""
        self._traffic.trigger_incident(max(self._clock.now(), self._position))
        return self.incident()

    def incident(self) -> IncidentState:
        """What is planted now and what comes next."""
        now = self._clock.now()
        coming = self._traffic.incidents(now, now + 3600 * SECOND)
        running = [incident for incident in coming if incident.start <= now]
        later = [incident for incident in coming if incident.start > now]
        if not running:
            return IncidentState(False, "", next=format_time(later[0].start) if later else None)
        incident = running[0]
        who = " ".join(incident.segment.values())
        return IncidentState(
            True,
            f"{incident.drop:.0%} of {who} payments fail",
            since=format_time(incident.start),
            until=format_time(incident.end),
            next=format_time(later[0].start) if later else None,
        )

    async def _feed(self, until: int) -> None:
        if until <= self._position:
            return
        bodies = [encode(event) for event in self._traffic.events(self._position, until)]
        while bodies:
            try:
                await self._service.submit(bodies)
            except Busy:
                await self._clock.sleep(_BEAT)
                continue
            break
        self.fed += len(bodies)
        self._position = until
