"""The log: appends that many callers share one transaction for, and reading it in order."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import msgspec

from streams.model import Record
from streams.runtime.store.thread import ConnectionThread

GROUP = 2_000
"""Records that one transaction takes; a longer call has one of its own."""


class Entry(msgspec.Struct, frozen=True):
    """A record to append."""

    received: int
    """UTC epoch microseconds."""
    body: bytes
    internal: bool = False
    """Written by the service itself; see `Record.internal`."""


class Log:
    """Appends to the log's end. A call is durable, whole, when its future has a result.

    Appends wait for each other only while a transaction is running: whatever has gathered meanwhile shares the next
    one. So a lone event pays one flush of the disk and a flood pays one per two thousand.
    """

    def __init__(self, writer: ConnectionThread, next_offset: int, reach: int) -> None:
        self.next_offset = next_offset
        """The offset the next record gets; moves when an append is durable."""
        self.reach = reach
        """Bytes ever written to the log."""
        self.listener: Callable[[list[Record]], None] | None = None
        """Gets every durable record once, in order, before the one who appended it hears of it."""
        self._writer = writer
        self._gathered: deque[tuple[Sequence[Entry], asyncio.Future[list[Record]]]] = deque()
        self._lock = threading.Lock()
        self._round: asyncio.Task[None] | None = None

    def append(self, entries: Sequence[Entry]) -> asyncio.Future[list[Record]]:
        """The records as they stand in the log, once they are durable. All of them or none. Called on the loop."""
        future: asyncio.Future[list[Record]] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._gathered.append((entries, future))
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._rounds())
        return future

    async def settle(self) -> None:
        """Wait until all that was handed over is durable or has failed."""
        while self._round is not None and not self._round.done():
            await asyncio.wait([self._round])

    async def _rounds(self) -> None:
        while self._gathered:
            taken: list[tuple[Sequence[Entry], asyncio.Future[list[Record]]]] = []
            written: list[list[Record]] = []

            def job(
                connection: sqlite3.Connection,
                taken: list[tuple[Sequence[Entry], asyncio.Future[list[Record]]]] = taken,
                written: list[list[Record]] = written,
            ) -> tuple[int, int]:
                taken.extend(self._take())
                return self._write(connection, [entries for entries, _ in taken], written)

            try:
                self.next_offset, self.reach = await self._writer.run(job)
            except Exception as error:
                for _, future in taken or self._take():
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), records in zip(taken, written, strict=True):
                if self.listener is not None:
                    self.listener(records)
                if not future.done():
                    future.set_result(records)

    def _take(self) -> Iterator[tuple[Sequence[Entry], asyncio.Future[list[Record]]]]:
        count = 0
        while True:
            with self._lock:
                if not self._gathered or (count and count + len(self._gathered[0][0]) > GROUP):
                    return
                entry = self._gathered.popleft()
            count += len(entry[0])
            yield entry

    def _write(
        self, connection: sqlite3.Connection, calls: Sequence[Sequence[Entry]], written: list[list[Record]]
    ) -> tuple[int, int]:
        offset, reach = self.next_offset, self.reach
        rows = []
        for entries in calls:
            records = []
            for entry in entries:
                reach += len(entry.body)
                rows.append((offset, entry.received, entry.internal, reach, entry.body))
                records.append(Record(offset, entry.received, entry.body, entry.internal))
                offset += 1
            written.append(records)
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?)", rows)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return offset, reach


def append_directly(connection: sqlite3.Connection, body: bytes, received: int) -> int:
    """Append one record while no service runs; its offset, durable."""
    connection.execute("BEGIN IMMEDIATE")
    offset, reach = log_end(connection)
    connection.execute("INSERT INTO log VALUES (?, ?, 0, ?, ?)", (offset, received, reach + len(body), body))
    connection.execute("COMMIT")
    return offset


def read_log(connection: sqlite3.Connection, start: int, limit: int, size: int) -> list[Record]:
    """Up to `limit` records from offset `start`, at least one and then no more than fit into `size` bytes."""
    records = []
    for offset, received, internal, body in connection.execute(
        "SELECT offset, received, internal, body FROM log WHERE offset >= ? ORDER BY offset LIMIT ?", (start, limit)
    ):
        records.append(Record(offset, received, body, bool(internal)))
        size -= len(body)
        if size <= 0:
            break
    return records


def log_end(connection: sqlite3.Connection) -> tuple[int, int]:
    """The next offset and the bytes ever written."""
    row = connection.execute("SELECT offset, reach FROM log ORDER BY offset DESC LIMIT 1").fetchone()
    return (0, 0) if row is None else (row[0] + 1, row[1])
