"""One alert: which series of its place fire, what is known of it, what has been told."""

from __future__ import annotations

import msgspec

from streams.alerts.changes import Change
from streams.alerts.severity import Severity
from streams.alerts.timeline import Entry, noted
from streams.findings import Finding, SeriesKey
from streams.units import HOUR, SECOND

FLAPPING_FIRINGS = 3
FLAPPING_SECONDS = 6 * HOUR // SECOND
"""An alert that fires so often within so long is flapping."""
REOPEN_SECONDS = HOUR // SECOND
"""An alert that fires again so soon after it was resolved goes on as the same."""

Segments = list[dict[str, str]] | None


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What the latest record said, as far as a change of it is worth another."""

    tick: int
    severity: str
    segments: Segments
    early: bool
    size: float | None
    size_low: float | None
    size_high: float | None
    incident: str
    root: str
    changes: tuple[tuple[str, str], ...]


class Alert(msgspec.Struct, array_like=True):
    """The alert of one step and direction, one signal or one source. Ticks are seconds, UTC epoch."""

    place: SeriesKey
    """Without segment: the key of the book."""
    opener: SeriesKey
    """The series that fired first; gives the fingerprint."""
    fingerprint: str
    incident: str
    """The fingerprint of its first alert and the second at which that fired; what joins later changes nothing in it."""
    began: int
    """Tick at which the incident's first alert fired."""
    root: str
    """Fingerprint of the incident's root."""
    firing: list[Finding]
    """The latest finding of each series that fires, in the order in which they fired; empty: it is over."""
    latest: Finding
    """The finding reported now; after the end, the last one."""
    severity: Severity
    fired_at: int
    """Tick of its latest firing."""
    recent: list[int]
    """Ticks of the latest firings of its place within six hours, earlier incidents' too."""
    fired: int = 1
    """How often it fired within the incident."""
    flapping: bool = False
    ended: int | None = None
    """Tick at which it was resolved or rebaselined."""
    ratio: float | None = None
    """The new normal over the old one, when it was rebaselined."""
    acknowledged_by: str | None = None
    snoozed_until: int | None = None
    """UTC epoch microseconds."""
    changes: list[Change] = []
    entries: list[Entry] = []
    told: Told | None = None

    @classmethod
    def begun(cls, place: SeriesKey, finding: Finding, name: str) -> Alert:
        """A new alert of fingerprint `name`, an incident of its own; its severity is yet to be judged."""
        return cls(
            place=place,
            opener=finding.series,
            fingerprint=name,
            incident=f"{name}-{finding.tick}",
            began=finding.tick,
            root=name,
            firing=[finding],
            latest=finding,
            severity=Severity(0),
            fired_at=finding.tick,
            recent=[finding.tick],
        )

    @property
    def open(self) -> bool:
        """Whether any of its series fires."""
        return self.ended is None

    def fires(self, series: SeriesKey) -> bool:
        """Whether this series of it fires."""
        return any(finding.series == series for finding in self.firing)

    def take(self, finding: Finding) -> None:
        """A series fires, or more is known about one that does."""
        for at, known in enumerate(self.firing):
            if known.series == finding.series:
                self.firing[at] = finding
                break
        else:
            self.firing.append(finding)
        self.latest = self._reported()

    def leave(self, series: SeriesKey) -> None:
        """A series is well again; what was known of the last one stays."""
        self.firing = [finding for finding in self.firing if finding.series != series]
        if self.firing:
            self.latest = self._reported()

    def judged(self) -> list[Finding]:
        """The findings that say how bad it is: the whole's where it fires, as it contains the others."""
        if not self.firing:
            return [self.latest]
        return [self.latest] if _is_whole(self.latest) else list(self.firing)

    def segments(self) -> Segments:
        """What moved: as the whole's finding says, else the union of what the segments' findings say."""
        findings = self.judged()
        known = [finding.segments for finding in findings if finding.segments is not None]
        if not known:
            return None
        if any(segments == () for segments in known):
            return []
        union: list[dict[str, str]] = []
        for segment in (dict(sorted(found.items())) for segments in known for found in segments):
            if segment not in union:
                union.append(segment)
        return union

    def note(self, time: int, what: str, text: str = "") -> None:
        """One more line of its timeline; time in UTC epoch microseconds."""
        self.entries = noted(self.entries, Entry(time, what, text))

    def _reported(self) -> Finding:
        return next((finding for finding in self.firing if _is_whole(finding)), self.firing[0])


def _is_whole(finding: Finding) -> bool:
    return not finding.series.dimension
