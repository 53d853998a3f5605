"""Runs the embedded service with its HTTP side until a signal or a failure, and ends both in the right order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

from streams.errors import CannotStart, TouchlineError
from streams.runtime.commit import HeadMoved
from streams.runtime.embedded import Embedded
from streams.runtime.store.store import StoreFailed
from streams.runtime.web import Web

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def serve(
    embedded: Embedded, web: Web, host: str, port: int, beside: Callable[[asyncio.Event], Awaitable[None]] | None = None
) -> None:
    """Start, wait for SIGINT or SIGTERM, then: take nothing more, work the rest off, commit, close.

    `beside` runs next to the service, gets the event that a signal sets, and ends the service by returning. Raises
    CannotStart when the service cannot start or has failed; the store is closed in any case.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, ended.set)
    try:
        await _serve(embedded, web, host, port, ended, beside)
    except (HeadMoved, StoreFailed, OSError) as error:
        raise CannotStart(f"{embedded.store.path}: {error}") from error
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def _serve(
    embedded: Embedded,
    web: Web,
    host: str,
    port: int,
    ended: asyncio.Event,
    beside: Callable[[asyncio.Event], Awaitable[None]] | None,
) -> None:
    try:
        await embedded.start()
        await web.start(host, port)
        embedded.store.lock.announce(f"[{host}]:{web.port}" if ":" in host else f"{host}:{web.port}")
        waiting: list[asyncio.Future[object]] = [
            asyncio.ensure_future(ended.wait()),
            asyncio.ensure_future(embedded.wait()),
        ]
        if beside is not None:
            waiting.append(asyncio.ensure_future(beside(ended)))
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        ended.set()
        embedded.close_door("the service is stopping")
        await web.stop()
        if beside is not None:
            await waiting[-1]
        for task in waiting[:2]:
            task.cancel()
            with suppress(asyncio.CancelledError, TouchlineError, HeadMoved, StoreFailed):
                await task
    finally:
        await web.stop()
        await embedded.stop()
