"""The clock handed to the shells: the machine's own, or one that tests and scenarios move by hand."""

from __future__ import annotations

import asyncio
import time
from heapq import heappop, heappush
from typing import Protocol


class Clock(Protocol):
    """Time as the shell sees it. The stages never see it; it reaches them only as records."""

    def now(self) -> int:
        """UTC epoch microseconds. May be set back by the machine's owner; nobody may rely on its order."""
        ...

    async def sleep(self, duration: int) -> None:
        """Return once `duration` microseconds of this clock have passed."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1000

    async def sleep(self, duration: int) -> None:
        await asyncio.sleep(duration / 1e6)


class VirtualClock:
    """Stands still until `advance` moves it; sleepers wake in order of their time.

    Parameters
    ----------
    now
        Where it starts, UTC epoch microseconds.
    """

    def __init__(self, now: int) -> None:
        self._now = now
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> int:
        return self._now

    async def sleep(self, duration: int) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heappush(self._sleepers, (self._now + duration, self._count, future))
        await future

    def advance(self, duration: int) -> None:
        """Move on by `duration` microseconds and wake who slept until then."""
        self._now += duration
        while self._sleepers and self._sleepers[0][0] <= self._now:
            future = heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)
