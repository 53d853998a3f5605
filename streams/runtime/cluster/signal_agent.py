"""SignalStage behind a Faust agent: partials in source order, state in Redis, decisions out after their commit.

Faust's position is where our store says (see `positions`); numbers say what was lost or came twice. Pieces and
position are committed every few seconds, and before any decision leaves (exactness rule 8).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Mapping

import faust
import msgspec
import structlog
from faust.types import TP

from streams.effects import Decision, Partial
from streams.errors import CannotStart
from streams.journeys import TICK
from streams.runtime.cluster.addresses import (
    Standing,
    decision_out,
    decode_partial,
    lesson_out,
    standing_out,
    verdicts_out,
)
from streams.runtime.cluster.connections import Connections
from streams.runtime.cluster.positions import Consumer
from streams.runtime.cluster.redis_store import DOWN, Commit, Outcome, Outgoing, PartitionStore
from streams.runtime.cluster.relay import Relay
from streams.runtime.cluster.rulebook import Rulebook
from streams.runtime.cluster.topics import Names
from streams.stages.signal import SignalStage

_log = structlog.get_logger()
SOURCE = "partials:0"
_COMMIT_S = 2.0
_DECISION_S = 0.2
_GAP_LIMIT_S = 15.0
_JUMP_LIMIT_S = 3.0
_RETRY_S = 1.0


_encode_names = msgspec.msgpack.Encoder().encode
_decode_names = msgspec.msgpack.Decoder(set[str]).decode


class _Gap(msgspec.Struct, frozen=True):
    """A partial came before the one it follows."""

    since: float
    offset: int
    expected: int
    got: int


class SignalDesk:
    """The one owner of SignalStage in the cluster. Methods are called from one event loop.

    `learnt`: baselines to begin with where nothing is stored yet, checked against the file.
    """

    def __init__(
        self,
        connections: Connections,
        rulebook: Rulebook,
        names: Names,
        partitions: int,
        learnt: bytes | None = None,
    ) -> None:
        self._learnt = learnt
        self._connections = connections
        self._rulebook = rulebook
        self.names = names
        self._partitions = partitions
        self._lock = asyncio.Lock()
        self._store: PartitionStore | None = None
        self._relay: Relay | None = None
        self._stage: SignalStage | None = None
        self._pieces: set[str] = set()
        """Names of all stored pieces; the agent's part of the head."""
        self._read = 0
        self._decisions: list[Decision] = []
        self._told: frozenset[str] = frozenset()
        """Rules whose `when` holds, as the events' partitions have been told or will be with the next commit."""
        self._standings: list[Standing] = []
        """What they will be told."""
        self._dirty = False
        self._committed_at = 0.0
        self._gaps: dict[int, _Gap] = {}
        """By source partition: the first partial that came before its turn."""
        self._jumped_at: float | None = None
        """Since when records beyond our position come instead of those at it."""

        self.trouble: str | None = None
        """Why nothing is taken now, if so."""
        self.lost = False
        """Another owner claimed the stage."""
        self._retry_at = 0.0
        self.commits: Counter[str] = Counter()
        """By outcome, since the worker has the stage; so the next."""
        self.decided: Counter[str] = Counter()
        """Decisions committed, by type."""
        self.restarts = 0
        """Times the consumer was started anew because it had stopped."""

    @property
    def read(self) -> int:
        """Where reading begins anew, also after the stage was dropped: nothing before it is still missing."""
        return min([self._read, *(gap.offset for gap in self._gaps.values())])

    def fail(self, reason: str) -> None:
        """Forget what is in memory and take nothing until the stage was claimed anew."""
        if self.trouble != reason:
            _log.warning("signals_paused", reason=reason)
        self.trouble = reason
        self._stage = None
        self._retry_at = time.monotonic() + _RETRY_S

    def may_retry(self) -> bool:
        """Whether it is time to claim again; says yes once per pause."""
        if time.monotonic() < self._retry_at:
            return False
        self._retry_at = time.monotonic() + _RETRY_S
        return True

    @property
    def stage(self) -> SignalStage | None:
        """The stage, while this worker has it."""
        return self._stage

    @property
    def busy(self) -> bool:
        """Something is being done with the stage now."""
        return self._lock.locked()

    @property
    def epoch(self) -> int | None:
        """Of this owner; None while another worker has the stage."""
        return None if self._store is None or self._stage is None else self._store.head.epoch

    @property
    def outbox(self) -> int:
        """Committed decisions that Kafka has not acknowledged."""
        return 0 if self._relay is None else self._relay.depth

    def restart(self) -> None:
        """The consumer has stopped: begin anew at the stored position."""
        self.restarts += 1
        self.fail("its consumer has stopped")

    @property
    def position(self) -> int | None:
        """`read`; None while another worker has the stage."""
        return self.read if self._stage is not None else None

    async def claim(self) -> int:
        """Become the owner and load what is stored; returns the offset at which to read on.

        Called on every assignment, and when Faust resumes the flow: what is in memory and not committed is read again.
        """
        async with self._lock:
            await self._drop()
            store = PartitionStore(self._connections.redis, SOURCE, item="p")
            await self._rulebook.refresh()
            head = await store.claim(partitions=self._partitions, start=0, config=self._rulebook.current.hash)
            self._pieces = _decode_names(head.stage) if head.stage else set()
            stage = await self._restore(store)
            self._read = head.read
            self._decisions, self._standings, self._dirty = [], [], False
            # A stage stored by a release that did not tell anybody stands somewhere, and nobody knows.
            self._told = stage.standing if _told_so_far(head.sequences, self.names) else frozenset()
            self._gaps, self._jumped_at = {}, None
            self.commits, self.decided = Counter(), Counter()
            self._relay = Relay(self._connections.sender, store)
            self._relay.put(await store.outbox())
            self._store, self._stage = store, stage
            self.trouble, self.lost = None, False
            _log.info("signals_claimed", epoch=head.epoch, position=head.read)
            return self._read

    async def take(self, offset: int, body: bytes) -> None:
        """One record of the partials topic.

        Only the record at our position moves it: Faust may still hand over what it fetched before a seek, and what
        lies between would be lost with the next commit.
        """
        async with self._lock:
            if self._stage is None or offset < self._read:
                return
            if offset > self._read:
                if self._jumped_at is None:
                    self._jumped_at = time.monotonic()
                return
            self._jumped_at = None
            partial = decode_partial(body)
            expected = self._stage.positions.get(partial.partition, 0)
            if partial.sequence > expected:
                self._notice_gap(partial, expected, offset)
            elif partial.sequence == expected:
                await self._process(partial)
                self._gaps.pop(partial.partition, None)
            self._read = offset + 1
            self._dirty = True
            if self._leaving and time.monotonic() - self._committed_at >= _DECISION_S:
                await self._commit()

    @property
    def _leaving(self) -> bool:
        """Something waits for the commit to leave."""
        judged = self._stage is not None and self._stage.quotas.waiting
        return bool(judged or self._decisions or self._standings)

    async def tick(self) -> None:
        """Called often: commit when it is time. Raises CannotStart when a number is missing for good."""
        async with self._lock:
            self._check_gaps()
            if self._stage is None:
                return
            age = time.monotonic() - self._committed_at
            if self._dirty and age >= (_DECISION_S if self._leaving else _COMMIT_S):
                await self._commit()

    async def close(self) -> None:
        """Commit what can be committed, and let go."""
        async with self._lock:
            if self._stage is not None and self._dirty:
                await self._commit()
            if self._relay is not None:
                await self._relay.drained(5.0)
            await self._drop()

    async def _process(self, partial: Partial) -> None:
        assert self._stage is not None
        if self._stage.turns(partial):
            await self._activate(self._stage, partial.config)
        try:
            self._decisions += self._stage.process(partial)
        except ValueError:  # counted under a file the stage never met
            await self._activate(self._stage, partial.config)
            self._decisions += self._stage.process(partial)
        self._notice_standing(self._stage)

    async def _activate(self, stage: SignalStage, file_hash: str) -> None:
        if not self._rulebook.knows(file_hash):
            await self._rulebook.refresh()
        stage.activate(self._rulebook.file(file_hash).config, file_hash)

    def _notice_standing(self, stage: SignalStage) -> None:
        """Whenever it changes after a partial, so that the n-th is the same on every reading of the partials."""
        if stage.standing == self._told or stage.tick is None or self._store is None:
            return
        self._told = stage.standing
        number = _told_so_far(self._store.head.sequences, self.names) + len(self._standings)
        self._standings.append(Standing(number, (stage.tick + 1) * TICK, stage.standing))

    async def _restore(self, store: PartitionStore) -> SignalStage:
        current = self._rulebook.current
        if not self._pieces:
            stage = SignalStage(current.config, current.hash, partitions=self._partitions)
            if self._learnt is not None:
                stage.detection.learn(self._learnt)
            return stage
        stored = await store.states(self._pieces)
        pieces = {name: body for name, body in stored.items() if body is not None}
        under = SignalStage.config_of(pieces)
        upcoming = {name: self._rulebook.file(name).config for name in SignalStage.upcoming_of(pieces)}
        return SignalStage.restore(self._rulebook.file(under).config, under, pieces, upcoming)

    def _notice_gap(self, partial: Partial, expected: int, offset: int) -> None:
        """A sender that failed in the middle sends again from there, so the missing number normally follows."""
        if partial.partition not in self._gaps:
            self._gaps[partial.partition] = _Gap(time.monotonic(), offset, expected, partial.sequence)
            _log.warning("partials_out_of_order", source=partial.partition, expected=expected, got=partial.sequence)

    def _check_gaps(self) -> None:
        if self._stage is None:
            return
        now = time.monotonic()
        for source, gap in self._gaps.items():
            if now - gap.since > _GAP_LIMIT_S:
                raise CannotStart(
                    f"{self.names.partials}: number {gap.expected} of partition {source} is missing, {gap.got} is at "
                    f"offset {gap.offset}; this worker stops, and reads again from there once started"
                )
        if self._jumped_at is not None and now - self._jumped_at > _JUMP_LIMIT_S:
            self.fail("records between were not delivered")

    async def _commit(self) -> None:
        assert self._store is not None
        assert self._stage is not None
        assert self._relay is not None
        number = self._store.head.sequences.get(self.names.decisions, 0)
        effects = [
            decision_out(decision, SOURCE, self.names.decisions, number + at)
            for at, decision in enumerate(self._decisions)
        ]
        effects += [
            standing_out(standing, SOURCE, self.names.events, partition)
            for standing in self._standings
            for partition in range(self._partitions)
        ]
        effects += self._tell_verdicts(self._stage)
        effects += self._tell_lessons(self._stage)
        first = self._store.next_entry
        pieces = self._stage.changes()
        self._pieces |= pieces.keys()
        outcome = await self._store.commit(
            Commit(
                stage=_encode_names(self._pieces),
                read=self.read,
                low=self.read,
                watermark=None,
                config=self._stage.hash,
                states=pieces,
                timers={},
                effects=effects,
            )
        )
        self._committed_at = time.monotonic()
        self.commits[outcome.value] += 1
        if outcome is not Outcome.DONE:
            raise StageLost(outcome)
        self._relay.put(enumerate(effects, first))
        self.decided.update(decision.type for decision in self._decisions)
        self._decisions, self._standings, self._dirty = [], [], False

    def _tell_verdicts(self, stage: SignalStage) -> list[Outgoing]:
        """What quotas say to each partition. It is in the outbox with this commit, so nobody else need keep it."""
        quotas, events = stage.quotas, self.names.events
        effects: list[Outgoing] = []
        for partition in range(self._partitions):
            effects += [verdicts_out(one, SOURCE, events, partition) for one in quotas.untold(partition)]
            quotas.confirmed(partition, quotas.stored.numbers.get(partition, 0))
        return effects

    def _tell_lessons(self, stage: SignalStage) -> list[Outgoing]:
        """What rules have learnt, to every partition; like verdicts."""
        untold = stage.learning.untold
        if untold:
            stage.learning.confirmed(untold[-1].number + 1)
        return [
            lesson_out(lesson, SOURCE, self.names.events, partition)
            for lesson in untold
            for partition in range(self._partitions)
        ]

    async def _drop(self) -> None:
        relay, self._relay = self._relay, None
        store, self._store = self._store, None
        self._stage = None
        if relay is not None:
            await relay.stop()
        if store is not None:
            await store.close()


def _told_so_far(sequences: Mapping[str, int], names: Names) -> int:
    """How many standings the events' partitions were told; each got all."""
    return sequences.get(f"{names.events}/0", 0)


class StageLost(Exception):
    """A commit was not done: memory is of no use, the stored state is claimed anew or left to its owner."""


async def find(app: faust.App, desk: SignalDesk, tp: TP) -> int | None:
    """Where the partials are read on; while the store is down nowhere in particular, and what comes is ignored."""
    try:
        return await desk.claim()
    except DOWN as error:
        desk.fail(f"store: {type(error).__name__}")
    except CannotStart as error:
        _log.error("signals_stopped", error=str(error))
        await app.crash(error)
    return None


def attach(app: faust.App, desk: SignalDesk) -> None:
    """Give the app its agent on the partials, the timer that commits, and the way back after trouble."""
    partials = app.topic(
        desk.names.partials, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )
    ours = TP(desk.names.partials, 0)

    async def guarded(work: Awaitable[None]) -> None:
        """An agent that raises loses its record and stops: whatever happens is dealt with here."""
        try:
            await work
        except DOWN as error:
            desk.fail(f"store: {type(error).__name__}")
        except StageLost as error:
            desk.fail("another owner" if error.args[0] is Outcome.LOST else "commit not done")
            desk.lost = error.args[0] is Outcome.LOST
        except CannotStart as error:
            _log.error("signals_stopped", error=str(error))
            await app.crash(error)
        except Exception as error:
            _log.exception("signals_stopped")
            await app.crash(error)

    @app.agent(partials, name="signals")
    async def signals(stream: faust.StreamT[bytes]) -> None:
        async for event in stream.events():
            await guarded(desk.take(event.message.offset, event.value))

    @app.timer(interval=_DECISION_S)  # type: ignore[untyped-decorator]  # Faust's decorator is untyped
    async def commit_signals() -> None:
        if desk.trouble is None:
            await guarded(desk.tick())
        elif not app.rebalancing and desk.may_retry():
            await guarded(_read_again(app, desk, ours))

    async def on_revoked(_app: object, revoked: set[TP], *_: object, **__: object) -> None:
        if ours in revoked:
            await guarded(desk.close())

    app.on_partitions_revoked.connect(on_revoked, weak=False)  # type: ignore[arg-type]  # Faust calls it so; its type has "signal"


async def _read_again(app: faust.App, desk: SignalDesk, tp: TP) -> None:
    """Claim the stage anew and go back to the stored position."""
    consumer = app.consumer
    assert isinstance(consumer, Consumer)
    if tp not in consumer.assignment():
        desk.trouble = None
        return
    if desk.lost and not await consumer.accepts(tp, desk.read):
        return
    await consumer.position_anew(app)
