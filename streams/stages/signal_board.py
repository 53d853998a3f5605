"""All that is counted and judged under the file in force, as of one tick: rolling journeys and signals, expectations,
quotas, clusters, lessons, alarms.

A tick with content closes in this order: silent segment values lose their place, new ones are admitted, the partials
are booked partition by partition, cohorts whose time is up mature, windows move on, expectations are checked. Empty
ticks pass without being looked at one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from streams.config.structs import Config
from streams.effects import Decision, Partial
from streams.employees import withheld
from streams.estimates import Estimate
from streams.stages import learning, watch
from streams.stages.clusters import Clusters, Seen
from streams.stages.detection import Detection
from streams.stages.dimensions import Dimensions
from streams.stages.gauges import Gauges
from streams.stages.learning import Learning
from streams.stages.quotas import Quotas
from streams.stages.signal_meta import SignalMeta
from streams.stages.standing import Standing
from streams.stages.steps import Steps
from streams.stages.watch import Watch
from streams.view import JourneyView, StepTotals, View
from streams.windows import STANDARD, Window

_STEP = "step"
_SIGNAL = "signal"
_QUOTA = "quota"
_CLUSTERS = "clusters"
_LEARNING = "learning"


class Board:
    """Of one file at a time. Ticks are seconds, UTC epoch."""

    def __init__(self, config: Config, config_hash: str) -> None:
        self.config = config
        self.tick: int | None = None
        """The last closed tick; None before the first."""
        self.first_tick: int | None = None
        """The tick of the first event."""
        self.dimensions = Dimensions(config.segments, config_hash)
        overs = watch.overs(config)
        self._steps = Steps(config, overs)
        self._gauges = Gauges(config, overs)
        self.watch = Watch(config, self._steps, self._gauges, self._covered, {})
        self.standing = Standing(config, self._steps, self._gauges, self._covered)
        self.quotas = Quotas(config)
        self.clusters = Clusters(config)
        self.learning = Learning(config)
        self.detection = Detection(config)
        self.detection.regroup(list(self.dimensions))

    def activate(self, config: Config, since: int | None) -> list[Decision]:
        """Follow another file from a tick on; the alarms that this ends."""
        self.dimensions.switch(config.segments, since)
        names = {dimension.name for dimension in self.dimensions}
        self._steps.keep_dimensions(names)
        self._gauges.keep_dimensions(names)
        states = self.watch.dump()
        overs = watch.overs(config)
        self._steps.activate(config, overs, since)
        self._gauges.activate(config, overs)
        self.watch = Watch(config, self._steps, self._gauges, self._covered, states)
        self.standing = Standing(config, self._steps, self._gauges, self._covered, self.standing.held)
        self.quotas = Quotas(config, self.quotas.stored, self.quotas.places)
        self.clusters = Clusters(config, self.clusters.seen)
        self.learning = self.learning.follow(config, since)
        ended = self.detection.activate(config, (since or 1) - 1)
        self.detection.regroup(list(self.dimensions))
        self.config = config
        return ended

    # Ticks

    def close(self, tick: int, partials: Sequence[Partial]) -> list[Decision]:
        """Book the partials of a tick, by partition, and what they decide. All before it have passed."""
        for partial in partials:
            if partial.erased:
                self.detection.forget(partial.erased)
                self.quotas.forget(partial.erased)
                self.clusters.forget(partial.erased)
        if self.first_tick is None and any(partial.types or partial.measured for partial in partials):
            self.first_tick = tick
        return self._close(tick, partials) if any(map(_has_content, partials)) else self.pass_until(tick)

    def pass_until(self, last: int) -> list[Decision]:
        """Let empty ticks pass, stopping only where something becomes due."""
        decisions: list[Decision] = []
        if self.tick is None:
            self.tick = last
        while True:
            nexts = (
                self._steps.next_due(),
                self.watch.next_due(),
                self.standing.next_due(),
                self.learning.next_due(),
            )
            due = min((one for one in nexts if one is not None), default=None)
            judged = self.detection.next_due()
            if judged is not None and judged <= last and (due is None or judged < due):
                # Nothing is counted in between, so the rings need not follow.
                self.tick = max(judged, self.tick + 1)
                decisions += self.detection.close(self.tick)
            elif due is not None and due <= last:
                decisions += self._close(max(due, self.tick + 1), ())
            else:
                break
        self.tick = max(self.tick, last)
        return decisions

    def _close(self, tick: int, partials: Sequence[Partial]) -> list[Decision]:
        decisions: list[Decision] = []
        self._free_silent(tick)
        if partials:
            if self.dimensions.admit(tick, partials):
                self._steps.forget()
                self._gauges.forget()
                self.detection.regroup(list(self.dimensions))
            told = [(partial, self.dimensions.columns(partial.config)) for partial in partials]
            for partial, columns in told:
                self._steps.take(partial, columns)
                self._gauges.take(partial, columns)
            self.detection.take(tick, told)
            self.quotas.judge(tick, partials)
            decisions += self.clusters.judge(tick, partials)
            self.learning.take(tick, partials)
        changed_steps = self._steps.close(tick)
        changed_signals = self._gauges.close(tick)
        self.tick = tick
        decisions += self.watch.check(tick, changed_steps, changed_signals)
        self.standing.check(tick)
        self.learning.check(tick)
        decisions += self.detection.close(tick)
        return decisions

    def _settle(self) -> None:
        """Bring the rings to the last closed tick: passing empty ticks leaves them behind, as nobody looks."""
        if self.tick is not None:
            self._free_silent(self.tick)
            self._steps.close(self.tick)
            self._gauges.close(self.tick)

    def _free_silent(self, tick: int) -> None:
        for dimension in self.dimensions:
            freed = dimension.silent(tick)
            if freed:
                self._steps.free(dimension.name, freed)
                self._gauges.free(dimension.name, freed, tick)
                self._steps.forget()
                self._gauges.forget()
                self.detection.regroup(list(self.dimensions))

    def _covered(self, window: Window, tick: int) -> int:
        """Seconds of a window that have been observed: not those before the first event, nor the slot to come."""
        first = tick if self.first_tick is None else self.first_tick
        return tick - max(window.first_tick(tick), first) + 1

    # Reading

    def journey_totals(self) -> dict[str, dict[str, StepTotals]]:
        """Of every step since the beginning, by journey."""
        return {
            name: {step.name: self._steps.totals((name, step.name)) for step in journey.steps}
            for name, journey in self.config.journeys.items()
        }

    def signal_totals(self) -> dict[str, Estimate]:
        """Of every signal since the beginning."""
        seconds = 0 if self.tick is None or self.first_tick is None else self.tick - self.first_tick + 1
        return {name: self._gauges.total(name, seconds) for name in self.config.signals}

    def view(self) -> View:
        """Rolling journeys and signals at the close of the last tick."""
        self._settle()
        tick = 0 if self.tick is None else self.tick
        ordered = list(self.dimensions)
        covered = {name: self._covered(Window.of(seconds), tick) for name, seconds in STANDARD.items()}
        since_start = 0 if self.first_tick is None else tick - self.first_tick + 1
        breached = self.watch.breached()
        step_windows = self._steps.segment_windows()
        signal_windows = self._gauges.segment_windows()
        shown = View(
            tick=self.tick,
            journeys=[
                JourneyView(
                    name=name,
                    owner=journey.owner,
                    runbook=journey.runbook,
                    steps=[
                        self._steps.view((name, step.name), ordered, step_windows, (name, step.name) in breached)
                        for step in journey.steps
                    ],
                )
                for name, journey in self.config.journeys.items()
            ],
            signals=[
                self._gauges.view(name, ordered, covered, since_start, signal_windows, name in breached)
                for name in self.config.signals
            ],
            alarms=self.detection.view(self.tick),
            learning=self.learning.view(),
        )
        people = self.config.access.employees
        return withheld(shown, self.config.access) if any(one.name in people for one in ordered) else shown

    # Pieces

    def snapshot(self) -> dict[str, bytes]:
        """Everything but what SignalMeta holds, as named pieces for `load`."""
        self._settle()
        return {
            **{f"{_STEP}/{journey}/{step}": self._steps.dump((journey, step)) for journey, step in self._steps.steps},
            **{f"{_SIGNAL}/{name}": self._gauges.dump(name) for name in self._gauges.gauges},
            **{f"{_QUOTA}/{name}": msgspec.msgpack.encode(places) for name, places in self.quotas.places.items()},
            _CLUSTERS: msgspec.msgpack.encode(self.clusters.seen),
            _LEARNING: msgspec.msgpack.encode(self.learning.stored),
            **self.detection.changes(self.tick or 0, whole=True),
        }

    def changes(self) -> dict[str, bytes]:
        """The pieces that changed since the last call; marks everything clean."""
        self._settle()
        changed = {}
        for journey, step in sorted(self._steps.dirty):
            changed[f"{_STEP}/{journey}/{step}"] = self._steps.dump((journey, step))
        for name in sorted(self._gauges.dirty):
            changed[f"{_SIGNAL}/{name}"] = self._gauges.dump(name)
        for name in sorted(self.quotas.dirty):
            changed[f"{_QUOTA}/{name}"] = msgspec.msgpack.encode(self.quotas.places[name])
        self._steps.dirty.clear()
        self._gauges.dirty.clear()
        self.quotas.dirty.clear()
        if self.clusters.dirty:
            changed[_CLUSTERS] = msgspec.msgpack.encode(self.clusters.seen)
            self.clusters.dirty = False
        if self.learning.dirty:
            changed[_LEARNING] = msgspec.msgpack.encode(self.learning.stored)
            self.learning.dirty = False
        changed.update(self.detection.changes(self.tick or 0))
        return changed

    def load(self, meta: SignalMeta, pieces: Mapping[str, bytes]) -> None:
        """Take the latest of each piece, as of `meta`; the file is the one they were written under."""
        config = self.config
        self.tick, self.first_tick = meta.tick, meta.first_tick
        self.dimensions.load(meta.dimensions, meta.cells)
        if meta.tick is not None:
            self._steps.rings.advance(meta.tick)
            self._gauges.rings.advance(meta.tick)
        for journey, step in self._steps.steps:
            body = pieces.get(f"{_STEP}/{journey}/{step}")
            if body is not None:
                self._steps.load((journey, step), body)
        for name in self._gauges.gauges:
            body = pieces.get(f"{_SIGNAL}/{name}")
            if body is not None:
                self._gauges.load(name, body)
        self.watch = Watch(config, self._steps, self._gauges, self._covered, meta.expectations)
        self.standing = Standing(config, self._steps, self._gauges, self._covered, meta.standing)
        places = {
            name: msgspec.msgpack.decode(body, type=list[int])
            for name in self.quotas.places
            if (body := pieces.get(f"{_QUOTA}/{name}")) is not None
        }
        self.quotas = Quotas(config, meta.quotas, places)
        if (body := pieces.get(_CLUSTERS)) is not None:
            self.clusters = Clusters(config, msgspec.msgpack.decode(body, type=dict[str, dict[str, Seen]]))
        if (body := pieces.get(_LEARNING)) is not None:
            self.learning = Learning(config, msgspec.msgpack.decode(body, type=learning.Stored))
        self.detection.regroup(list(self.dimensions))
        self.detection.load(pieces)


def _has_content(partial: Partial) -> bool:
    """Whether a partial tells more than that a tick is over, and what happened at the door."""
    return bool(
        partial.entered
        or partial.outcomes
        or partial.measured
        or partial.marks
        or partial.changes
        or partial.commands
        or partial.sources
        or partial.care
        or partial.nominees
        or partial.sightings
    )
