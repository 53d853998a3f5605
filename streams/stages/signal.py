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
from streams.effects import Decision, Partial
from streams.estimates import Estimate
from streams.expectations import Expectation
from streams.segments import Dimension
from streams.stages.closing import Closing
from streams.stages.gauges import Gauges
from streams.stages.series import UNKNOWN, Columns
from streams.stages.steps import Steps
from streams.summary import Counted, Totals
from streams.view import JourneyView, View
from streams.windows import STANDARD, Window

META = "meta"
_SECOND = 1_000_000
_STEP = "step"
_SIGNAL = "signal"


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
    dimensions: list[tuple[str, tuple[int, dict[str, int], dict[str, int], dict[str, tuple[int, int]]]]]
    expectations: dict[str, tuple[bool, int | None, int | None]]
    counted: Counted


class _Watched(msgspec.Struct):
    """An expectation and where its estimate comes from."""

    expectation: Expectation
    key: tuple[str, str] | str
    """(journey, step), or a signal's name."""
    row: int


class SignalStage:
    """Rolling signals of one file. Ticks are seconds, UTC epoch."""

    def __init__(self, config: Config, config_hash: str, *, partitions: int = 1) -> None:
        self.config = config
        self.hash = config_hash
        self.tick: int | None = None
        """The last closed tick; None before the first."""
        self._first_tick: int | None = None
        self._closing = Closing(partitions)
        self._dimensions = {segment.name: Dimension(segment.name, segment.values) for segment in config.segments}
        self._cells = {config_hash: tuple(self._dimensions)}
        """What the cells of partials mean, by hash of the file that counted them."""
        self._upcoming: dict[str, Config] = {}
        self._columns: dict[str, Columns] = {}
        overs = _overs(config)
        self._steps = Steps(config, overs)
        self._gauges = Gauges(config, overs)
        self._counted = Counted()
        self._watched: list[_Watched] = []
        self._watch({})

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
        self._cells[config_hash] = tuple(segment.name for segment in config.segments)
        if self._closing.partitions == 1:
            self._switch(config, config_hash, self._next_tick())
        else:
            self._upcoming[config_hash] = config

    def process(self, partial: Partial) -> list[Decision]:
        """Take the next partial of a partition; the decisions of the ticks this closes, in order.

        A repeat is ignored. Raises SequenceGap when a partial before it is missing and ValueError when its file is not
        known; the stage is unchanged then.
        """
        if partial.config not in self._cells:
            raise ValueError(
                f"partial {partial.sequence} of partition {partial.partition} was counted under file "
                f"{partial.config!r}, which is not known here: call activate first"
            )
        if not self._closing.take(partial):
            return []
        closed = self._closing.closed
        return [] if closed is None else self._close_until(closed)

    def finish(self, until_tick: int) -> list[Decision]:
        """The input has ended: close every tick up to `until_tick`, and what still waits."""
        latest = max([until_tick, *(partial.tick for partial in self._closing.waiting())])
        self._closing.declare(latest)
        return self._close_until(latest)

    def _next_tick(self) -> int | None:
        return None if self.tick is None else self.tick + 1

    # Closing ticks

    def _close_until(self, last: int) -> list[Decision]:
        decisions: list[Decision] = []
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
            self._close(tick, partials, decisions)
        self._pass_until(last, decisions)
        return decisions

    def _pass_until(self, last: int, decisions: list[Decision]) -> None:
        """Let empty ticks pass, stopping only where something becomes due."""
        if self.tick is None or self.tick >= last:
            return
        while True:
            due = min((due for due in self._dues() if due is not None), default=None)
            if due is None or due > last:
                break
            self._close(max(due, self.tick + 1), (), decisions)
        if self.tick < last:
            self._free_silent(last)
            self._steps.close(last)
            self._gauges.close(last)
            self.tick = last

    def _dues(self) -> list[int | None]:
        return [self._steps.next_due(), *(watched.expectation.due() for watched in self._watched)]

    def _close(self, tick: int, partials: Sequence[Partial], decisions: list[Decision]) -> None:
        self._free_silent(tick)
        if partials:
            if self._first_tick is None and any(partial.types or partial.measured for partial in partials):
                self._first_tick = tick
            self._admit(tick, partials)
            for partial in partials:
                columns = self._columns_of(partial.config)
                self._steps.take(partial, columns)
                self._gauges.take(partial, columns)
                self._counted.take(partial)
        changed_steps = self._steps.close(tick)
        changed_signals = self._gauges.close(tick)
        self.tick = tick
        for watched in self._watched:
            changed = changed_signals if isinstance(watched.key, str) else changed_steps
            due = watched.expectation.due()
            if watched.row in changed or (due is not None and due <= tick):
                decision = watched.expectation.check(tick, self._estimate(watched, tick))
                if decision is not None:
                    decisions.append(decision)

    def _estimate(self, watched: _Watched, tick: int) -> Estimate:
        expectation = watched.expectation
        window = expectation.window
        if not isinstance(watched.key, str):
            return self._steps.conversion(watched.key, window.seconds)
        covered = self._covered(window, tick)
        return self._gauges.estimate(watched.key, expectation.quantity, window.seconds, covered, tick)

    def _covered(self, window: Window, tick: int) -> int:
        """Seconds of a window that have been observed: not those before the first event, nor the slot to come."""
        first = tick if self._first_tick is None else self._first_tick
        return tick - max(window.first_tick(tick), first) + 1

    # Segments

    def _columns_of(self, config_hash: str) -> Columns:
        columns = self._columns.get(config_hash)
        if columns is None:
            cells = self._cells[config_hash]
            columns = self._columns[config_hash] = tuple(
                (dimension, cells.index(name) if name in cells else -1) for name, dimension in self._dimensions.items()
            )
        return columns

    def _admit(self, tick: int, partials: Sequence[Partial]) -> None:
        for name, dimension in self._dimensions.items():
            entries: dict[str, int] = {}
            seen: set[str] = set()
            for partial in partials:
                cells = self._cells[partial.config]
                at = cells.index(name) if name in cells else -1
                for entered in partial.entered:
                    value = entered.cell[at] if at >= 0 else UNKNOWN
                    entries[value] = entries.get(value, 0) + entered.count
                for measured in partial.measured:
                    seen.add(measured.cell[at] if at >= 0 else UNKNOWN)
            dimension.count(entries, seen, tick)

    def _free_silent(self, tick: int) -> None:
        for name, dimension in self._dimensions.items():
            freed = dimension.silent(tick)
            if freed:
                self._steps.free(name, freed)
                self._gauges.free(name, freed, tick)

    # Another file

    def _switch(self, config: Config, config_hash: str, since: int | None) -> None:
        overs = _overs(config)
        before = self._dimensions
        self._dimensions = {}
        for segment in config.segments:
            dimension = before.get(segment.name)
            if dimension is None:
                dimension = Dimension(segment.name, segment.values, since)
            else:
                dimension.relist(segment.values, 0 if since is None else since)
            self._dimensions[segment.name] = dimension
        self._columns = {}
        self._steps.keep_dimensions(set(self._dimensions))
        self._gauges.keep_dimensions(set(self._dimensions))
        self._steps.activate(config, overs, since)
        self._gauges.activate(config, overs)
        self.config, self.hash = config, config_hash
        self._watch({watched.expectation.fingerprint: watched.expectation.dump() for watched in self._watched})

    def _watch(self, states: Mapping[str, tuple[bool, int | None, int | None]]) -> None:
        """Set up the file's expectations, in its order; states are known by fingerprint."""
        self._watched = []
        for name, journey in self.config.journeys.items():
            for step in journey.steps:
                for expect in step.expect:
                    row = self._steps.steps[name, step.name].table.whole.row
                    self._watched.append(
                        _Watched(
                            Expectation(
                                f"{name}/{step.name}",
                                "conversion",
                                expect.quantity,
                                expect.operator,
                                expect.target,
                                expect.over // _SECOND,
                            ),
                            (name, step.name),
                            row,
                        )
                    )
        for name, signal in self.config.signals.items():
            for expect in signal.expect:
                self._watched.append(
                    _Watched(
                        Expectation(
                            name, name, expect.quantity, expect.operator, expect.target, expect.over // _SECOND
                        ),
                        name,
                        self._gauges.gauges[name].table.whole.row,
                    )
                )
        for watched in self._watched:
            stored = states.get(watched.expectation.fingerprint)
            if stored is not None:
                watched.expectation.load(stored)

    # Reading

    def totals(self) -> Totals:
        """Everything since the beginning, for the summary and the counters."""
        seconds = 0 if self.tick is None or self._first_tick is None else self.tick - self._first_tick + 1
        return Totals(
            door=self._counted.door,
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
        )

    def view(self) -> View:
        """Rolling journeys and signals at the close of the last tick."""
        tick = 0 if self.tick is None else self.tick
        dimensions = list(self._dimensions.values())
        covered = {name: self._covered(Window.of(seconds), tick) for name, seconds in STANDARD.items()}
        since_start = 0 if self._first_tick is None else tick - self._first_tick + 1
        breached = {watched.key for watched in self._watched if watched.expectation.breached}
        step_windows = self._steps.segment_windows()
        signal_windows = self._gauges.segment_windows()
        return View(
            tick=self.tick,
            journeys=[
                JourneyView(
                    name=name,
                    owner=journey.owner,
                    runbook=journey.runbook,
                    steps=[
                        self._steps.view(
                            (name, step.name), dimensions, step_windows, (name, step.name) in breached
                        )
                        for step in journey.steps
                    ],
                )
                for name, journey in self.config.journeys.items()
            ],
            signals=[
                self._gauges.view(name, dimensions, covered, since_start, signal_windows, name in breached)
                for name in self.config.signals
            ],
        )

    # Pieces

    def snapshot(self) -> dict[str, bytes]:
        """Everything, as named pieces for `restore`."""
        return {
            META: self._meta(),
            **{f"{_STEP}/{journey}/{step}": self._steps.dump((journey, step)) for journey, step in self._steps.steps},
            **{f"{_SIGNAL}/{name}": self._gauges.dump(name) for name in self._gauges.gauges},
        }

    def changes(self) -> dict[str, bytes]:
        """The pieces that changed since the last call; marks everything clean.

        Pieces of removed steps and signals are never read again; a shell may leave them.
        """
        changed = {META: self._meta()}
        for journey, step in sorted(self._steps.dirty):
            changed[f"{_STEP}/{journey}/{step}"] = self._steps.dump((journey, step))
        for name in sorted(self._gauges.dirty):
            changed[f"{_SIGNAL}/{name}"] = self._gauges.dump(name)
        self._steps.dirty.clear()
        self._gauges.dirty.clear()
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
            cells=self._cells,
            dimensions=[(name, dimension.dump()) for name, dimension in self._dimensions.items()],
            expectations={
                watched.expectation.fingerprint: watched.expectation.dump() for watched in self._watched
            },
            counted=self._counted,
        )
        return zlib.compress(msgspec.msgpack.encode(meta), 1)

    @staticmethod
    def config_of(pieces: Mapping[str, bytes]) -> str:
        """Hash of the file under which the pieces were written: restore with that file, then activate another."""
        return _DECODE(zlib.decompress(pieces[META])).config

    @classmethod
    def restore(cls, config: Config, config_hash: str, pieces: Mapping[str, bytes]) -> SignalStage:
        """The stage that wrote the pieces (all that `changes` or `snapshot` ever gave, the latest of each name).

        Files made known since by `activate` have to be made known again. Raises ValueError when the pieces were
        written under another file.
        """
        meta = _DECODE(zlib.decompress(pieces[META]))
        if meta.config != config_hash:
            raise ValueError(f"the stored signals follow file {meta.config!r}, expected {config_hash!r}")
        stage = cls(config, config_hash, partitions=meta.partitions)
        stage.tick, stage._first_tick = meta.tick, meta.first_tick
        stage._closing.load(meta.positions, meta.declared, meta.waiting)
        stage._cells = meta.cells
        for name, stored in meta.dimensions:
            stage._dimensions[name].load(stored)
        stage._counted = meta.counted
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
        stage._watch(meta.expectations)
        return stage


_DECODE = msgspec.msgpack.Decoder(_Meta).decode


def _overs(config: Config) -> list[int]:
    """Every `over` of the file, in seconds."""
    expects = [expect for signal in config.signals.values() for expect in signal.expect]
    expects += [expect for journey in config.journeys.values() for step in journey.steps for expect in step.expect]
    return sorted({expect.over // _SECOND for expect in expects})
