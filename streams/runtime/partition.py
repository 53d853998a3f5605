"""Both stages over the embedded log: slices of records in, one commit for everything they bring about.

Nothing here decides when: `streams.runtime.embedded` calls `step` while there is something to read and `commit` at most
four times a second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec

from streams.config.load import Loaded
from streams.customer import Customer, decode
from streams.effects import DeadLetter, Effects
from streams.model import Event, Record
from streams.rules import Rules
from streams.runtime import commit as commits
from streams.runtime.clock import Clock
from streams.runtime.commit import Commit, Head
from streams.runtime.files import Files
from streams.runtime.pending import Pending
from streams.runtime.signals import SignalFeed
from streams.runtime.store.store import Store, new_head
from streams.runtime.tail import Tail
from streams.stages.journey import CONFIG_ACTIVATED, JourneyStage

SLICE_SECONDS = 0.02
"""What one slice of work aims at: the event loop must never be held longer than 50 ms."""
_SMALLEST_SLICE = 50
_RESTORE_PORTION = 500


class Step(msgspec.Struct, frozen=True):
    """What one slice of work read for the first time."""

    read: Sequence[int]
    """Offsets of the records from outside."""
    dead_letters: Sequence[DeadLetter]


class Partition:
    """The stages, what they have done since the last commit, and where they stand in the log.

    Parameters
    ----------
    store, clock
        Those of the service.
    batch
        Most records in one slice.
    pieces_seconds
        Longest time between two commits of SignalStage's pieces while they change.
    changed
        Called whenever there is something new to commit.
    learnt
        Baselines for a store that has no signals yet.
    """

    stage: JourneyStage
    signals: SignalFeed
    head: Head
    _files: Files

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        batch: int,
        pieces_seconds: float,
        changed: Callable[[], None],
        learnt: bytes | None = None,
    ) -> None:
        self.tail = Tail()
        self.next = 0
        """Offset of the next record to hand to the stage; after a start it goes over [low, read) once more."""
        self._read = 0
        self._store = store
        self._clock = clock
        self._batch = batch
        self._pieces_seconds = pieces_seconds
        self._changed = changed
        self._learnt = learnt
        self._pending = Pending()
        self._slice = min(batch, 4 * _SMALLEST_SLICE)
        self._pieces_at = time.monotonic()
        self._since = clock.now()

    # -- starting ----------------------------------------------------------------------------------------------------

    async def restore(self, given: Loaded, name: str) -> None:
        """Claim the store and bring both stages to where they were committed. Raises CannotStart, HeadMoved."""
        store = self._store
        await store.keep_config(given.hash, name, given.text)
        files = self._files = Files(given, await store.configs())
        stored = store.head
        if stored is None:
            self.stage = JourneyStage(files.rules(given.hash), rules_by_hash=files.rules)
            self.head = msgspec.structs.replace(new_head(None, given.hash), stage=self.stage.changes().head)
        else:
            rules = files.rules(stored.config)
            self.stage = JourneyStage.restore(rules, stored.stage, await store.timers(), rules_by_hash=files.rules)
            self.head = new_head(stored, given.hash)
        self.next, self._read = self.head.low, self.head.read
        await store.commit(
            Commit(
                before=store.head_body,
                head=commits.encode(self.head),
                low=self.head.low,
                now=self._clock.now(),
                first_decision=0,
                signal_read=self.head.signal_read,
            )
        )
        self.signals = SignalFeed(
            files, await store.pieces(), self.head.signal_read, self.head.signal_config, self._learnt
        )
        while bodies := await store.partials(self.signals.read, _RESTORE_PORTION):
            self.signals.add_stored(bodies)
            await self._feed_signals()

    async def config_at_end(self) -> str:
        """Hash of the file that holds once the whole log is read."""
        last = self.head.config
        for record in await self._store.internal_records(self.head.read):
            event = msgspec.json.decode(record.body, type=Event) if isinstance(record.body, bytes) else record.body
            if event.type == CONFIG_ACTIVATED:
                last = str((event.data or {}).get("hash"))
        return last

    async def know(self, loaded: Loaded, name: str) -> None:
        """Keep a file, so that the log may name it from now on. Raises StoreFailed."""
        rules = await asyncio.to_thread(Rules.of, loaded)
        await self._store.keep_config(loaded.hash, name, loaded.text)
        self._files.add(loaded, rules)

    # -- work --------------------------------------------------------------------------------------------------------

    @property
    def behind(self) -> int:
        """Records of the log not handed to the stage yet."""
        return self._store.next_offset - self.next

    @property
    def low(self) -> int:
        """Where recovery would begin: before anything that waits, and before what a start has not read again yet."""
        return min(self.stage.position.low, self.next)

    async def step(self) -> Step:
        """One slice of the log through both stages. Only while `behind`."""
        batch = await self._slice_of_log()
        stage = self.stage
        fresh_from = self._read
        started = time.perf_counter()
        wanted = stage.needs(batch)
        longest = time.perf_counter() - started
        while wanted:
            stage.load(await self._store.states(wanted))
            wanted = stage.needs(batch)  # asked again, also because a commit may have made room meanwhile
        started = time.perf_counter()
        effects = stage.process(batch)
        longest = max(longest, time.perf_counter() - started)
        self.next = batch[-1].offset + 1
        self._read = max(self._read, self.next)
        self._take(effects)
        self._resize(len(batch), longest)
        fresh = [record for record in batch if record.offset >= fresh_from and not record.internal]
        for record in fresh:
            if record.log_time is not None and record.log_time >= self._since:
                self._pending.received[record.log_time] = self._pending.received.get(record.log_time, 0) + 1
        await self._feed_signals()
        return Step([record.offset for record in fresh], effects.dead_letters)

    async def customer(self, key: str) -> Customer | None:
        """A customer's state as of now, whether it is in memory or not."""
        found = self.stage.find(key)
        if found is None:
            body = (await self._store.states([key]))[key]
            found = None if body is None else decode(body)
        return found

    async def _slice_of_log(self) -> list[Record]:
        first = self.tail.first(self.next)
        if first == self.next:
            return self.tail.take(self._slice)
        end = self._store.next_offset if first is None else first
        records = await self._store.records(self.next, min(self._slice, end - self.next))
        for at, record in enumerate(records, 1):
            if record.internal:
                return records[:at]
        return records

    def _take(self, effects: Effects) -> None:
        self._pending.add(effects)
        self.signals.add(effects.partials)
        self._changed()

    async def _feed_signals(self) -> None:
        started = time.perf_counter()
        while self.signals.waiting:
            decisions = self.signals.feed_one()
            if decisions:
                self._pending.add_signal_decisions(decisions)
                self._changed()
            if time.perf_counter() - started > SLICE_SECONDS:
                await asyncio.sleep(0)
                started = time.perf_counter()

    def _resize(self, count: int, seconds: float) -> None:
        if seconds > SLICE_SECONDS:
            self._slice = max(min(_SMALLEST_SLICE, self._batch), int(count * SLICE_SECONDS / seconds))
        elif count == self._slice:
            self._slice = min(self._batch, self._slice * 2)

    # -- commits -----------------------------------------------------------------------------------------------------

    def take_commit(self, *, with_pieces: bool = False) -> tuple[Commit, dict[int, int]]:
        """Everything since the last commit, and when its records were received (UTC epoch microseconds -> how many).

        One commit at a time: `committed` must be called before the next.
        """
        pending = self._pending
        due = with_pieces or time.monotonic() - self._pieces_at >= self._pieces_seconds
        signals = None
        if pending.signals_decided or (due and self.signals.read > self.head.signal_read):
            signals = self.signals.changes()
            self._pieces_at = time.monotonic()
        received, pending.received = pending.received, {}
        commit = pending.take(
            self.head,
            self._store.head_body,
            self.stage.changes(),
            low=self.low,
            config=self.stage.config_hash,
            now=self._clock.now(),
            signals=signals,
        )
        return commit, received

    def committed(self, commit: Commit, cache: int) -> None:
        """The commit is durable: states it wrote may leave memory, until `cache` are left."""
        self.head = commits.decode(commit.head)
        self.stage.evict(cache)
