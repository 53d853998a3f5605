"""One owned partition of the events: its stage in memory, its store, its way out."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]

from streams.effects import Effects
from streams.model import Record
from streams.runtime.cluster.addresses import CASE, case_told, dead_letter_out, decision_out, parcel_out, partial_out
from streams.runtime.cluster.redis_store import Commit, Outcome, Outgoing, PartitionStore
from streams.runtime.cluster.relay import Relay
from streams.runtime.cluster.rulebook import Rulebook
from streams.runtime.cluster.topics import Names
from streams.runtime.rate import Rate
from streams.stages.head import head_config
from streams.stages.journey import JourneyStage

_BUSY_S = 0.04
"""The loop is held at most about this long at a stretch."""
_SMALLEST, _LARGEST = 50, 2000


class Counts:
    """What an owner did with its partition, since it got it."""

    def __init__(self) -> None:
        self.commits: Counter[str] = Counter()
        """By outcome."""
        self.hits = 0
        """Records that needed no state from the store."""
        self.misses = 0
        """States read from the store."""
        self.decisions: Counter[str] = Counter()
        """Committed, by type."""
        self.invalid: Counter[str] = Counter()
        """Committed dead letters, by reason."""
        self.records = 0
        """Processed."""
        self.cpu_seconds = 0.0
        """Processor time of the stage and its changes; what the store's and Kafka's clients take is not in it."""
        self.rate = Rate()
        """Records processed."""
        self.busy = Rate()
        """The same processor time, in microseconds."""

    def took(self, records: int, cpu_seconds: float) -> None:
        """A batch was processed, and what it cost."""
        self.records += records
        self.cpu_seconds += cpu_seconds
        self.rate.count(records)
        self.busy.count(round(cpu_seconds * 1e6))


class Partition:
    """Everything between a batch of records and its commit.

    Opened on assignment, dropped on revocation. `take` is never called twice at the same time.
    """

    def __init__(
        self,
        number: int,
        partitions: int,
        store: PartitionStore,
        sender: AIOKafkaProducer,
        rulebook: Rulebook,
        names: Names,
        keep: int,
    ) -> None:
        self.number = number
        self._partitions = partitions
        self.store = store
        self._sender = sender
        self.relay = Relay(sender, store)
        self._rulebook = rulebook
        self._names = names
        self._keep = keep
        self._slice = _LARGEST // 4
        self.stage = self._fresh()
        self._sequences: dict[str, int] = {}
        self.counts = Counts()
        self.invalid: set[int] = set()
        """Offsets that the last `take` made dead letters of."""

    def _fresh(self) -> JourneyStage:
        return JourneyStage(
            self._rulebook.rules(self._rulebook.current.hash),
            partition=self.number,
            partitions=self._partitions,
            rules_by_hash=self._rulebook.rules,
        )

    async def open(self, *, start: int) -> None:
        """Claim it and load what is stored; `start` is where a partition never seen begins.

        Raises CannotStart, or one of the store's DOWN errors.
        """
        await self._rulebook.refresh()
        await self.store.claim(partitions=self._partitions, start=start, config=self._rulebook.current.hash)
        await self.rebuild()

    async def rebuild(self) -> None:
        """Make memory what the store's head says: after a claim, and after a commit that was not done."""
        await self.relay.stop()
        head = self.store.head
        self._sequences = dict(head.sequences)
        if head.stage:
            await self._rulebook.refresh()
            self.stage = JourneyStage.restore(
                self._rulebook.rules(head_config(head.stage)),
                head.stage,
                await self.store.timers(),
                partition=self.number,
                partitions=self._partitions,
                rules_by_hash=self._rulebook.rules,
            )
        else:
            self.stage = self._fresh()
        self.relay = Relay(self._sender, self.store)
        self.relay.put(await self.store.outbox())

    async def take(self, records: Sequence[Record]) -> Outcome:
        """Process records in log order and commit once; effects go to the relay only when that was done.

        Raises one of the store's DOWN errors; memory is then of no use until `rebuild`.
        """
        outgoing: list[Outgoing] = []
        cases: dict[str, dict[str, bytes]] = {}
        decided: Counter[str] = Counter()
        refused: Counter[str] = Counter()
        done = loaded = 0
        cpu = 0.0
        self.invalid.clear()
        while done < len(records):
            piece = records[done : done + self._slice]
            done += len(piece)
            began, used = time.monotonic(), time.thread_time()
            wanted = self.stage.needs(piece)
            held = time.monotonic() - began
            cpu += time.thread_time() - used
            while wanted:
                loaded += len(wanted)
                self.stage.load(await self.store.states(wanted))
                wanted = self.stage.needs(piece)
            began, used = time.monotonic(), time.thread_time()
            effects = self.stage.process(piece)
            outgoing += self._address(effects, cases)
            decided.update(decision.type for decision in effects.decisions)
            refused.update(letter.reason for letter in effects.dead_letters)
            cpu += time.thread_time() - used
            self._adapt(len(piece), held + time.monotonic() - began)
            await asyncio.sleep(0)
        used = time.thread_time()
        changes = self.stage.changes()
        self.counts.took(len(records), cpu + time.thread_time() - used)
        first = self.store.next_entry
        outcome = await self.store.commit(
            Commit(
                stage=changes.head,
                read=changes.position.read,
                low=changes.position.low,
                watermark=changes.position.watermark,
                config=self.stage.config_hash,
                states=changes.states,
                timers=changes.timers,
                effects=outgoing,
                cases={key: told for key, told in cases.items() if changes.states.get(key, b"") is not None},
            )
        )
        self.counts.commits[outcome.value] += 1
        if outcome is Outcome.DONE:
            self.counts.misses += loaded
            self.counts.hits += max(0, len(records) - loaded)
            self.counts.decisions += decided
            self.counts.invalid += refused
            self.relay.put(enumerate(outgoing, first))
            self.stage.evict(self._keep)
        return outcome

    async def close(self) -> None:
        """Drop it; what has not left stays in the outbox."""
        await self.relay.stop()
        await self.store.close()

    def _adapt(self, count: int, took_s: float) -> None:
        if took_s > _BUSY_S:
            self._slice = max(_SMALLEST, int(count * _BUSY_S / took_s))
        elif count == self._slice and took_s < _BUSY_S / 2:
            self._slice = min(_LARGEST, self._slice * 2)

    def _address(self, effects: Effects, cases: dict[str, dict[str, bytes]]) -> list[Outgoing]:
        """Say where each effect goes, as which number; and what is told of cases, by customer."""
        source = self.store.name
        names = self._names
        result = [partial_out(partial, source, names.partials) for partial in effects.partials]
        for decision in effects.decisions:
            number = self._sequences.get(names.decisions, 0)
            self._sequences[names.decisions] = number + 1
            result.append(decision_out(decision, source, names.decisions, number))
            if decision.type.startswith(CASE):
                field, told = case_told(decision, number)
                cases.setdefault(decision.subject, {})[field] = told
        result += [parcel_out(parcel, receiver, names.events) for receiver, parcel in effects.parcels]
        self.invalid.update(letter.offset for letter in effects.dead_letters)
        result += [dead_letter_out(letter, source, self.number, names) for letter in effects.dead_letters]
        return result
