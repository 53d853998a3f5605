"""Runs the embedded service with its HTTP side until a signal or a failure, and ends both in the right order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable

from streams.errors import CannotStart
from streams.runtime.commit import HeadMoved
from streams.runtime.embedded import Embedded
from streams.runtime.store.store import StoreFailed
from streams.runtime.web import Web

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
Beside = Callable[[asyncio.Event], Awaitable[None]]


async def serve(embedded: Embedded, web: Web, host: str, port: int, beside: Beside | None = None) -> None:
    """Start, wait for SIGINT or SIGTERM, then: take nothing more, work the rest off, commit, close.

    `beside` runs next to the service, gets the event that a signal sets, and ends the service by returning. Raises
    CannotStart when the service cannot start or has failed; the store is closed in any case.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, ended.set)
    try:
        await _run(embedded, web, host, port, ended, beside)
    except (HeadMoved, StoreFailed) as error:
        raise CannotStart(f"{embedded.store.path}: {error}") from error
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def _run(embedded: Embedded, web: Web, host: str, port: int, ended: asyncio.Event, beside: Beside | None) -> None:
    tasks: list[asyncio.Task[object]] = []
    try:
        await embedded.start()
        await web.start(host, port)
        embedded.store.lock.announce(f"[{host}]:{web.port}" if ":" in host else f"{host}:{web.port}")
        tasks = [asyncio.create_task(ended.wait()), asyncio.create_task(embedded.wait())]
        if beside is not None:
            tasks.append(asyncio.create_task(_await(beside(ended))))
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        ended.set()
        if beside is not None:
            await tasks[2]
    finally:
        embedded.close_door()
        await web.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await embedded.stop()


async def _await(work: Awaitable[None]) -> None:
    await work
