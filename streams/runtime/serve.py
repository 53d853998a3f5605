"""Runs the embedded service with its HTTP side until a signal or a failure, and ends both in the right order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from streams.errors import CannotStart
from streams.runtime.commit import HeadMoved
from streams.runtime.embedded import Embedded
from streams.runtime.reload import Reload
from streams.runtime.store.store import StoreFailed
from streams.runtime.web import Web

_ENDING = (signal.SIGINT, signal.SIGTERM)


async def serve(
    embedded: Embedded, web: Web, host: str, port: int, *, reload: Reload, started: Callable[[], None]
) -> None:
    """Start, wait for SIGINT or SIGTERM, then: take nothing more, work the rest off, commit, close.

    `reload` follows the file meanwhile, at once on SIGHUP; `started` is called when the service listens. Raises
    CannotStart when the service cannot start or has failed; the store is closed in any case.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _ENDING:
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGHUP, reload.ask)
    try:
        await _run(embedded, web, host, port, ended, reload, started)
    except (HeadMoved, StoreFailed) as error:
        raise CannotStart(f"{embedded.store.path}: {error}") from error
    finally:
        for number in (*_ENDING, signal.SIGHUP):
            loop.remove_signal_handler(number)


async def _run(
    embedded: Embedded,
    web: Web,
    host: str,
    port: int,
    ended: asyncio.Event,
    reload: Reload,
    started: Callable[[], None],
) -> None:
    tasks: list[asyncio.Task[object]] = []
    try:
        await embedded.start()
        await web.start(host, port)
        embedded.store.lock.announce(f"[{host}]:{web.port}" if ":" in host else f"{host}:{web.port}")
        started()
        tasks = [asyncio.create_task(work) for work in (ended.wait(), embedded.wait(), reload.run())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        embedded.close_door()
        await web.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await embedded.stop()
