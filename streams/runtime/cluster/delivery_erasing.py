"""Erasing what waits to be delivered about a customer, and the records of what was; beside the partitions' owners.

Records are written once and only read after that, so they may be taken away without asking anybody. A delivery whose
record is gone fails: it says of whom it was no more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection

from redis.asyncio import Redis

from streams.delivery.message import read

_SCAN = 1_000


async def erase_records(redis: Redis, ids: Collection[str]) -> int:
    """Take away every stored record about these customers; how many there were. Raises one of the store's DOWN."""
    gone = 0
    async for keys in _records(redis):
        bodies = await redis.mget(keys)
        theirs = [key for key, body in zip(keys, bodies, strict=True) if isinstance(body, bytes) and _about(body, ids)]
        if theirs:
            gone += int(await redis.unlink(*theirs))
    return gone


async def _records(redis: Redis) -> AsyncIterator[list[bytes | str]]:
    cursor = 0
    while True:
        cursor, keys = await redis.scan(cursor, match="{decisions:*}:d:m:*", count=_SCAN)
        if keys:
            yield keys
        if not cursor:
            return


def _about(body: bytes, ids: Collection[str]) -> bool:
    try:
        return read(body).subject in ids
    except ValueError:
        return False
