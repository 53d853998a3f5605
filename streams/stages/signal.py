"""SignalStage: from the partitions' partials to rolling journeys and signals, and the decisions of `expect:`.

Pure: what it holds and says depends on the content of the partials alone, not on how content was spread over
partitions, in which order the partitions' partials arrived, or how empty ticks were declared. A tick closes when every
partition has declared it; then, in this order: silent segment values lose their place, new ones are admitted, the
partials are booked partition by partition, cohorts whose time is up mature, windows move on, expectations are checked.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import msgspec

from streams.config.structs import Config
from streams.effects import Decision, DoorCounts, Partial
from streams.employees import withheld
from streams.stages import dimensions, learning, quotas, watch
from streams.stages.closing import Closing
from streams.stages.clusters import Clusters, Seen
from streams.stages.detection import Detection
from streams.stages.dimensions import Dimensions
from streams.stages.gauges import Gauges
from streams.stages.learning import Learning
from streams.stages.quotas import Quotas
from streams.stages.standing import Standing
from streams.stages.steps import Steps
from streams.stages.watch import Watch
from streams.summary import Counted, Totals
from streams.view import JourneyView, View
from streams.windows import STANDARD, Window

META = "meta"
_STEP = "step"
_SIGNAL = "signal"
_QUOTA = "quota"
_CLUSTERS = "clusters"
_LEARNING = "learning"


class _Meta(msgspec.Struct, array_like=True):
    """The piece that says where the stage stands."""

    config: str
    tick: int | None
    first_tick: int | None
    partitions: int
    positions: dict[int, int]
    declared: dict[int, int]
    waiting: list[Partial]
    cells: dict[str, tuple[str, ...]]
    dimensions: dimensions.Stored
    expectations: dict[str, watch.State]
    counted: Counted
    upcoming: list[str]
    # What follows came later; what was stored before does not have it.
    standing: list[str] = []
    quotas: quotas.Stored = msgspec.field(default_factory=quotas.Stored)
    files: dict[int, str] = {}


class SignalStage:
    """Rolling signals of one file. Ticks are seconds, UTC epoch."""

    def __init__(self, config: Config, config_hash: str, *, partitions: int = 1) -> None:
        self.config = config
        self.hash = config_hash
        self.tick: int | None = None
        """The last closed tick; None before the first."""
        self._first_tick: int | None = None
        self._closing = Closing(partitions)
        self._dimensions = Dimensions(config.segments, config_hash)
        self._upcoming: dict[str, Config] = {}
        """Files that hold from the first tick declared under them, by hash."""
        self._files: dict[int, str] = {}
        """Partition -> file of its last partial."""
        overs = watch.overs(config)
        self._steps = Steps(config, overs)
        self._gauges = Gauges(config, overs)
        self._watch = Watch(config, self._steps, self._gauges, self._covered, {})
        self._standing = Standing(config, self._steps, self._gauges, self._covered)
        self.quotas = Quotas(config)
        self.clusters = Clusters(config)
        self.learning = Learning(config)
        self.detection = Detection(config)
        self.detection.regroup(list(self._dimensions))
        self._counted = Counted()
        self._told: list[Decision] = []
        """Decisions that the change of files brought about; they leave with the next tick."""

    # Input

    @property
    def positions(self) -> dict[int, int]:
        """Partition -> sequence number of the partial it expects next; repeats below it are harmless."""
        return dict(self._closing.positions)

    @property
    def held_back_by(self) -> list[int]:
        """Partitions whose declarations the others wait for."""
        return self._closing.held_back_by

    def activate(self, config: Config, config_hash: str) -> None:
        """Make another file known, before the first partial counted under it.

        With one partition it holds at once. With several it holds from the first tick that one of them declares under
        it, so that the order in which their partials arrive does not matter. Journeys, steps and signals keep their
        series by name, new ones start empty, removed ones are dropped.
        """
        if config_hash == self.hash:
            return
        self._dimensions.know(config.segments, config_hash)
        if self._closing.partitions == 1:
            self._switch(config, config_hash, self._next_tick())
        else:
            self._upcoming[config_hash] = config

    def turns(self, partial: Partial) -> bool:
        """Whether with this partial its partition goes over to another file, which does not hold here yet.

        Where it does, call `activate` first; so the file in force follows from the partials alone. Of a partition that
        was never heard of, nobody can say.
        """
        return partial.config not in (self.hash, self._files.get(partial.partition, partial.config))

    def process(self, partial: Partial) -> list[Decision]:
        """Take the next partial of a partition; the decisions of the ticks this closes, in order.

        A repeat is ignored. Raises SequenceGap when a partial before it is missing and ValueError when its file is not
        known; the stage is unchanged then.
        """
        if partial.config not in self._dimensions.cells:
            raise ValueError(
                f"partial {partial.sequence} of partition {partial.partition} was counted under file "
                f"{partial.config!r}, which is not known here: call activate first"
            )
        if not self._closing.take(partial):
            return []
        self._files[partial.partition] = partial.config
        closed = self._closing.closed
        return [] if closed is None else self._close_until(closed)

    @property
    def standing(self) -> frozenset[str]:
        """Rules under `feedback` whose `when` holds, for JourneyStage; the shell says so in the log."""
        return self._standing.held

    def judge_until(self, tick: int) -> None:
        """Detectors see no tick after this one, though time goes on: the input ends with it."""
        self.detection.until = tick

    def finish(self, until_tick: int) -> list[Decision]:
        """The input has ended: close every tick up to `until_tick`, and what still waits."""
        latest = max([until_tick, *(partial.tick for partial in self._closing.waiting())])
        self._closing.declare(latest)
        return self._close_until(latest)

    def _next_tick(self) -> int | None:
        return None if self.tick is None else self.tick + 1

    # Closing ticks

    def _close_until(self, last: int) -> list[Decision]:
        decisions, self._told = self._told, []
        while True:
            tick = self._closing.next_tick()
            if tick is None or tick > last:
                break
            self._pass_until(tick - 1, decisions)
            partials = self._closing.pop(tick)
            for partial in partials:
                upcoming = self._upcoming.pop(partial.config, None)
                if upcoming is not None:
                    self._switch(upcoming, partial.config, tick)
            for partial in partials:
                self._counted.take(partial)
                if partial.erased:
                    self.detection.forget(partial.erased)
                    self.quotas.forget(partial.erased)
                    self.clusters.forget(partial.erased)
            if self._first_tick is None and any(partial.types or partial.measured for partial in partials):
                self._first_tick = tick
            if any(map(_has_content, partials)):
                self._close(tick, partials, decisions)
            else:
                self._pass_until(tick, decisions)
        self._pass_until(last, decisions)
        return decisions

    def _pass_until(self, last: int, decisions: list[Decision]) -> None:
        """Let empty ticks pass, stopping only where something becomes due."""
        if self.tick is None:
            self.tick = last
        while True:
            nexts = (
                self._steps.next_due(),
                self._watch.next_due(),
                self._standing.next_due(),
                self.learning.next_due(),
            )
            due = min((one for one in nexts if one is not None), default=None)
            judged = self.detection.next_due()
            if judged is not None and judged <= last and (due is None or judged < due):
                # Nothing is counted in between, so the rings need not follow.
                self.tick = max(judged, self.tick + 1)
                decisions.extend(self.detection.close(self.tick))
            elif due is not None and due <= last:
                self._close(max(due, self.tick + 1), (), decisions)
            else:
                break
        self.tick = max(self.tick, last)

    def _close(self, tick: int, partials: Sequence[Partial], decisions: list[Decision]) -> None:
        self._free_silent(tick)
        if partials:
            if self._dimensions.admit(tick, partials):
                self._steps.forget()
                self._gauges.forget()
                self.detection.regroup(list(self._dimensions))
            told = [(partial, self._dimensions.columns(partial.config)) for partial in partials]
            for partial, columns in told:
                self._steps.take(partial, columns)
                self._gauges.take(partial, columns)
            self.detection.take(tick, told)
            self.quotas.judge(tick, partials)
            decisions.extend(self.clusters.judge(tick, partials))
            self.learning.take(tick, partials)
        changed_steps = self._steps.close(tick)
        changed_signals = self._gauges.close(tick)
        self.tick = tick
        decisions.extend(self._watch.check(tick, changed_steps, changed_signals))
        self._standing.check(tick)
        self.learning.check(tick)
        decisions.extend(self.detection.close(tick))

    def _settle(self) -> None:
        """Bring the rings to the last closed tick: passing empty ticks leaves them behind, as nobody looks."""
        if self.tick is not None:
            self._free_silent(self.tick)
            self._steps.close(self.tick)
            self._gauges.close(self.tick)

    def _free_silent(self, tick: int) -> None:
        for dimension in self._dimensions:
            freed = dimension.silent(tick)
            if freed:
                self._steps.free(dimension.name, freed)
                self._gauges.free(dimension.name, freed, tick)
                self._steps.forget()
                self._gauges.forget()
                self.detection.regroup(list(self._dimensions))

    def _covered(self, window: Window, tick: int) -> int:
        """Seconds of a window that have been observed: not those before the first event, nor the slot to come."""
        first = tick if self._first_tick is None else self._first_tick
        return tick - max(window.first_tick(tick), first) + 1

    def _switch(self, config: Config, config_hash: str, since: int | None) -> None:
        self._dimensions.switch(config.segments, since)
        names = {dimension.name for dimension in self._dimensions}
        self._steps.keep_dimensions(names)
        self._gauges.keep_dimensions(names)
        states = self._watch.dump()
        overs = watch.overs(config)
        self._steps.activate(config, overs, since)
        self._gauges.activate(config, overs)
        self._watch = Watch(config, self._steps, self._gauges, self._covered, states)
        self._standing = Standing(config, self._steps, self._gauges, self._covered, self._standing.held)
        self.quotas = Quotas(config, self.quotas.stored, self.quotas.places)
        self.clusters = Clusters(config, self.clusters.seen)
        self.learning = self.learning.follow(config, since)
        self._told += self.detection.activate(config, (since or 1) - 1)
        self.detection.regroup(list(self._dimensions))
        self.config, self.hash = config, config_hash

    # Reading

    def totals(self) -> Totals:
        """Everything since the beginning, for the summary and the counters."""
        seconds = 0 if self.tick is None or self._first_tick is None else self.tick - self._first_tick + 1
        return Totals(
            door=DoorCounts(*self._counted.door),
            journeys={
                name: {step.name: self._steps.totals((name, step.name)) for step in journey.steps}
                for name, journey in self.config.journeys.items()
            },
            signals={name: self._gauges.total(name, seconds) for name in self.config.signals},
            types=dict(sorted(self._counted.types.items())),
            sources=dict(sorted(self._counted.sources.items())),
            first=self._counted.first,
            last=self._counted.last,
            tick=self.tick,
            care=dict(sorted(self._counted.care.items())),
        )

    def view(self) -> View:
        """Rolling journeys and signals at the close of the last tick."""
        self._settle()
        tick = 0 if self.tick is None else self.tick
        ordered = list(self._dimensions)
        covered = {name: self._covered(Window.of(seconds), tick) for name, seconds in STANDARD.items()}
        since_start = 0 if self._first_tick is None else tick - self._first_tick + 1
        breached = self._watch.breached()
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
        """Everything, as named pieces for `restore`."""
        self._settle()
        return {
            META: self._meta(),
            **{f"{_STEP}/{journey}/{step}": self._steps.dump((journey, step)) for journey, step in self._steps.steps},
            **{f"{_SIGNAL}/{name}": self._gauges.dump(name) for name in self._gauges.gauges},
            **{f"{_QUOTA}/{name}": msgspec.msgpack.encode(places) for name, places in self.quotas.places.items()},
            _CLUSTERS: msgspec.msgpack.encode(self.clusters.seen),
            _LEARNING: msgspec.msgpack.encode(self.learning.stored),
            **self.detection.changes(self.tick or 0, whole=True),
        }

    def changes(self) -> dict[str, bytes]:
        """The pieces that changed since the last call; marks everything clean.

        Pieces of removed steps and signals are never read again; a shell may leave them.
        """
        self._settle()
        changed = {META: self._meta()}
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

    def _meta(self) -> bytes:
        closing = self._closing
        meta = _Meta(
            config=self.hash,
            tick=self.tick,
            first_tick=self._first_tick,
            partitions=closing.partitions,
            positions=closing.positions,
            declared=closing.declared,
            waiting=closing.waiting(),
            cells=self._dimensions.cells,
            dimensions=self._dimensions.dump(),
            expectations=self._watch.dump(),
            counted=self._counted,
            upcoming=list(self._upcoming),
            standing=sorted(self._standing.held),
            quotas=self.quotas.stored,
            files=self._files,
        )
        return zlib.compress(msgspec.msgpack.encode(meta), 1)

    @staticmethod
    def config_of(pieces: Mapping[str, bytes]) -> str:
        """Hash of the file under which the pieces were written: restore with that file, then activate another."""
        return _DECODE(zlib.decompress(pieces[META])).config

    @staticmethod
    def upcoming_of(pieces: Mapping[str, bytes]) -> list[str]:
        """Hashes of files made known by `activate` that did not hold yet; `restore` needs them again."""
        return _DECODE(zlib.decompress(pieces[META])).upcoming

    @classmethod
    def restore(
        cls,
        config: Config,
        config_hash: str,
        pieces: Mapping[str, bytes],
        upcoming: Mapping[str, Config] | None = None,
    ) -> SignalStage:
        """The stage that wrote the pieces (all that `changes` or `snapshot` ever gave, the latest of each name).

        Raises ValueError when they were written under another file, or an upcoming file is missing.
        """
        meta = _DECODE(zlib.decompress(pieces[META]))
        if meta.config != config_hash:
            raise ValueError(f"the stored signals follow file {meta.config!r}, expected {config_hash!r}")
        missing = set(meta.upcoming) - set(upcoming or {})
        if missing:
            raise ValueError(f"the stored signals wait for the files {sorted(missing)}: give them as upcoming")
        stage = cls(config, config_hash, partitions=meta.partitions)
        stage._upcoming = {name: (upcoming or {})[name] for name in meta.upcoming}
        stage.tick, stage._first_tick = meta.tick, meta.first_tick
        stage._closing.load(meta.positions, meta.declared, meta.waiting)
        stage._dimensions.load(meta.dimensions, meta.cells)
        stage._counted = meta.counted
        stage._files = meta.files
        if meta.tick is not None:
            stage._steps.rings.advance(meta.tick)
            stage._gauges.rings.advance(meta.tick)
        for journey, step in stage._steps.steps:
            body = pieces.get(f"{_STEP}/{journey}/{step}")
            if body is not None:
                stage._steps.load((journey, step), body)
        for name in stage._gauges.gauges:
            body = pieces.get(f"{_SIGNAL}/{name}")
            if body is not None:
                stage._gauges.load(name, body)
        stage._watch = Watch(config, stage._steps, stage._gauges, stage._covered, meta.expectations)
        stage._standing = Standing(config, stage._steps, stage._gauges, stage._covered, meta.standing)
        places = {
            name: msgspec.msgpack.decode(body, type=list[int])
            for name in stage.quotas.places
            if (body := pieces.get(f"{_QUOTA}/{name}")) is not None
        }
        stage.quotas = Quotas(config, meta.quotas, places)
        if (body := pieces.get(_CLUSTERS)) is not None:
            stage.clusters = Clusters(config, msgspec.msgpack.decode(body, type=dict[str, dict[str, Seen]]))
        if (body := pieces.get(_LEARNING)) is not None:
            stage.learning = Learning(config, msgspec.msgpack.decode(body, type=learning.Stored))
        stage.detection.regroup(list(stage._dimensions))
        stage.detection.load(pieces)
        return stage


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


_DECODE = msgspec.msgpack.Decoder(_Meta).decode
