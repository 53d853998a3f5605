"""Deliveries of the whole cluster for a door: read in Redis beside their owners, who are asked to send them again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection

from connectors.sinks.contract import abilities_of
from streams.config.structs import Config
from streams.delivery.receivers import receivers_of
from streams.delivery.waiting import Delivery
from streams.runtime.cluster.delivery_pages import before_of, cursor_of, place, view_of
from streams.runtime.cluster.delivery_requests import Again, ask, token
from streams.runtime.cluster.delivery_state import PARTITIONS, decode_delivery
from streams.runtime.cluster.redis_link import Client
from streams.runtime.cluster.redis_store import DOWN, PartitionStore
from streams.runtime.problems import Problem
from streams.runtime.service import Page, Stopped
from streams.units import HOUR

_PIECE = 1_000
_SLACK = HOUR
"""How far a worker's clock may have gone back: of two deliveries the later has the greater number, not always the
later time."""


class DeliveryDesk:
    """Satisfies `streams.runtime.service.DeliveryDesk` over all partitions, whoever has them, and those nobody has.

    Parameters
    ----------
    config
        The door's file: receivers are known by it before anything was sent to them.
    """

    def __init__(self, redis: Client, config: Config) -> None:
        self._redis = redis
        self._receivers = frozenset(receivers_of(config, abilities_of))

    async def deliveries(
        self, since: int | None, limit: int, cursor: str | None, receiver: str | None, state: str | None
    ) -> Page:
        """The last one first. Raises BadCursor, and Problem 503 while Redis does not answer."""
        before = before_of(cursor)
        found: list[Delivery] = []
        try:
            for number in range(await self._partitions()):
                chosen: list[Delivery] = []
                async for rows in self._rows(number):
                    chosen += [
                        row
                        for row in rows
                        if (receiver is None or row.receiver == receiver)
                        and (state is None or row.state == state)
                        and (since is None or row.created >= since)
                        and (before is None or place(row) < before)
                    ]
                    if not rows:
                        continue
                    chosen.sort(key=place, reverse=True)
                    del chosen[limit + 1 :]
                    oldest = min(row.created for row in rows)
                    enough = len(chosen) > limit and oldest < chosen[-1].created - _SLACK
                    if enough or (since is not None and oldest < since - _SLACK):
                        break
                found += chosen
        except DOWN as error:
            raise Problem(503, "store_away", f"Deliveries cannot be looked up now: {type(error).__name__}.") from error
        found.sort(key=place, reverse=True)
        more = cursor_of(found[limit - 1]) if len(found) > limit else None
        return Page([view_of(row) for row in found[:limit]], more)

    async def replay_delivery(self, delivery_id: int) -> bool:
        """Ask the owner to let one begin anew; False when nobody has one of that id. Raises Stopped."""
        try:
            number = delivery_id % PARTITIONS
            if delivery_id < 0 or number >= (count := await self._partitions()):
                return False
            (row,) = await self._read(number, [delivery_id])
            if row is not None:
                chosen = Again(token(), row.receiver, (delivery_id,))
                others = Again(token(), row.receiver)
                await ask(self._redis, {one: chosen if one == number else others for one in range(count)})
            return row is not None
        except DOWN as error:
            raise _away(error) from error

    async def replay_deliveries(self, receiver: str, since: int, until: int) -> int | None:
        """The same for all of a receiver that came about in [since, until) and do not wait; how many there are now.

        None when neither the file nor a delivery names the receiver. Raises Stopped.
        """
        try:
            partitions, known, count = await self._partitions(), receiver in self._receivers, 0
            again = Again(token(), receiver, (), since, until)
            for number in range(partitions):
                async for rows in self._rows(number):
                    known = known or any(row.receiver == receiver for row in rows)
                    count += sum(again.chooses(row) for row in rows)
            if not known:
                return None
            await ask(self._redis, dict.fromkeys(range(partitions), again))
            return count
        except DOWN as error:
            raise _away(error) from error

    async def _partitions(self) -> int:
        """Of the decisions; 0 before any worker has had them."""
        head = await PartitionStore(self._redis, "decisions:0").peek()
        return 0 if head is None else head.partitions

    async def _rows(self, number: int) -> AsyncIterator[list[Delivery]]:
        """All that a partition keeps, in portions, those with the greatest numbers first."""
        names = await self._redis.zrange(f"{{decisions:{number}}}:timers", 0, -1)
        ids = sorted((int(name) for name in names if isinstance(name, bytes)), reverse=True)
        for at in range(0, len(ids), _PIECE):
            yield [row for row in await self._read(number, ids[at : at + _PIECE]) if row is not None]

    async def _read(self, number: int, ids: Collection[int]) -> list[Delivery | None]:
        bodies = await self._redis.mget([f"{{decisions:{number}}}:d:{one}" for one in ids])
        return [decode_delivery(body) if isinstance(body, bytes) else None for body in bodies]


def _away(error: Exception) -> Stopped:
    return Stopped(f"Redis does not answer ({type(error).__name__}); look what became of it, and send it again")
