"""What a worker shows Prometheus: its own partitions, and on the worker that has the signals all that they know.

Each series comes from the one worker that owns what it tells of, so sums over workers count nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.core import Metric as Family

from streams.runtime import metric_names as names
from streams.runtime.alarm_metrics import alarm_families
from streams.runtime.care_metrics import care_families
from streams.runtime.cluster.journey_service import Slot
from streams.runtime.cluster.redis_store import Outcome
from streams.runtime.cluster.status import Reporter
from streams.runtime.delivery_metrics import delivery_families
from streams.runtime.exposition import Exposition
from streams.runtime.families import Families
from streams.runtime.metrics import bounded_sources, bounded_types, case_families, process_families
from streams.runtime.series_count import REST, SeriesCount, ceiling
from streams.runtime.view_metrics import view_families
from streams.stages.signal import SignalStage
from streams.units import SECOND

SIGNALS = "signals"
"""The label `partition` of what belongs to the signals."""


class WorkerMetrics(Exposition):
    """The collector of one worker, in a registry of its own; read on the worker's event loop."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._types, self._sources = bounded_types(), bounded_sources()
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        super().__init__(registry)

    def collect(self) -> Iterator[Family]:
        """All families, as they are now."""
        yield from self._own()
        yield from process_families(self._reporter.config)
        if self._reporter.deliveries is not None:
            yield from delivery_families(self._reporter.deliveries.health())
        stage = self._reporter.desk.stage
        if stage is not None:
            yield from self._of_signals(stage)

    def _own(self) -> Iterator[Family]:
        """The worker's, and those of its partitions."""
        reporter, journeys, desk = self._reporter, self._reporter.journeys, self._reporter.desk
        families = Families(spread=True)
        for metric, value in (
            (names.UP_TIME, reporter.uptime_seconds),
            (names.READY, int(reporter.not_ready() is None)),
            (names.EVENTS_PER_SECOND, journeys.rate.per_second()),
            (names.REBALANCES, journeys.rebalances),
            (names.SIGNALS_OWNER, int(desk.stage is not None)),
        ):
            families.add(metric, (), value)
        families.add(names.CONSUMER_RESTARTS, ("journeys",), journeys.restarts)
        families.add(names.CONSUMER_RESTARTS, (SIGNALS,), desk.restarts)
        if reporter.deliveries is not None:
            families.add(names.CONSUMER_RESTARTS, ("deliveries",), reporter.delivery_restarts)
            for number, part in sorted(reporter.deliveries.parts.items()):
                families.add(names.DECISIONS_LAG, (str(number),), part.progress.lag_seconds(reporter.now()))
                families.add(names.DECISIONS_LAG_RECORDS, (str(number),), part.progress.behind)
        for tp, slot in sorted(journeys.slots.items()):
            _partition(families, str(tp.partition), slot, reporter.now())
        if desk.stage is not None:
            families.add(names.OUTBOX, (SIGNALS,), desk.outbox)
            families.add(names.SIGNALS_LAG_RECORDS, (), reporter.watcher.signals.behind)
            families.add(names.SIGNALS_HELD_BACK, (), len(desk.stage.held_back_by))
            for outcome in Outcome:
                families.add(names.COMMITS, (SIGNALS, outcome.value), desk.commits[outcome.value])
            for name, count in desk.decided.items():
                families.add(names.DECISIONS, (name, SIGNALS), count)
        yield from families
        yield HistogramMetricFamily(
            names.PROCESSING.name,
            names.PROCESSING.help,
            buckets=journeys.latency.cumulated(),
            sum_value=journeys.latency.total,
        )

    def _of_signals(self, stage: SignalStage) -> Iterator[Family]:
        """What only the signals know, exact since the installation began."""
        totals, view = stage.totals(), stage.view()
        door = totals.door
        families = Families()
        for metric, count in (
            (names.EVENTS_READ, door.read),
            (names.EVENTS_DUPLICATE, door.duplicate),
            (names.EVENTS_LATE, door.late),
            (names.EVENTS_FUTURE, door.future),
            (names.SEEN_IDS_EVICTED, door.evicted),
        ):
            families.add(metric, (), count)
        for name, count in self._types.sums(totals.types).items():
            families.add(names.EVENTS, (name,), count)
        for name, count in self._sources.sums(totals.sources).items():
            families.add(names.SOURCE_EVENTS, (name,), count)
        series = SeriesCount()
        yield from series.families(REST, families)
        for part, shown in view_families(view.journeys, view.signals):
            yield from series.families(part, shown)
        yield from series.families(REST, care_families(totals.care, view.learning))
        yield from series.families(REST, case_families(self._reporter.oldest_cases()))
        if view.alarms is not None:
            silent = {alert.source for alert in view.alarms.alerts if alert.source is not None}
            labels = {source: self._sources.admit(source) for source in sorted(silent)}
            yield from series.families(REST, alarm_families(view.alarms, labels))
        yield from series.shown(ceiling(view.journeys, view.signals, len(stage.config.segments)))


def _partition(families: Families, number: str, slot: Slot, now: int) -> None:
    stage, counts = slot.partition.stage, slot.partition.counts
    watermark = stage.position.watermark
    for metric, value in (
        (names.PARTITION_RUNNING, int(slot.running)),
        (names.PARTITION_LAG, slot.progress.lag_seconds(now)),
        (names.PARTITION_LAG_RECORDS, slot.progress.behind),
        (names.PARTITION_RECORDS, counts.records),
        (names.PARTITION_CPU, counts.cpu_seconds),
        (names.WATERMARK, None if watermark is None else watermark / SECOND),
        (names.WATERMARK_LAG, None if watermark is None else (now - watermark) / SECOND),
        (names.TIMERS_PENDING, stage.pending_timers),
        (names.CACHED_CUSTOMERS, stage.cached),
        (names.OUTBOX, slot.partition.relay.depth),
        (names.CACHE_HITS, counts.hits),
        (names.CACHE_MISSES, counts.misses),
        (names.MISPLACED, stage.misplaced),
    ):
        families.add(metric, (number,), value)
    for outcome in Outcome:
        families.add(names.COMMITS, (number, outcome.value), counts.commits[outcome.value])
    for name, count in counts.decisions.items():
        families.add(names.DECISIONS, (name, number), count)
    for name, count in counts.invalid.items():
        families.add(names.EVENTS_INVALID, (name, number), count)
