"""SignalStage: from the partitions' partials to rolling journeys and signals, and the decisions of `expect:`.

Pure: what it holds and says depends on the content of the partials alone, not on how content was spread over
partitions, in which order the partitions' partials arrived, or how empty ticks were declared. A tick closes when every
partition has declared it; then the board books it.
"""

from __future__ import annotations

from collections.abc import Mapping

from streams.config.structs import Config
from streams.effects import Decision, DoorCounts, Partial
from streams.stages.closing import Closing
from streams.stages.clusters import Clusters
from streams.stages.detection import Detection
from streams.stages.learning import Learning
from streams.stages.quotas import Quotas
from streams.stages.signal_board import Board
from streams.stages.signal_meta import META, SignalMeta, meta_of
from streams.summary import Counted, Totals
from streams.view import View


class SignalStage:
    """Rolling signals of one file. Ticks are seconds, UTC epoch."""

    def __init__(self, config: Config, config_hash: str, *, partitions: int = 1) -> None:
        self.hash = config_hash
        self._board = Board(config, config_hash)
        self._closing = Closing(partitions)
        self._upcoming: dict[str, Config] = {}
        """Files that hold from the first tick declared under them, by hash."""
        self._files: dict[int, str] = {}
        """Partition -> file of its last partial."""
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
        self._board.dimensions.know(config.segments, config_hash)
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
        if partial.config not in self._board.dimensions.cells:
            raise ValueError(
                f"partial {partial.sequence} of partition {partial.partition} was counted under file "
                f"{partial.config!r}, which is not known here: call activate first"
            )
        if not self._closing.take(partial):
            return []
        self._files[partial.partition] = partial.config
        closed = self._closing.closed
        return [] if closed is None else self._close_until(closed)

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
            decisions += self._board.pass_until(tick - 1)
            partials = self._closing.pop(tick)
            for partial in partials:
                upcoming = self._upcoming.pop(partial.config, None)
                if upcoming is not None:
                    self._switch(upcoming, partial.config, tick)
            for partial in partials:
                self._counted.take(partial)
            decisions += self._board.close(tick, partials)
        decisions += self._board.pass_until(last)
        return decisions

    def _switch(self, config: Config, config_hash: str, since: int | None) -> None:
        self._told += self._board.activate(config, since)
        self.hash = config_hash

    # Reading

    @property
    def config(self) -> Config:
        """The file in force."""
        return self._board.config

    @property
    def tick(self) -> int | None:
        """The last closed tick; None before the first."""
        return self._board.tick

    @property
    def standing(self) -> frozenset[str]:
        """Rules under `feedback` whose `when` holds, for JourneyStage; the shell says so in the log."""
        return self._board.standing.held

    @property
    def quotas(self) -> Quotas:
        """Who may be asked."""
        return self._board.quotas

    @property
    def clusters(self) -> Clusters:
        """What answers are about."""
        return self._board.clusters

    @property
    def learning(self) -> Learning:
        """Rules that learn."""
        return self._board.learning

    @property
    def detection(self) -> Detection:
        """Everything under watch."""
        return self._board.detection

    def totals(self) -> Totals:
        """Everything since the beginning, for the summary and the counters."""
        return Totals(
            door=DoorCounts(*self._counted.door),
            journeys=self._board.journey_totals(),
            signals=self._board.signal_totals(),
            types=dict(sorted(self._counted.types.items())),
            sources=dict(sorted(self._counted.sources.items())),
            first=self._counted.first,
            last=self._counted.last,
            tick=self.tick,
            care=dict(sorted(self._counted.care.items())),
        )

    def view(self) -> View:
        """Rolling journeys and signals at the close of the last tick."""
        return self._board.view()

    # Pieces

    def snapshot(self) -> dict[str, bytes]:
        """Everything, as named pieces for `restore`."""
        board = self._board.snapshot()
        return {META: self._meta(), **board}

    def changes(self) -> dict[str, bytes]:
        """The pieces that changed since the last call; marks everything clean.

        Pieces of removed steps and signals are never read again; a shell may leave them.
        """
        board = self._board.changes()
        return {META: self._meta(), **board}

    def _meta(self) -> bytes:
        closing, board = self._closing, self._board
        return SignalMeta(
            config=self.hash,
            tick=board.tick,
            first_tick=board.first_tick,
            partitions=closing.partitions,
            positions=closing.positions,
            declared=closing.declared,
            waiting=closing.waiting(),
            cells=board.dimensions.cells,
            dimensions=board.dimensions.dump(),
            expectations=board.watch.dump(),
            counted=self._counted,
            upcoming=list(self._upcoming),
            standing=sorted(board.standing.held),
            quotas=board.quotas.stored,
            files=self._files,
        ).dump()

    @staticmethod
    def config_of(pieces: Mapping[str, bytes]) -> str:
        """Hash of the file under which the pieces were written: restore with that file, then activate another."""
        return meta_of(pieces).config

    @staticmethod
    def upcoming_of(pieces: Mapping[str, bytes]) -> list[str]:
        """Hashes of files made known by `activate` that did not hold yet; `restore` needs them again."""
        return meta_of(pieces).upcoming

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
        meta = meta_of(pieces)
        if meta.config != config_hash:
            raise ValueError(f"the stored signals follow file {meta.config!r}, expected {config_hash!r}")
        missing = set(meta.upcoming) - set(upcoming or {})
        if missing:
            raise ValueError(f"the stored signals wait for the files {sorted(missing)}: give them as upcoming")
        stage = cls(config, config_hash, partitions=meta.partitions)
        stage._upcoming = {name: (upcoming or {})[name] for name in meta.upcoming}
        stage._closing.load(meta.positions, meta.declared, meta.waiting)
        stage._counted = meta.counted
        stage._files = meta.files
        stage._board.load(meta, pieces)
        return stage
