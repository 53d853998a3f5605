"""Erasing what waits to be delivered about a customer, and the records of what was; beside the partitions' owners.

Records are written once and only read after that, so they may be taken away without asking anybody. A delivery whose
record is gone fails: it says of whom it was no more.
"""

from __future__ import annotations

from collections.abc import Collection

from streams.delivery.message import read
from streams.runtime.cluster.redis_link import Client, scan, values

_SCAN = 1_000


async def erase_records(redis: Client, ids: Collection[str]) -> int:
    """Take away every stored record about these customers; how many there were. Raises CannotStart or one of
    the store's DOWN.
    """
    gone = 0
    async for keys in scan(redis, b"{decisions:*}:d:m:*", _SCAN):
        bodies = await values(redis, keys)
        theirs = [key for key, body in zip(keys, bodies, strict=True) if isinstance(body, bytes) and _about(body, ids)]
        if theirs:
            gone += int(await redis.unlink(*theirs))
    return gone


def _about(body: bytes, ids: Collection[str]) -> bool:
    try:
        return read(body).subject in ids
    except ValueError:
        return False
