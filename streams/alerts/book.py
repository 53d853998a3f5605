"""The book of alerts: one open alert for each step and direction, signal and source.

Pure: it holds and says the same for the same calls. Watchers report what they find; the book decides which alert that
is, how bad, part of which incident, and what is worth a record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from streams.alerts import completion
from streams.alerts import incident as incidents
from streams.alerts.alert import FLAPPING_FIRINGS, FLAPPING_SECONDS, REOPEN_SECONDS, Alert
from streams.alerts.changes import Change, Changes
from streams.alerts.commands import obey, said_fact
from streams.alerts.completion import CompletingSources
from streams.alerts.figures import figure, in_words
from streams.alerts.fingerprint import fingerprint
from streams.alerts.news import UPDATE_SECONDS, due, news, tell
from streams.alerts.news import in_words as news_in_words
from streams.alerts.place import Place, find_place, place_key
from streams.alerts.reading import read, read_pending, segments_in_words, sentence
from streams.alerts.record import Transition, decision
from streams.alerts.severity import judge
from streams.alerts.shelf import ENDED_SECONDS, Shelf
from streams.config.structs import Config
from streams.effects import Decision
from streams.findings import Finding, SeriesKey, without
from streams.notices import ACCEPTED
from streams.units import SECOND, format_duration
from streams.view import AlertView, FiredCount


class _Stored(msgspec.Struct, array_like=True):
    open: list[Alert]
    ended: list[Alert]
    changes: list[Change]
    sources: completion.Stored
    fired: list[FiredCount]
    ignored: int


class AlertBook:
    """All alerts of one file. Ticks are seconds, UTC epoch; no call's tick is before an earlier call's."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._shelf = Shelf()
        self._changes = Changes()
        self._sources = CompletingSources()
        self._over: list[tuple[int, AlertView]] | None = None
        """Tick of the end and view of those that are over, newest first; None: to be read anew."""
        self._fired: dict[tuple[str, str, str, str], int] = {}
        self.ignored = 0
        """Commands that named no alert, or made no sense."""
        self.dirty = False
        """Something has changed since whoever stores it set this to False."""
        self._heard: dict[SeriesKey, list[str]] = {}
        """Place of an alert -> why its next record comes, within a tick."""

    # What watchers report

    def report(self, findings: Iterable[Finding]) -> list[Decision]:
        """`fire` for all findings of one tick, in an order that does not depend on who found what first.

        Sources come before conversions, earlier steps before later ones, the whole before its segments.
        """
        decisions: list[Decision] = []
        for finding in sorted(findings, key=self._order):
            decisions += self.fire(finding)
        return decisions

    def fire(self, finding: Finding) -> list[Decision]:
        """A series fires: its place's alert opens, opens again, or takes it in; the records of that.

        Nothing comes of a place that the file does not have.
        """
        key, tick = place_key(finding.series), finding.tick
        place = self._find(key)
        if place is None:
            return []
        known = self._shelf.at(key)
        if known is not None:
            return self._learn(known, finding)
        self._touch()
        self._shelf.forget(tick)
        alert = self._opened(key, finding)
        self._shelf.put(alert)
        self._assess(alert)
        self._join(alert, tick)
        alert.note((tick + 1) * SECOND, "firing", sentence(finding, place))
        counted = (place.journey or "", place.step or "", place.signal, finding.series.direction)
        self._fired[counted] = self._fired.get(counted, 0) + 1
        because = [*_facts(finding), *([f"fired={len(alert.recent)}"] if len(alert.recent) > 1 else [])]
        return [self._record("firing", alert, place, because, tick), *self.close(tick)]

    def update(self, finding: Finding) -> list[Decision]:
        """More is known about a series that fires; a record when that is worth one. Others are ignored."""
        alert = self._shelf.at(place_key(finding.series))
        if alert is None or not alert.fires(finding.series):
            return []
        return self._learn(alert, finding)

    def resolve(self, series: SeriesKey, tick: int, why: str = "") -> list[Decision]:
        """A series is well again, or no longer watched (`why` says so); with its last one an alert is over."""
        alert = self._shelf.at(place_key(series))
        if alert is None or not alert.fires(series):
            return []
        self.dirty = True
        alert.leave(series)
        if alert.firing:
            self._assess(alert)
            return self._tell([alert], tick)
        lasted = format_duration((tick - alert.latest.since + 1) * SECOND)
        return self._end(alert, "resolved", [why or f"lasted={lasted}"], why or f"after {lasted}", tick)

    def rebaseline(self, series: SeriesKey, tick: int, ratio: float) -> list[Decision]:
        """A new normal took over, `ratio` times the old one. For the whole it ends the alert, else that series of it.

        What fires again after it is a new incident.
        """
        key = place_key(series)
        alert = self._shelf.at(key)
        if alert is None or not (alert.fires(series) or series == key):
            return []
        self.dirty = True
        text = f"new normal: {in_words(ratio)} × before"
        if series != key and len(alert.firing) > 1:
            alert.leave(series)
            segment = segments_in_words([{series.dimension: series.value}])
            alert.note((tick + 1) * SECOND, "rebaselined", f"{segment}: {text}")
            self._assess(alert)
            return self._tell([alert], tick)
        alert.ratio = ratio
        return self._end(alert, "rebaselined", [f"ratio={figure(ratio):g}"], text, tick)

    def close(self, tick: int) -> list[Decision]:
        """Records that have waited for their minute to be over. Call it whenever `next_due` says so."""
        return self._tell(self._shelf.open(), tick)

    def next_due(self) -> int | None:
        """The tick at which a record that waits may leave, though nothing else happens."""
        return min((at for alert in self._shelf.open() if (at := due(alert)) is not None), default=None)

    # What people and other systems say

    def command(
        self, kind: str, time: int, name: str, by: str | None, for_: int | None, cause: str = ""
    ) -> SeriesKey | None:
        """An `alert.acknowledged`, `alert.snoozed` or `alert.accepted` event about the alert of fingerprint `name`.

        `time` in UTC epoch microseconds; `for_`: microseconds, needed to snooze, 0 ends it. Returns the series whose
        new normal somebody accepts: its watcher lets the challenger take over and calls `rebaseline`. An unknown
        fingerprint, or a command that makes no sense, is ignored and counted. `cause`, `source/id` of the event, goes
        into the record that `answers` gives at the end of the tick.
        """
        alert = self._shelf.named(name)
        before = None if alert is None else (alert.acknowledged_by, alert.snoozed_until)
        if alert is None or not obey(alert, kind, time, by, for_):
            self.ignored += 1
            self.dirty = True
            return None
        self._touch()
        if (alert.acknowledged_by, alert.snoozed_until) != before:
            because = self._heard.setdefault(alert.place, [])
            because += [*([cause] if cause else []), said_fact(alert, kind)]
        return alert.opener if kind == ACCEPTED else None

    def answers(self, tick: int) -> list[Decision]:
        """A record for each open alert about which people have said something new in this tick."""
        heard, self._heard = self._heard, {}
        decisions = []
        for key in sorted(heard, key=str):
            alert, place = self._shelf.at(key), self._find(key)
            # What was told in this tick says it already.
            if alert is not None and place is not None and alert.told is not None and alert.told.tick < tick:
                decisions.append(self._record("updated", alert, place, heard[key], tick))
        return decisions

    def change(self, time: int, source: str, name: str, data: dict[str, Any] | None) -> None:
        """A `change.deployed` of that event time (UTC epoch microseconds), source and id."""
        if self._changes.add(time, source, name, data) is None:
            return
        self.dirty = True
        for alert in self._shelf.open():
            self._place_changes(alert)

    def hear(self, tick: int, sources: Collection[str], completed: Iterable[tuple[str, str]]) -> None:
        """The sources heard and the steps (journey, step) completed in a tick, of all partitions together.

        So it is learnt whose silence ends the completions of a step: then both are one incident.
        """
        if self._sources.take(tick, sources, completed):
            self.dirty = True

    def activate(self, config: Config, tick: int) -> list[Decision]:
        """Another file holds; alerts of what it no longer has are over."""
        decisions = []
        for alert in self._shelf.open():
            if find_place(config, alert.place) is None:
                decisions += self._end(alert, "resolved", ["file=changed"], "no longer in the file", tick)
        self._config = config
        self._sources.keep(config.journeys)
        self._touch()
        return decisions

    # Reading

    def views(self, tick: int | None, pending: Iterable[Finding] = ()) -> list[AlertView]:
        """Open alerts, incident by incident, the latest first and in each the root; then `pending`; then what is over.

        `pending`: series on the way to an alarm, as their watchers know them. Those of open alerts are left out.
        """
        if self._over is None:
            self._over = self._read_over()
        over = [view for ended, view in self._over if tick is None or ended >= tick - ENDED_SECONDS]
        waiting = [
            read_pending(finding, place, self._config.alerts.page_above)
            for finding in sorted(pending, key=self._order)
            if (place := self._find(finding.series)) is not None and place_key(finding.series) not in self._shelf
        ]
        return [*self._read(self._shelf.by_incident()), *waiting, *over]

    def fired(self) -> list[FiredCount]:
        """How often the alerts of each place fired since the beginning; silent sources together."""
        return [FiredCount(*place, count) for place, count in sorted(self._fired.items())]

    @property
    def standing(self) -> int:
        """How many alerts are open."""
        return len(self._shelf.open())

    def firing(self, series: SeriesKey) -> bool:
        """Whether this series is part of an open alert."""
        alert = self._shelf.at(place_key(series))
        return alert is not None and alert.fires(series)

    # State

    def dump(self) -> bytes:
        """Everything, for `load`."""
        return msgspec.msgpack.encode(
            _Stored(
                open=self._shelf.open(),
                ended=self._shelf.ended,
                changes=self._changes.dump(),
                sources=self._sources.dump(),
                fired=self.fired(),
                ignored=self.ignored,
            )
        )

    def load(self, body: bytes) -> None:
        """Take what `dump` of a book of the same file wrote. Raises ValueError for anything else."""
        try:
            stored = _DECODE(body)
        except msgspec.DecodeError as error:
            raise ValueError(f"no book of alerts: {error}") from error
        self._shelf.load(stored.open, stored.ended)
        self._changes.load(stored.changes)
        self._sources.load(stored.sources)
        self._fired = {(one.journey, one.step, one.signal, one.direction): one.count for one in stored.fired}
        self.ignored = stored.ignored
        self._over = None
        self.dirty = False

    def forget(self, subjects: Collection[str]) -> None:
        """Give these customers as examples no more."""
        for alert in self._shelf:
            alert.firing = [without(finding, subjects) for finding in alert.firing]
            alert.latest = without(alert.latest, subjects)
        self._over, self.dirty = None, True

    # Within

    def _opened(self, key: SeriesKey, finding: Finding) -> Alert:
        """The alert that a series opens, or that it opens again; its incident is its own until it joins another."""
        tick = finding.tick
        last = self._shelf.last(key)
        recent = [at for at in (last.recent if last else []) if at > tick - FLAPPING_SECONDS]
        if last is not None and last.ended is not None and last.ratio is None and tick - last.ended <= REOPEN_SECONDS:
            alert = last
            alert.firing, alert.latest, alert.ended, alert.acknowledged_by = [finding], finding, None, None
            alert.fired_at, alert.fired = tick, alert.fired + 1
        else:
            alert = Alert.begun(key, finding, fingerprint(finding.series))
        alert.recent = [*recent, tick][-FLAPPING_FIRINGS:]
        alert.flapping = len(alert.recent) >= FLAPPING_FIRINGS
        alert.told = None
        return alert

    def _learn(self, alert: Alert, finding: Finding) -> list[Decision]:
        self.dirty = True
        alert.take(finding)
        self._assess(alert)
        return self._tell([alert], finding.tick)

    def _tell(self, alerts: Iterable[Alert], tick: int) -> list[Decision]:
        decisions = []
        for alert in alerts:
            place, told, found = self._find(alert.place), alert.told, news(alert)
            if found and place is not None and told is not None and tick - told.tick >= UPDATE_SECONDS:
                alert.note((tick + 1) * SECOND, "updated", news_in_words(alert, told, found))
                because = [*_facts(alert.latest), *(f"changed={name}" for name in found)]
                decisions.append(self._record("updated", alert, place, because, tick))
        return decisions

    def _assess(self, alert: Alert) -> None:
        """Severity and changes by what is known now."""
        place, told = self._find(alert.place), alert.told
        before = None if told is None or (told.early and not alert.latest.early) else alert.severity
        configured = None if place is None else place.severity
        alert.severity = judge(alert.judged(), configured, self._config.alerts.page_above, before)
        self._place_changes(alert)

    def _place_changes(self, alert: Alert) -> None:
        now = alert.latest
        alert.changes = self._changes.of(now.since, now.since_low, alert.fired_at, alert.changes)

    def _join(self, alert: Alert, tick: int) -> None:
        """Put the alert and those it belongs with into one incident: the oldest, whose id stays as it is."""
        others = [other for other in self._shelf if other is not alert]
        found = incidents.related(alert, others, self._find, self._sources, tick)
        began, name = alert.began, alert.incident
        if found:
            began, name = incidents.earliest([*found, alert] if alert.fired > 1 else found)
        merged = {one.incident for one in (*found, alert)}
        members = [one for one in self._shelf if one.incident in merged]
        first = incidents.root(members, self._find).fingerprint
        for member in members:
            member.incident, member.began, member.root = name, began, first

    def _end(
        self, alert: Alert, transition: Transition, because: Sequence[str], text: str, tick: int
    ) -> list[Decision]:
        place = self._find(alert.place)
        self._shelf.end(alert, tick)
        alert.note((tick + 1) * SECOND, transition, text)
        self._touch()
        ended = [] if place is None else [self._record(transition, alert, place, because, tick)]
        return [*ended, *self.close(tick)]

    def _record(
        self, transition: Transition, alert: Alert, place: Place, because: Sequence[str], tick: int
    ) -> Decision:
        tell(alert, tick)
        self.dirty = True
        return decision(transition, read(alert, place), place, because, tick)

    def _touch(self) -> None:
        """Something has changed that may show in alerts that are over."""
        self.dirty = True
        self._over = None

    def _find(self, series: SeriesKey) -> Place | None:
        return find_place(self._config, series)

    def _read(self, alerts: Iterable[Alert]) -> list[AlertView]:
        return [read(alert, place) for alert in alerts if (place := self._find(alert.place)) is not None]

    def _read_over(self) -> list[tuple[int, AlertView]]:
        return [
            (alert.ended, read(alert, place))
            for alert in reversed(self._shelf.ended)
            if alert.ended is not None and (place := self._find(alert.place)) is not None
        ]

    def _order(self, finding: Finding) -> tuple[int, str, int, SeriesKey]:
        place = self._find(finding.series)
        position = -1 if place is None or place.position is None else place.position
        return (0 if finding.series.kind == "source" else 1), finding.series.journey, position, finding.series


def _facts(finding: Finding) -> list[str]:
    """What led to it, as a reader would retell it."""
    facts = (("evidence", finding.evidence), ("observed", finding.observed), ("expected", finding.expected))
    return [f"{name}={figure(value):g}" for name, value in facts]


_DECODE = msgspec.msgpack.Decoder(_Stored).decode
