"""Notices that the file of a running service has changed, and hands it over: activated when right, refused when not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from streams.config.load import Loaded
from streams.errors import ConfigError, Fault, TouchlineError
from streams.runtime.clock import Clock
from streams.runtime.service import Stopped
from streams.runtime.store.store import StoreFailed
from streams.units import SECOND

POLL = 2 * SECOND
"""Microseconds between two looks at the file; a change is read once it has been still from one to the next."""

Mark = tuple[int, ...]
"""What tells one version of a file from another without reading it; empty while there is no file."""


class Activates(Protocol):
    """The service, as far as its file goes."""

    async def activate(self, loaded: Loaded) -> bool:
        """Let the file hold. Raises Stopped or StoreFailed: try again later."""
        ...

    def refuse(self, faults: Sequence[Fault], file: str) -> None:
        """Say what is wrong with it, and go on with the one before."""
        ...


class Reload:
    """Looks at the file every two seconds, and at once when asked (SIGHUP).

    Parameters
    ----------
    service
        Gets the file.
    path
        Where it is.
    read
        Reads it and refuses what could not be started either; called in a thread. Raises TouchlineError.
    clock
        That of the service.
    """

    def __init__(self, service: Activates, path: str, read: Callable[[], Loaded], clock: Clock) -> None:
        self._service = service
        self._path = path
        self._read = read
        self._clock = clock
        self._asked = asyncio.Event()
        self._seen: Mark | None = None
        """The file at the last look."""
        self._settled: Mark | None = None
        """The file that was taken or refused last."""

    def ask(self) -> None:
        """Read the file now, changed or not."""
        self._asked.set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            asked = await self._next()
            mark = _mark(self._path)
            still, self._seen = mark == self._seen, mark
            if asked or (still and mark != self._settled):
                await self._take(mark)

    async def _next(self) -> bool:
        """Wait for the next look; whether somebody asked for it."""
        poll = asyncio.ensure_future(self._clock.sleep(POLL))
        asked = asyncio.ensure_future(self._asked.wait())
        try:
            await asyncio.wait([poll, asked], return_when=asyncio.FIRST_COMPLETED)
            return self._asked.is_set()
        finally:
            self._asked.clear()
            poll.cancel()
            asked.cancel()

    async def _take(self, mark: Mark) -> None:
        faults: Sequence[Fault] = ()
        loaded = None
        try:
            loaded = await asyncio.to_thread(self._read)
        except ConfigError as error:
            faults = error.faults
        except TouchlineError as error:
            faults = [Fault("", 1, str(error))]
        except Exception as error:
            # A file that even the reader stumbles over must not end a service that runs well.
            structlog.get_logger("streams").error("config_unreadable", exc_info=error)
            faults = [Fault("", 1, f"cannot be read ({type(error).__name__})")]
        if _mark(self._path) != mark:
            return  # written to meanwhile: what was read may be half of it
        if loaded is None:
            self._service.refuse(faults, self._path)
        else:
            try:
                await self._service.activate(loaded)
            except (Stopped, StoreFailed):
                return
        self._settled = mark


def _mark(path: str) -> Mark:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
