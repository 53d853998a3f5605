"""The outbox as the delivery service sees it: what is due, and outcomes that share one transaction."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from streams.delivery.attempts import Attempted, Due
from streams.delivery.grouping import Key, Told
from streams.delivery.receivers import Receiver
from streams.runtime.clock import Clock
from streams.runtime.service import Page
from streams.runtime.store import deliveries, delivery_pages, schema
from streams.runtime.store.deliveries import ReceiverRow
from streams.runtime.store.store import Store, StoreFailed
from streams.units import SECOND

T = TypeVar("T")
_Outcome = tuple[str, Sequence[Attempted], str | None]


class Outbox:
    """Reads and changes deliveries. Outcomes gather while a transaction is running and share the next one.

    Every method raises StoreFailed where the disk refuses, but for `record`, which goes on asking it.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._gathered: list[tuple[_Outcome, asyncio.Future[None]]] = []
        self._round: asyncio.Task[None] | None = None

    async def due(
        self, receiver: Receiver, limit: int, busy: Collection[int]
    ) -> tuple[Sequence[Sequence[Due]], int | None]:
        """Batches that may leave now, and when the next may; `busy` are under way."""
        able, now = receiver.abilities, self._clock.now()
        return await self._read(lambda connection: deliveries.due(connection, receiver.name, now, limit, able, busy))

    async def open_records(self, receiver: str) -> Sequence[bytes]:
        """Records of what a receiver knows to be open."""
        return await self._read(lambda connection: deliveries.open_records(connection, receiver))

    async def told(self) -> dict[Key, Told]:
        return await self._read(deliveries.told)

    async def receivers(self) -> dict[str, ReceiverRow]:
        return await self._read(deliveries.receiver_rows)

    async def know(self, addresses: Mapping[str, str]) -> None:
        """Keep these receivers (name -> hash of the address). Raises StoreFailed."""

        def job(connection: sqlite3.Connection) -> None:
            with _transaction(connection):
                deliveries.know_receivers(connection, addresses)

        await self._store.write(job)

    async def record(self, receiver: str, attempts: Sequence[Attempted], gone: str | None) -> None:
        """Returns once it is durable. A disk that refuses is asked again, for what was sent is sent."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gathered.append(((receiver, attempts, gone), future))
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._rounds())
        await future

    async def page(
        self, since: int | None, limit: int, cursor: str | None, receiver: str | None, state: str | None
    ) -> Page:
        """Raises BadCursor."""
        return await self._read(
            lambda connection: delivery_pages.deliveries_page(connection, since, limit, cursor, receiver, state)
        )

    async def replay_one(self, delivery_id: int) -> str | None:
        """Raises StoreFailed."""
        now = self._clock.now()

        def job(connection: sqlite3.Connection) -> str | None:
            with _transaction(connection):
                return delivery_pages.replay_one(connection, delivery_id, now)

        return await self._store.write(job)

    async def replay_many(self, receiver: str, since: int, until: int) -> int:
        """Raises StoreFailed."""
        now = self._clock.now()

        def job(connection: sqlite3.Connection) -> int:
            with _transaction(connection):
                return delivery_pages.replay_many(connection, receiver, since, until, now)

        return await self._store.write(job)

    async def _read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._store.view(job)
        except sqlite3.Error as error:
            raise StoreFailed(schema.explain(error)) from error

    async def settle(self) -> None:
        """Wait until what was handed over is durable; a disk that refuses is not waited for."""
        if self._round is not None and not self._round.done():
            await asyncio.wait([self._round], timeout=2.0)
            self._round.cancel()

    async def _rounds(self) -> None:
        while self._gathered:
            taken, self._gathered = self._gathered, []
            await self._write([outcome for outcome, _ in taken])
            for _, future in taken:
                if not future.done():
                    future.set_result(None)

    async def _write(self, outcomes: Sequence[_Outcome]) -> None:
        now = self._clock.now()

        def job(connection: sqlite3.Connection) -> None:
            with _transaction(connection):
                for receiver, attempts, gone in outcomes:
                    deliveries.write_attempts(connection, receiver, attempts, gone, now)

        while True:
            try:
                return await self._store.write(job)
            except StoreFailed:
                await self._clock.sleep(SECOND)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing of what is written inside."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
