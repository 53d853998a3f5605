"""Where workers say how they are, and which files those run that were heard of lately."""

from __future__ import annotations

import msgspec

from streams.runtime.cluster.redis_link import Client

WORKERS = "touchline:workers"
"""Hash: name of a worker -> its latest WorkerStatus, as JSON."""
STALE_SECONDS = 15
"""A worker not heard of for so long is not there."""


class _Told(msgspec.Struct, frozen=True):
    """As much of a WorkerStatus as is needed here, whatever release wrote it."""

    time: int
    config: str


_decode = msgspec.json.Decoder(_Told).decode


async def files_running(redis: Client, now: int) -> frozenset[str]:
    """Hashes of their files; `now` is UTC epoch microseconds."""
    found = set()
    for body in (await redis.hgetall(WORKERS)).values():
        try:
            told = _decode(body)
        except msgspec.MsgspecError:
            continue
        if now - told.time < STALE_SECONDS * 1_000_000:
            found.add(told.config)
    return frozenset(found)
