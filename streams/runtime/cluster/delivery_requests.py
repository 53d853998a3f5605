"""What is asked of the owners of the decisions' partitions from elsewhere: to send deliveries again.

A request is durable once it is in Redis, beside the partition it is for. The partition's owner obeys it, commits, and
takes it away: an owner that dies in between leaves it to the next, so it is obeyed at least once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog
from mode import Service

from streams.delivery.attempts import PENDING
from streams.delivery.waiting import Delivery
from streams.runtime.cluster.connections import Connections
from streams.runtime.cluster.dispatch import Dispatch
from streams.runtime.cluster.redis_link import Client, executed
from streams.runtime.cluster.redis_store import DOWN
from streams.runtime.service import Stopped

EVERY_SECONDS = 1.0
_log = structlog.get_logger()


class Again(msgspec.Struct, frozen=True, array_like=True):
    """Let deliveries of a receiver begin anew, and enable it."""

    token: bytes
    """Tells it from others that ask for the same."""
    receiver: str
    ids: tuple[int, ...] = ()
    """These, whatever became of them,"""
    since: int = 0
    """and those that came about at or after this time (UTC epoch microseconds)"""
    until: int = 0
    """and before this one and do not wait."""

    def chooses(self, row: Delivery) -> bool:
        """Whether a delivery is one of them."""
        if row.receiver != self.receiver:
            return False
        return row.id in self.ids or (row.state != PENDING and self.since <= row.created < self.until)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Again).decode


def _key(partition: int) -> str:
    return f"{{decisions:{partition}}}:asked"


async def ask(redis: Client, asked: Mapping[int, Again]) -> None:
    """Leave a request for each of these partitions. Raises one of the store's DOWN errors: some may be there then."""
    for partition, again in asked.items():
        await redis.rpush(_key(partition), _encode(again))


def token() -> bytes:
    """Of a request."""
    return os.urandom(12)


class Requests(Service):
    """Looks every second what is asked of the partitions this worker has."""

    def __init__(self, dispatch: Dispatch, connections: Connections, **options: Any) -> None:
        super().__init__(**options)
        self._dispatch = dispatch
        self._connections = connections

    @Service.task
    async def _look(self) -> None:
        while not self.should_stop:
            await self.sleep(EVERY_SECONDS)
            try:
                await obey(self._connections.redis, self._dispatch)
            except DOWN as error:
                _log.debug("requests_not_read", error=type(error).__name__)
            except Stopped as error:
                _log.warning("request_not_obeyed", reason=error.reason)


async def obey(redis: Client, dispatch: Dispatch) -> int:
    """Do what is asked of the partitions that are well; how many requests. Raises Stopped or one of DOWN."""
    numbers = [number for number, part in dispatch.parts.items() if not part.leaving]
    done = 0
    for number, bodies in zip(numbers, await _waiting(redis, numbers), strict=True):
        for body in bodies:
            part = dispatch.parts.get(number)
            if part is None or part.leaving:
                break
            try:
                again = _decode(body)
            except msgspec.MsgspecError:
                _log.error("request_unreadable", partition=number)
            else:
                chosen = [row for row in part.state.rows.values() if again.chooses(row)]
                await dispatch.replay(chosen, again.receiver)
                _log.info("deliveries_replayed", partition=number, receiver=again.receiver, count=len(chosen))
            await redis.lrem(_key(number), 1, body)  # type: ignore[arg-type]  # bytes are a value as good as text
            done += 1
    return done


async def _waiting(redis: Client, numbers: Sequence[int]) -> list[list[bytes]]:
    if not numbers:
        return []
    pipeline = redis.pipeline(transaction=False)
    for number in numbers:
        pipeline.lrange(_key(number), 0, -1)
    return await executed(pipeline)
