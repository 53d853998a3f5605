"""One worker's deliveries without servers: a store in memory, and decisions handed over as Faust's agent would."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from connectors.sinks.contract import Receiving
from streams.config.load import Loaded
from streams.delivery.message import Message
from streams.delivery.receivers import Receiver
from streams.runtime.clock import VirtualClock
from streams.runtime.cluster.delivery_part import Ends
from streams.runtime.cluster.dispatch import Dispatch
from streams.runtime.service import ReceiverHealth
from streams.runtime.sinks import make_sink
from tests.cluster.memory_store import Memory
from tests.streams.runtime.passing import at_rest, pass_time, turns
from tests.streams.runtime.receiver import Peer

SENDER = "events:0"


class Log:
    """The topic of decisions: records by partition, numbered by one sender."""

    def __init__(self, partitions: int = 1) -> None:
        self.records: list[list[tuple[tuple[str, int], bytes]]] = [[] for _ in range(partitions)]
        self._next = 0
        self.first = 0
        """Offset from which all partitions are kept."""

    async def ends(self, number: int) -> Ends:
        """What a partition holds."""
        return Ends(self.first, len(self.records[number]))

    def write(self, partition: int, *messages: Message, number: int | None = None) -> list[str]:
        """Append decisions; their ids. `number` repeats an earlier one."""
        for message in messages:
            if number is None:
                sent, self._next = self._next, self._next + 1
            else:
                sent = number
            self.records[partition].append(((SENDER, sent), message.body))
        return [message.id for message in messages]


class Courier:
    """One worker."""

    def __init__(
        self,
        loaded: Loaded,
        clock: VirtualClock,
        memory: Memory,
        log: Log,
        make: Callable[[Receiver], Receiving] = make_sink,
    ) -> None:
        self.clock, self.memory, self.log = clock, memory, log
        self.dispatch = Dispatch(loaded, clock, memory.store, len(log.records), make)

    async def claim(self, *numbers: int) -> None:
        """These partitions are assigned to it."""
        for number in numbers:
            await self.dispatch.claim(number, self.log.ends)

    async def read(self) -> None:
        """Hand over what the log holds and was not handed over, until it is committed."""
        for number, part in list(self.dispatch.parts.items()):
            for offset in range(part.read, len(self.log.records[number])):
                sender, body = self.log.records[number][offset]
                await self.dispatch.take(number, offset, sender, body)
        await self.committed()

    async def committed(self) -> None:
        """Wait until nothing presses to be committed, and what was being committed is."""
        while any(
            (part.state.pressing or part.committing) and not part.leaving for part in self.dispatch.parts.values()
        ):
            await asyncio.sleep(0)

    async def settled(self, *peers: Peer) -> None:
        """Wait until nothing moves before time passes; what is under way is being held by a peer."""
        quiet = False
        while not quiet:
            await self.committed()
            await turns()
            await at_rest(self.dispatch.lanes.values(), peers)
            quiet = not any(part.committing for part in self.dispatch.parts.values() if not part.leaving)

    async def pass_time(self, duration: int, step: int, *peers: Peer) -> None:
        """Let `duration` microseconds go by in steps; everything that may happen between two of them does."""
        await pass_time(self.clock, duration, step, lambda: self.settled(*peers))

    async def die(self) -> None:
        """Stop existing, as by kill -9: nothing more is committed or sent."""
        for lane in self.dispatch.lanes.values():
            await lane.stop()
        for part in list(self.dispatch.parts.values()):
            await part.close()

    def health(self, name: str = "ops") -> ReceiverHealth:
        return next(one for one in self.dispatch.health() if one.name == name)

    def states(self) -> dict[str, str]:
        """State of each delivery, by decision."""
        return {row.decision: row.state for row in self.dispatch.rows()}


@contextlib.asynccontextmanager
async def working(courier: Courier, *numbers: int) -> AsyncIterator[Courier]:
    """A worker with these partitions, that stops in order."""
    await courier.claim(*(numbers or (0,)))
    try:
        yield courier
    finally:
        await courier.dispatch.close()
