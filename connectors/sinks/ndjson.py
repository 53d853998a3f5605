"""Decisions as lines of a file, one public record each: `ndjson:/var/log/touchline/decisions.ndjson`.

The file is made where it is missing, its folder is not. Lines are on the disk before they count as delivered.
"""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

from connectors.sinks.contract import Opening, Receiving
from streams.delivery.message import Batch
from streams.delivery.outcome import Delivered, Outcome, Retry
from streams.delivery.receivers import Abilities


class Sink(Receiving):
    """Appends; another program may rename the file at any time, a new one is begun then."""

    abilities = Abilities(most=500)

    def __init__(self, opening: Opening) -> None:
        self._path = Path(opening.address)
        self._one_at_a_time = threading.Lock()

    async def send(self, batch: Batch) -> Outcome:
        lines = b"".join(message.body + b"\n" for message in batch.messages)
        try:
            await asyncio.to_thread(self._append, lines)
        except OSError as error:
            return Retry(f"the file cannot be written: {error.strerror or type(error).__name__}")
        return Delivered()

    def _append(self, lines: bytes) -> None:
        with self._one_at_a_time, self._path.open("ab") as file:
            end = file.tell()
            try:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), end)  # half a line would spoil the next one
                raise
