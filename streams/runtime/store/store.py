"""The embedded store as the service sees it: one writer, readers beside it, and nothing that waits for the disk
on the event loop."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TypeVar

from streams.errors import CannotStart
from streams.model import Record
from streams.runtime import commit as commits
from streams.runtime.commit import Commit, Head
from streams.runtime.retention import Retention
from streams.runtime.service import Page, Published, StoredDeadLetter
from streams.runtime.store import pages, schema
from streams.runtime.store.committing import read_head, write_commit
from streams.runtime.store.forgetting import Forgotten
from streams.runtime.store.lock import FileLock
from streams.runtime.store.log import Entry, Log, log_end, read_log
from streams.runtime.store.thread import ConnectionThread

T = TypeVar("T")
_KEYS = 250
_WAL_LIMIT = 64 * 1024**2
"""Bytes of write-ahead log beyond which it is copied into the file; it shrinks to `journal_size_limit` when it starts
anew, so its size says how much there is to copy."""


class StoreFailed(Exception):
    """The disk refused (full, failing); nothing of the call is stored, and it may be tried again."""


class Store:
    """Opens the file, takes its lock, and closes both. Everything else is called on one event loop.

    Raises CannotStart where the file is locked, none of ours, newer than this release, or cannot be written.
    """

    def __init__(self, path: Path, *, retention: Retention | None = None, listen: str | None = None) -> None:
        self.path = path
        self.lock = FileLock(path, listen)
        try:
            schema.prepare(path)
            connection = schema.connect(path)
            try:
                self.head_body = read_head(connection)
                """The stored head; empty before the first commit."""
                self.head = commits.decode(self.head_body) if self.head_body else None
                end = log_end(connection)
                first = connection.execute("SELECT min(offset) FROM log").fetchone()[0]
                self.first_offset: int = end[0] if first is None else first
                """Smallest offset the log still has."""
                self.letters = pages.letter_counts(connection)
            finally:
                connection.close()
        except sqlite3.Error as error:
            self.lock.release()
            raise CannotStart(f"{path}: {schema.explain(error)}") from None
        except ValueError as error:
            self.lock.release()
            raise CannotStart(f"{path}: {error}") from None
        except BaseException:
            self.lock.release()
            raise
        self.retention = retention or Retention()
        """What is kept how long; may change at any time."""
        self._writer = ConnectionThread("store-writer", lambda: schema.connect(path))
        self._reader = ConnectionThread("store-reader", lambda: schema.connect(path, read_only=True))
        self._viewer = ConnectionThread("store-viewer", lambda: schema.connect(path, read_only=True))
        self._log = Log(self._writer, *end)
        self._checkpoint: asyncio.Task[None] | None = None
        self._wal = path.with_name(path.name + "-wal")

    # -- the log ---------------------------------------------------------------------------------------------------

    @property
    def next_offset(self) -> int:
        """The offset the next record gets."""
        return self._log.next_offset

    def listen(self, listener: Callable[[list[Record]], None]) -> None:
        """`listener` gets every record that becomes durable from now on, in order."""
        self._log.listener = listener

    async def append(self, entries: Sequence[Entry]) -> list[Record]:
        """The records with their offsets, once durable: all of them, or StoreFailed and none."""
        try:
            return await self._log.append(entries)
        except sqlite3.Error as error:
            raise StoreFailed(schema.explain(error)) from error

    async def records(self, start: int, limit: int, size: int = 16 * 1024**2) -> list[Record]:
        """Up to `limit` records from offset `start` on, at least one and about `size` bytes at most."""
        return await self._reader.run(lambda connection: read_log(connection, start, limit, size))

    async def internal_records(self, start: int) -> list[Record]:
        """The service's own records from offset `start` on."""

        def job(connection: sqlite3.Connection) -> list[Record]:
            return [
                Record(offset, received, body, True)
                for offset, received, body in connection.execute(
                    "SELECT offset, received, body FROM log WHERE offset >= ? AND internal = 1 ORDER BY offset",
                    (start,),
                )
            ]

        return await self._reader.run(job)

    # -- state -----------------------------------------------------------------------------------------------------

    async def states(self, keys: Collection[str]) -> dict[str, bytes | None]:
        """Stored states of customers; None where nothing is stored."""
        return await self._reader.run(lambda connection: _states(connection, list(keys)))

    async def timers(self) -> list[tuple[str, int]]:
        """Every timer: customer key and time, UTC epoch microseconds."""
        return await self._reader.run(lambda connection: connection.execute("SELECT key, due FROM timers").fetchall())

    async def partials(self, start: int, limit: int) -> list[bytes]:
        """Stored partials from number `start` on, in order."""

        def job(connection: sqlite3.Connection) -> list[bytes]:
            rows = connection.execute(
                "SELECT body FROM partials WHERE sequence >= ? ORDER BY sequence LIMIT ?", (start, limit)
            )
            return [row[0] for row in rows]

        return await self._reader.run(job)

    async def pieces(self) -> dict[str, bytes]:
        """SignalStage as stored."""
        return await self._reader.run(
            lambda connection: dict(connection.execute("SELECT name, body FROM pieces").fetchall())
        )

    async def commit(self, commit: Commit) -> None:
        """Store it whole. Raises HeadMoved (stop) or StoreFailed (nothing stored; try the same commit again)."""
        try:
            excess, retention = self._excess(commit), self.retention
            forgotten = await self._writer.run(lambda connection: write_commit(connection, commit, retention, excess))
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise StoreFailed(schema.explain(error)) from error
        self.head_body = commit.head
        if forgotten.log_from is not None:
            self.first_offset = forgotten.log_from
        self._count_letters(commit, forgotten)
        if (self._checkpoint is None or self._checkpoint.done()) and self._wal_size() > _WAL_LIMIT:
            self._checkpoint = asyncio.create_task(self._copy_wal())

    def _excess(self, commit: Commit) -> tuple[int, int]:
        """Dead letters, and bytes of them, that will be held beyond the limits."""
        rows = sum(self.letters.held.values()) + len(commit.dead_letters)
        size = self.letters.held_bytes + sum(len(letter.body) for letter in commit.dead_letters)
        return rows - self.retention.letters, size - self.retention.letters_size

    def _count_letters(self, commit: Commit, forgotten: Forgotten) -> None:
        letters = self.letters
        for letter in commit.dead_letters:
            letters.held_bytes += len(letter.body)
            for counts in (letters.held, letters.invalid):
                counts[letter.reason] = counts.get(letter.reason, 0) + 1
        letters.held_bytes -= forgotten.dropped_bytes
        for reason, count in forgotten.dropped.items():
            letters.held[reason] -= count
            letters.dropped[reason] = letters.dropped.get(reason, 0) + count

    # -- files (configurations) ------------------------------------------------------------------------------------

    async def keep_config(self, config_hash: str, name: str, text: str) -> None:
        """Keep a configuration file's text under its hash."""
        row = (config_hash, name, text)
        await self.write(lambda con: con.execute("INSERT OR IGNORE INTO configs VALUES (?, ?, ?)", row).rowcount)

    async def configs(self) -> dict[str, tuple[str, str]]:
        """Kept configuration files: hash -> (name, text)."""

        def job(connection: sqlite3.Connection) -> dict[str, tuple[str, str]]:
            rows = connection.execute("SELECT hash, name, text FROM configs")
            return {row[0]: (row[1], row[2]) for row in rows}

        return await self._reader.run(job)

    async def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a small change of its own, in turn with the commits. Raises StoreFailed."""
        try:
            return await self._writer.run(job)
        except sqlite3.Error as error:
            raise StoreFailed(schema.explain(error)) from error

    # -- lists -----------------------------------------------------------------------------------------------------

    async def view(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a read that may take long, away from the stage's reads."""
        return await self._viewer.run(job)

    async def decisions(self, since: int | None, limit: int, cursor: str | None) -> Page:
        return await self.view(lambda connection: pages.decisions_page(connection, since, limit, cursor))

    async def decisions_after(self, decision_id: str, limit: int) -> Sequence[Published]:
        return await self.view(lambda connection: pages.decisions_after(connection, decision_id, limit))

    async def dead_letters_list(self, since: int | None, limit: int, cursor: str | None) -> Page:
        return await self.view(lambda connection: pages.dead_letters_page(connection, since, limit, cursor))

    async def dead_letter(self, letter_id: int) -> StoredDeadLetter | None:
        return await self.view(lambda connection: pages.dead_letter(connection, letter_id))

    async def mark_redriven(self, letter_id: int) -> None:
        """Its bytes are in the log again; it is no longer counted as held."""
        marked = await self._writer.run(lambda connection: pages.mark_redriven(connection, letter_id))
        if marked is not None:
            self.letters.held[marked[0]] -= 1
            self.letters.held_bytes -= marked[1]

    async def decision_counts(self) -> dict[str, int]:
        """Decisions so far by type, those let go included."""
        return await self.view(pages.decision_counts)

    # -- the file --------------------------------------------------------------------------------------------------

    def size(self) -> int:
        """Bytes of the file and its write-ahead log."""
        try:
            return os.stat(self.path).st_size + self._wal_size()
        except FileNotFoundError:
            return 0

    async def close(self) -> None:
        """Finish what was handed over, fold the write-ahead log into the file, let go of the lock."""
        await self._log.settle()
        if self._checkpoint is not None:
            await asyncio.wait([self._checkpoint])
        await self._reader.close()
        await self._viewer.close()
        await self._writer.close()
        self.lock.release()

    async def _copy_wal(self) -> None:
        """Copy beside the writer first, so that the writer's own round has little left and the log starts anew."""
        try:
            await asyncio.to_thread(self._copy_beside)
            await self._writer.run(_passive_checkpoint)
        except sqlite3.Error:
            return  # the next commit tries again; the write-ahead log is whole

    def _copy_beside(self) -> None:
        connection = schema.connect(self.path)
        try:
            _passive_checkpoint(connection)
        finally:
            connection.close()

    def _wal_size(self) -> int:
        try:
            return os.stat(self._wal).st_size
        except FileNotFoundError:
            return 0


def new_head(before: Head | None, config: str) -> Head:
    """The head with which an owner claims the store: the epoch is raised once."""
    if before is None:
        return Head(commits.FORMAT, 1, 0, os.urandom(8), 1, 0, 0, None, config, signal_config=config)
    return Head(
        commits.FORMAT,
        before.epoch + 1,
        before.commit + 1,
        os.urandom(8),
        before.partitions,
        before.read,
        before.low,
        before.watermark,
        before.config,
        before.sequences,
        before.signal_read,
        before.signal_config,
        before.stage,
    )


def _states(connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = dict.fromkeys(keys)
    for start in range(0, len(keys), _KEYS):
        some = list(keys[start : start + _KEYS])
        some += some[:1] * (_KEYS - len(some))  # one shape of statement, so it is prepared once
        marks = ",".join("?" * _KEYS)
        found.update(connection.execute(f"SELECT key, state FROM customers WHERE key IN ({marks})", some).fetchall())
    return found


def _passive_checkpoint(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
