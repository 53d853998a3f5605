"""What the embedded service itself says in its log: which file and which `when` hold, verdicts, how late it is."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from streams.codec import encode
from streams.model import Event, Record
from streams.runtime.clock import Clock
from streams.runtime.partition import Partition
from streams.runtime.service import Stopped
from streams.runtime.store.log import Entry
from streams.stages.journey import CONFIG_ACTIVATED, STOOD, TIME_ADVANCED
from streams.stages.lessons import LESSON
from streams.stages.verdicts import JUDGED
from streams.units import SECOND, format_time

_SOURCE = "touchline"
_STRIDE = 60 * SECOND
_MOST_STRIDES = 200


def strides(watermark: int, now: int) -> list[int]:
    """Times (UTC epoch microseconds) by which to move from the watermark to now, the last one now.

    After a long rest, such as a night without power, everything that has fallen due would fire at once: it comes
    minute by minute instead, in at most 200 portions, so that the service goes on answering meanwhile.
    """
    count = max(1, min(_MOST_STRIDES, (now - watermark) // _STRIDE))
    return [now - (now - watermark) * (count - at) // count for at in range(1, count)] + [now]


class OwnRecords:
    """Written in between the events of customers, so that reading the log again brings the same about.

    `append` makes entries durable and raises Stopped where the disk refuses; what SignalStage has to say is then said
    the next time.
    """

    def __init__(
        self, partition: Partition, clock: Clock, append: Callable[[Sequence[Entry]], Awaitable[list[Record]]]
    ) -> None:
        self._partition = partition
        self._clock = clock
        self._append = append
        self._stood: frozenset[str] | None = None
        """What the log was last told of `when`."""
        self._judged = 0
        """Number of the next verdicts of quotas to tell the log."""
        self._taught = 0
        """Number of the next lesson to tell the log."""

    async def activated(self, config: str) -> Record:
        """From here on the file of this hash holds. Raises Stopped."""
        (record,) = await self._write(CONFIG_ACTIVATED, {"hash": config})
        return record

    async def standing(self) -> None:
        """Which rules' `when` holds, where the log says otherwise; after a crash it is said again."""
        standing = self._partition.signals.stage.standing
        if standing in (self._partition.stage.standing, self._stood):
            return
        with contextlib.suppress(Stopped):
            await self._write(STOOD, {"rules": sorted(standing)})
            self._stood = standing

    async def verdicts(self) -> None:
        """What quotas have decided; after a crash it is said again, and heard once."""
        stage, quotas = self._partition.stage, self._partition.signals.stage.quotas
        quotas.confirmed(stage.partition, stage.verdicts)
        waiting = [one for one in quotas.untold(stage.partition) if one.number >= self._judged]
        with contextlib.suppress(Stopped):
            for verdicts in waiting:
                await self._write(JUDGED, msgspec.to_builtins(verdicts))
                self._judged = verdicts.number + 1

    async def lessons(self) -> None:
        """What was learnt; after a crash it is said again, and heard once."""
        stage, learning = self._partition.stage, self._partition.signals.stage.learning
        learning.confirmed(stage.lessons)
        waiting = [one for one in learning.untold if one.number >= self._taught]
        with contextlib.suppress(Stopped):
            for lesson in waiting:
                await self._write(LESSON, msgspec.to_builtins(lesson))
                self._taught = lesson.number + 1

    async def time(self, now: int) -> None:
        """How late it is, unless nothing has come at all: what comes first may be history, passed by otherwise."""
        watermark = self._partition.stage.position.watermark
        if watermark is not None or self._partition.stage.counting:
            with contextlib.suppress(Stopped):
                await self._write(TIME_ADVANCED, times=strides(now if watermark is None else watermark, now))

    async def _write(
        self, kind: str, data: dict[str, Any] | None = None, times: Sequence[int] | None = None
    ) -> list[Record]:
        now = self._clock.now()
        entries = []
        for told in times or [now]:
            name = f"{kind.rsplit('.', 1)[-1]}-{told}"
            event = Event(id=name, source=_SOURCE, type=kind, time=format_time(told), data=data)
            entries.append(Entry(now, encode(event), True))
        return await self._append(entries)
