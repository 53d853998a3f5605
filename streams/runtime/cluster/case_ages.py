"""How old the oldest open cases of the whole cluster are: the worker that has the signals looks, so one place says so.

What commits tell of cases is in Redis beside their customers. All of it is read now and then, never for more than a
twentieth of the time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import structlog
from mode import Service

from streams.errors import CannotStart
from streams.runtime.cluster.addresses import CaseTold
from streams.runtime.cluster.connections import Connections
from streams.runtime.cluster.door_index import DoorIndex, cases_told
from streams.runtime.cluster.redis_store import DOWN
from streams.runtime.cluster.signal_agent import SignalDesk

EVERY_SECONDS = 60.0
_REST = 20
"""Rest between two looks, in times the last one took."""
_AWAY_SECONDS = 2.0
_log = structlog.get_logger()


class CaseAges(Service):
    """Looks every minute while this worker has the signals."""

    def __init__(self, desk: SignalDesk, connections: Connections, **options: Any) -> None:
        super().__init__(**options)
        self._desk = desk
        self._connections = connections
        self._oldest: Mapping[str, int] = {}
        self._of_epoch: int | None = None

    @property
    def oldest(self) -> Mapping[str, int]:
        """Rule -> when its oldest open case was opened, UTC epoch microseconds; empty on the other workers."""
        epoch = self._desk.epoch
        return self._oldest if epoch is not None and epoch == self._of_epoch else {}

    @Service.task
    async def _keep_looking(self) -> None:
        while not self.should_stop:
            rest = _AWAY_SECONDS
            if self._desk.epoch is not None:
                began = time.monotonic()
                try:
                    await self.look()
                    rest = max(EVERY_SECONDS, _REST * (time.monotonic() - began))
                except (*DOWN, CannotStart) as error:
                    _log.debug("cases_not_read", error=type(error).__name__)
            await self.sleep(rest)

    async def look(self) -> None:
        """Once. Raises CannotStart where Redis holds no cluster's state, or one of the store's DOWN errors."""
        epoch = self._desk.epoch
        told = [(source, cases) async for source, cases, _ in cases_told(self._connections.redis)]
        self._oldest = await asyncio.to_thread(_oldest, told)
        self._of_epoch = epoch


def _oldest(told: list[tuple[str, list[CaseTold]]]) -> Mapping[str, int]:
    index = DoorIndex()
    for source, cases in told:
        index.know(source, cases, 0)
    return index.oldest_cases()
