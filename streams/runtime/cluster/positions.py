"""Faust's consumer, beginning where our own store says (exactness rule 10).

Faust seeks to Kafka's committed offset *after* its assignment signals, so a seek there is undone. `perform_seek` is
the one place that positions streams, on every assignment and whenever the flow resumes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import faust
import structlog
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from yarl import URL

_log = structlog.get_logger()
_STOP_LIMIT_S = 5.0
_FETCH_S = 1.2
"""Longer than Faust waits for records."""

FindPosition = Callable[[TP], Awaitable[int | None]]
"""Offset at which a partition goes on, None where the store knows nothing of it and Kafka's answer holds."""


class Transport(driver.Transport):
    """Faust's Kafka transport with positions of our own for some topics."""

    def __init__(self, *arguments: Any, find: FindPosition, topics: frozenset[str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.find = find
        self.topics = topics


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread, which ends also when it was told to stop during a rebalance.

    Then its consumer waits for the assignment callback, which waits for the main thread, which waits for this one.
    """

    async def on_thread_stop(self) -> None:
        """Leave the group, or give up on it; the group notices by itself."""
        try:
            await asyncio.wait_for(super().on_thread_stop(), _STOP_LIMIT_S)
        except TimeoutError:
            _log.warning("group_not_left", after_s=_STOP_LIMIT_S)

    async def seek_all(self, offsets: Mapping[TP, int]) -> None:
        """Go to these offsets, where the partition is still assigned.

        In this thread, which its consumer belongs to. Faust's `seek` is called from the main one: there it takes
        fetched records away while a fetch goes through them, and the worker ends with a KeyError.
        """
        await self.call_thread(self._seek_all, offsets)

    async def _seek_all(self, offsets: Mapping[TP, int]) -> None:
        consumer = self._ensure_consumer()
        for tp in consumer.assignment() & offsets.keys():
            self.consumer._read_offset[tp] = offsets[tp] or None
            consumer.seek(tp, offsets[tp])


class Consumer(driver.Consumer):
    """Goes to the stored position of each partition of our topics, whatever the group committed."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """Position all assigned partitions."""
        await super().perform_seek()
        transport = self.transport
        assert isinstance(transport, Transport)
        found = {tp: await transport.find(tp) for tp in self.assignment() if tp.topic in transport.topics}
        offsets = {tp: position for tp, position in found.items() if position is not None}
        assert isinstance(self._thread, ConsumerThread)
        await self._thread.seek_all(offsets)
        self._committed_offset.update(offsets)

    async def accepts(self, tp: TP, offset: int) -> bool:
        """Whether the group's coordinator takes an offset from us now: then the group means us to own the partition."""
        return bool(await self._commit({tp: offset}))

    _anew = False

    async def position_anew(self, app: faust.App) -> None:
        """Go to the stored positions once more, in the middle of reading.

        Faust's drain loop remembers the last offset it saw and drops older ones, so it has to stand still meanwhile:
        its fetch ends within a second once the flow is stopped.
        """
        if self._anew:
            return  # somebody else is at it, for all partitions
        self._anew = True
        try:
            self.stop_flow()
            app.flow_control.suspend()
            app.flow_control.clear()
            await asyncio.sleep(_FETCH_S)
            await self.perform_seek()
            app.flow_control.resume()
            self.resume_flow()
        finally:
            self._anew = False


Transport.Consumer = Consumer


def install(app: faust.App, broker: str, find: FindPosition, topics: frozenset[str]) -> None:
    """Give an app this transport; before its worker starts."""
    app.transport = Transport([URL(broker)], app, find=find, topics=topics)
