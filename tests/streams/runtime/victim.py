"""A service that feeds itself and is killed: `python -m tests.streams.runtime.victim FILE.db FIRST DIE_AT MOST`.

Submits the shop's events from number FIRST on and prints `FROM TO OFFSET` for each acknowledged piece. With DIE_AT > 0
it kills itself at the DIE_AT-th progress report of the writing connection, which falls inside a transaction. With
MOST > 0 it waits to be killed once so many pieces are acknowledged: whoever listens may be slow to do it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import sys
from pathlib import Path

import structlog

from streams.runtime.embedded import Embedded, Limits
from streams.runtime.store import schema
from streams.runtime.store.store import Store
from tests.streams.runtime.shop import events, shop

COUNT = 6_000
SEED = 11
PIECE = 25
_STEPS = 400
"""SQLite instructions between two progress reports."""


def arrivals() -> list[bytes]:
    """What is submitted, piece by piece."""
    return events(COUNT, SEED, customers=300)


def die_inside_a_transaction(at: int) -> None:
    """Arrange that the process kills itself while the writer works."""
    connect = schema.connect
    left = at

    def report() -> int:
        nonlocal left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    def watched(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
        connection = connect(path, read_only=read_only)
        if not read_only:
            connection.set_progress_handler(report, _STEPS)
        return connection

    schema.connect = watched


async def main(path: Path, first: int, most: int) -> None:
    service = Embedded(shop(), Store(path), limits=Limits(cache=50, commit_seconds=0, pieces_seconds=0.02))
    await service.start()
    bodies = arrivals()
    for number, start in enumerate(range(first, len(bodies), PIECE)):
        if most and number == most:
            await asyncio.Event().wait()
        piece = bodies[start : start + PIECE]
        offsets = await service.submit(piece)
        sys.stdout.write(f"{start} {start + len(piece)} {offsets[0]}\n")
        sys.stdout.flush()
    await service.drain()
    await service.stop()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    if int(sys.argv[3]):
        die_inside_a_transaction(int(sys.argv[3]))
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[4])))
