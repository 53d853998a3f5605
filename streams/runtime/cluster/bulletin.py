"""Workers tell Redis how they are doing, so that one question there shows the whole cluster."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from mode import Service

from streams.runtime.cluster.connections import Connections
from streams.runtime.cluster.heard import WORKERS
from streams.runtime.cluster.redis_link import Client
from streams.runtime.cluster.redis_store import DOWN
from streams.runtime.cluster.shown_view import UNSEEN_SECONDS, VIEW, VIEW_SECONDS, VIEWERS, encode_view, shown
from streams.runtime.cluster.status import Reporter, WorkerStatus

EVERY_SECONDS = 2.0
_FORGET_SECONDS = 24 * 3600
_decode = msgspec.json.Decoder(WorkerStatus).decode
_log = structlog.get_logger()


class Bulletin(Service):
    """Tells how one worker is doing, every two seconds."""

    def __init__(self, reporter: Reporter, connections: Connections, **options: Any) -> None:
        super().__init__(**options)
        self._reporter = reporter
        self._connections = connections

    async def on_stop(self) -> None:
        """Nobody need wait until it is stale."""
        if hasattr(self._connections, "redis"):
            try:
                await self._connections.redis.hdel(WORKERS, self._reporter.worker)
            except DOWN as error:
                _log.debug("status_not_withdrawn", error=type(error).__name__)

    @Service.task
    async def _show(self) -> None:
        """The signals' view, while this worker has them: each second while somebody looks, else now and then."""
        waited = 0.0
        while not self.should_stop:
            await self.sleep(VIEW_SECONDS)
            waited += VIEW_SECONDS
            stage, epoch = self._reporter.desk.stage, self._reporter.desk.epoch
            if stage is None or epoch is None:
                continue
            try:
                redis = self._connections.redis
                if waited < UNSEEN_SECONDS and not await redis.exists(VIEWERS):
                    continue
                waited = 0.0
                await redis.set(VIEW, encode_view(shown(stage, epoch, self._reporter.now())))
            except DOWN as error:
                _log.debug("view_not_shown", error=type(error).__name__)

    @Service.task
    async def _tell(self) -> None:
        while not self.should_stop:
            try:
                await tell(self._connections.redis, self._reporter.status())
            except DOWN as error:
                _log.debug("status_not_told", error=type(error).__name__)
            await self.sleep(EVERY_SECONDS)


async def tell(redis: Client, status: WorkerStatus) -> None:
    """Put one up, and take down those nobody has heard of for a day."""
    await redis.hset(WORKERS, status.worker, msgspec.json.encode(status))
    old = [one.worker for one in await told(redis) if status.time - one.time > _FORGET_SECONDS * 1_000_000]
    if old:
        await redis.hdel(WORKERS, *old)


async def told(redis: Client) -> list[WorkerStatus]:
    """All that are up, by name; what another release wrote differently is left out."""
    found = []
    for body in (await redis.hgetall(WORKERS)).values():
        try:
            found.append(_decode(body))
        except msgspec.MsgspecError:
            continue
    return sorted(found, key=lambda one: one.worker)
