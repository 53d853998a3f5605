"""A thread that owns one SQLite connection and does one job after the other, for an asyncio loop."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_Job = tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any], asyncio.AbstractEventLoop]


class ConnectionThread:
    """Jobs run in the order they were handed over; `run` and `close` are called on an event loop.

    Parameters
    ----------
    name
        Shown in debuggers.
    connect
        Opens the connection, on the thread.
    """

    def __init__(self, name: str, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def run(self, job: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """The job's result, once done. A job that was handed over is done even if nobody waits for it any more."""
        if self._closed:
            raise RuntimeError("the store is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put((job, future, loop))
        return future

    async def close(self) -> None:
        """Do what was handed over, then end the thread."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        try:
            while (entry := self._jobs.get()) is not None:
                job, future, loop = entry
                try:
                    if connection is None:
                        connection = self._connect()
                    result = job(connection)
                except Exception as error:  # whatever it is, it belongs to the one who waits
                    _tell(loop, future, None, error)
                else:
                    _tell(loop, future, result, None)
        finally:
            if connection is not None:
                connection.close()


def _tell(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], result: object, error: Exception | None
) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(_settle, future, result, error)


def _settle(future: asyncio.Future[Any], result: object, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
