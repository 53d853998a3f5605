"""How a worker is doing: for its web view, for whoever asks Redis about the whole cluster, and for readiness."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping

import msgspec

from streams.runtime.clock import Clock
from streams.runtime.cluster.dispatch import Dispatch
from streams.runtime.cluster.journey_service import JourneyService, Settings
from streams.runtime.cluster.signal_agent import SignalDesk
from streams.runtime.cluster.watcher import Watcher
from streams.runtime.service import ReceiverHealth


class PartitionStatus(msgspec.Struct, frozen=True):
    """One partition of the events, as its owner sees it. Offsets are of the log, times UTC epoch microseconds."""

    running: bool
    """Its records are taken."""
    trouble: str | None
    """Why not, if so."""
    epoch: int | None
    """Of its owner: one more with each."""
    read: int
    """The next record to take."""
    low: int
    """Where recovery would begin."""
    end: int | None
    """Behind the last record in the log, as far as is known."""
    lag_records: int | None
    lag_seconds: float | None
    """How long the oldest record not taken has waited at most."""
    watermark: int | None
    pending_timers: int
    outbox: int
    """Committed effects that Kafka has not acknowledged."""
    misplaced: int = 0
    """Records that lay here and belong to another partition; they were sent on."""
    events_per_second: float = 0.0
    """Records processed, over about the last ten seconds."""
    cpu_share: float = 0.0
    """Part of one core that its events took, over about the last ten seconds."""
    unheard: int = 0
    """Numbers of quotas' answers that later ones have overtaken. They come within moments, or the log has lost them."""
    config: str = ""
    """Hash of the file it follows."""


class SignalsStatus(msgspec.Struct, frozen=True):
    """The signals; everything but `trouble` means the worker that has them."""

    owner: bool
    position: int | None
    """The next of the partitions' counts to take."""
    trouble: str | None
    lag_records: int | None = None
    held_back_by: list[int] = []
    """Partitions whose counts the others wait for."""
    outbox: int = 0


class DecisionsStatus(msgspec.Struct, frozen=True):
    """One partition of the decisions, as the worker that delivers them sees it."""

    running: bool
    """Its records are taken."""
    trouble: str | None
    read: int | None
    """The next record to take."""
    lag_records: int | None = None
    lag_seconds: float | None = None
    """How long the oldest record not taken has waited at most."""
    pending: int = 0
    """Deliveries that wait."""


class WorkerStatus(msgspec.Struct, frozen=True):
    """What `/status` shows and Redis is told every few seconds."""

    worker: str
    """`--instance`, else host and process."""
    time: int
    """Of this status, UTC epoch microseconds, by the worker's clock."""
    uptime_seconds: float
    config: str
    """Hash of the worker's file."""
    not_ready: str | None
    """Why `/readyz` says no, if so."""
    partitions: dict[str, PartitionStatus]
    signals: SignalsStatus
    rebalances: int
    consumer_restarts: int
    events_per_second: float = 0.0
    """Records taken per second, over about the last ten seconds."""
    decisions: dict[str, DecisionsStatus] = {}
    """Partitions of the decisions, by number."""
    receivers: list[ReceiverHealth] = []
    """As this worker knows them; counts are since it started."""


def worker_name(settings: Settings) -> str:
    """A name by which a worker is told from the others."""
    return settings.instance or f"{socket.gethostname()}:{os.getpid()}"


class Reporter:
    """Says how a worker's parts are doing, from memory."""

    def __init__(
        self,
        settings: Settings,
        config: str,
        journeys: JourneyService,
        desk: SignalDesk,
        watcher: Watcher,
        clock: Clock,
        deliveries: Dispatch | None = None,
        oldest_cases: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self.oldest_cases = oldest_cases
        """Rule -> when its oldest open case was opened, UTC epoch microseconds; empty where another worker says so."""
        self.deliveries = deliveries
        self.config = config
        """Hash of the worker's file."""
        self.journeys = journeys
        self.desk = desk
        self.watcher = watcher
        self.worker = worker_name(settings)
        self._clock = clock
        self._began = clock.now()

    def now(self) -> int:
        """UTC epoch microseconds."""
        return self._clock.now()

    @property
    def uptime_seconds(self) -> float:
        """Since the worker started."""
        return (self._clock.now() - self._began) / 1e6

    def not_ready(self) -> str | None:
        """Why the worker does not take all that is its own; None while it does."""
        if not self.journeys.joined:
            return "joining the group"
        for tp, slot in sorted(self.journeys.slots.items()):
            if not slot.running:
                return f"partition {tp.partition}: {slot.trouble or 'opening'}"
        if self.desk.trouble is not None:
            return f"signals: {self.desk.trouble}"
        for number, trouble in sorted(self.deliveries.trouble.items() if self.deliveries is not None else ()):
            return f"decisions:{number}: {trouble}"
        return None

    def status(self) -> WorkerStatus:
        """As of now."""
        now = self._clock.now()
        partitions = {}
        for tp, slot in sorted(self.journeys.slots.items()):
            position = slot.partition.stage.position
            partitions[str(tp.partition)] = PartitionStatus(
                running=slot.running,
                trouble=slot.trouble,
                epoch=slot.partition.store.head.epoch if slot.running else None,
                read=position.read,
                low=position.low,
                end=slot.progress.end,
                lag_records=slot.progress.behind,
                lag_seconds=slot.progress.lag_seconds(now),
                watermark=position.watermark,
                pending_timers=slot.partition.stage.pending_timers,
                outbox=slot.partition.relay.depth,
                misplaced=slot.partition.stage.misplaced,
                events_per_second=slot.partition.counts.rate.per_second(),
                cpu_share=slot.partition.counts.busy.per_second() / 1e6,
                unheard=len(slot.partition.stage.unheard),
                config=slot.partition.stage.config_hash,
            )
        return WorkerStatus(
            worker=self.worker,
            time=now,
            uptime_seconds=self.uptime_seconds,
            config=self.config,
            not_ready=self.not_ready(),
            partitions=partitions,
            signals=self._signals(),
            rebalances=self.journeys.rebalances,
            consumer_restarts=self.journeys.restarts + self.desk.restarts + self.delivery_restarts,
            events_per_second=self.journeys.rate.per_second(),
            decisions=self._decisions(now),
            receivers=[] if self.deliveries is None else list(self.deliveries.health()),
        )

    @property
    def delivery_restarts(self) -> int:
        """Partitions of the decisions that were read anew because their consumer had stopped."""
        return 0 if self.deliveries is None else self.deliveries.restarts

    def _decisions(self, now: int) -> dict[str, DecisionsStatus]:
        dispatch = self.deliveries
        if dispatch is None:
            return {}
        found = {str(number): DecisionsStatus(False, trouble, None) for number, trouble in dispatch.trouble.items()}
        for number, part in dispatch.parts.items():
            trouble = dispatch.trouble.get(number)
            found[str(number)] = DecisionsStatus(
                running=trouble is None and not part.leaving,
                trouble=trouble,
                read=part.read,
                lag_records=part.progress.behind,
                lag_seconds=part.progress.lag_seconds(now),
                pending=len(part.state.waiting()),
            )
        return dict(sorted(found.items(), key=lambda one: int(one[0])))

    def _signals(self) -> SignalsStatus:
        stage = self.desk.stage
        if stage is None:
            return SignalsStatus(False, None, self.desk.trouble)
        return SignalsStatus(
            True,
            self.desk.position,
            self.desk.trouble,
            self.watcher.signals.behind,
            stage.held_back_by,
            self.desk.outbox,
        )
