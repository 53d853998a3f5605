"""Shows the service to Prometheus: every scrape is made anew from the views, so series that end vanish.

Nothing here counts events; the numbers are the stages' own exact totals. The registry is the caller's.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.core import (
    Metric as Family,
)

from streams.runtime import metric_names as names
from streams.runtime.alarm_metrics import alarm_families
from streams.runtime.care_metrics import care_families
from streams.runtime.delivery_metrics import delivery_families
from streams.runtime.exposition import Exposition
from streams.runtime.families import Families
from streams.runtime.metric_names import Metric
from streams.runtime.series_count import REST, SeriesCount, ceiling
from streams.runtime.service import Health, Internals, Service
from streams.runtime.view_metrics import view_families
from streams.units import SECOND, parse_time
from streams.view import AlarmsView, JourneyView, SignalView

OTHER = "other"
MAX_TYPES = 100
MAX_SOURCES = 50
_TYPE = re.compile(r"[a-z][a-z_]{0,31}(\.[a-z][a-z_]{0,31}){1,4}")
"""An event type worth a label: words joined by dots; digits or @ may be somebody's id."""
_SOURCE = re.compile(r"(?!.*[0-9]{4})[A-Za-z/][A-Za-z0-9_./:-]{0,63}")

Request = tuple[str, str, int]
"""Method, route's pattern, status."""


class Bounded:
    """The first names seen keep a label of their own; the rest, and what does not look like a name, share `other`."""

    def __init__(self, limit: int, pattern: re.Pattern[str]) -> None:
        self._limit = limit
        self._pattern = pattern
        self._admitted: set[str] = set()

    def admit(self, name: str) -> str:
        """The label for a name. Once admitted always admitted, or its counter would fall."""
        if name in self._admitted:
            return name
        if name != OTHER and len(self._admitted) < self._limit and self._pattern.fullmatch(name):
            self._admitted.add(name)
            return name
        return OTHER

    def sums(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Counts by label."""
        result: dict[str, int] = {}
        for name, count in counts.items():
            label = self.admit(name)
            result[label] = result.get(label, 0) + count
        return result


def bounded_types() -> Bounded:
    """Labels for event types."""
    return Bounded(MAX_TYPES, _TYPE)


def bounded_sources() -> Bounded:
    """Labels for sources."""
    return Bounded(MAX_SOURCES, _SOURCE)


class Snapshot(msgspec.Struct, frozen=True):
    """Everything one scrape shows, read at one moment."""

    journeys: tuple[JourneyView, ...]
    signals: tuple[SignalView, ...]
    alarms: AlarmsView | None
    health: Health
    internals: Internals
    requests: dict[Request, int]
    stream_clients: int
    types: dict[str, int]
    sources: dict[str, int]
    silent: dict[str, str]
    """Source -> its label, of the alerts about silence."""
    oldest_cases: Mapping[str, int]
    """Rule -> opening of its oldest open case, UTC epoch microseconds."""


class Metrics(Exposition):
    """The collector of one service, in the registry it was given.

    A scrape is read on the event loop (`gather`) and may be written in a thread (`expose`), as that takes a while.
    """

    def __init__(
        self,
        service: Service,
        registry: CollectorRegistry,
        *,
        stream_clients: Callable[[], int] = lambda: 0,
    ) -> None:
        self._service = service
        self._stream_clients = stream_clients
        self._types, self._sources = bounded_types(), bounded_sources()
        self._snapshot: Snapshot | None = None
        self.requests: dict[Request, int] = {}
        super().__init__(registry)

    def count_request(self, method: str, route: str, status: int) -> None:
        """One request answered. `route` is the pattern, never the path."""
        key = (method if method in _METHODS else OTHER, route, status)
        self.requests[key] = self.requests.get(key, 0) + 1

    def gather(self, oldest_cases: Mapping[str, int] | None = None) -> None:
        """Read the service, on its event loop; what `expose` writes next.

        `oldest_cases`: rule -> opening of its oldest open case, UTC epoch microseconds.
        """
        internals, alarms = self._service.internals(), self._service.alarms()
        silent = [] if alarms is None else [alert.source for alert in alarms.alerts if alert.source is not None]
        self._snapshot = Snapshot(
            journeys=tuple(self._service.journeys()),
            signals=tuple(self._service.signals()),
            alarms=alarms,
            health=self._service.health(),
            internals=internals,
            requests=dict(self.requests),
            stream_clients=self._stream_clients(),
            types=self._types.sums(internals.types),
            sources=self._sources.sums(internals.sources),
            silent={source: self._sources.admit(source) for source in silent},
            oldest_cases=oldest_cases or {},
        )

    def collect(self) -> Iterator[Family]:
        """The families of the last `gather`."""
        snapshot = self._snapshot
        if snapshot is None:
            return
        count = SeriesCount()
        yield from count.families(REST, _service_families(snapshot))
        for part, shown in view_families(snapshot.journeys, snapshot.signals):
            yield from count.families(part, shown)
        yield from count.families(REST, care_families(snapshot.internals.care, snapshot.internals.learning))
        yield from count.families(REST, case_families(snapshot.oldest_cases))
        yield from count.families(REST, delivery_families(snapshot.health.receivers))
        if snapshot.alarms is not None:
            yield from count.families(REST, alarm_families(snapshot.alarms, snapshot.silent))
        yield from count.shown(ceiling(snapshot.journeys, snapshot.signals, snapshot.internals.dimensions))


_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def _service_families(snapshot: Snapshot) -> Iterator[Family]:
    health, internals = snapshot.health, snapshot.internals
    door = health.events
    families = Families()
    for metric, count in (
        (names.EVENTS_READ, door.read),
        (names.EVENTS_DUPLICATE, door.duplicate),
        (names.EVENTS_LATE, door.late),
        (names.EVENTS_FUTURE, door.future),
        (names.SEEN_IDS_EVICTED, internals.evicted_ids),
        (names.EVENTS_PER_SECOND, health.events_per_second),
        (names.TIMERS_PENDING, health.pending_timers),
        (names.LOG_ROWS, internals.log_rows),
        (names.STORE_SIZE, internals.store_bytes),
        (names.CACHED_CUSTOMERS, internals.cached_customers),
        (names.UP_TIME, health.uptime_seconds),
        (names.READY, 1 if health.status == "ok" else 0),
        (names.STREAM_CLIENTS, snapshot.stream_clients),
        (names.WATERMARK_LAG, health.lag_seconds),
        (names.CONFIG_REFUSED, 0 if health.config.refused is None else 1),
    ):
        families.add(metric, (), count)
    if health.watermark is not None:
        families.add(names.WATERMARK, (), parse_time(health.watermark) / SECOND)
    for metric, counts in (
        (names.EVENTS, snapshot.types),
        (names.SOURCE_EVENTS, snapshot.sources),
        (names.EVENTS_INVALID, internals.invalid),
        (names.DEAD_LETTERS, internals.dead_letters),
        (names.DEAD_LETTERS_DROPPED, internals.dropped_dead_letters),
        (names.DECISIONS, internals.decisions),
    ):
        for name, count in counts.items():
            families.add(metric, (name,), count)
    for (method, route, status), count in snapshot.requests.items():
        families.add(names.HTTP_REQUESTS, (method, route, str(status)), count)
    yield from families
    if internals.latency is not None:
        yield HistogramMetricFamily(
            names.PROCESSING.name,
            names.PROCESSING.help,
            buckets=internals.latency.cumulated(),
            sum_value=internals.latency.total,
        )
    yield from process_families(health.config.hash)


def process_families(config_hash: str) -> Iterator[Family]:
    """What runs, and which file holds."""
    yield _info(names.BUILD, {"version": _version(), "python": platform.python_version()})
    yield _info(names.CONFIG, {"hash": config_hash})


def case_families(oldest: Mapping[str, int]) -> Iterator[Family]:
    """Rule -> opening of its oldest open case, UTC epoch microseconds."""
    families = Families()
    for rule, opened in oldest.items():
        families.add(names.CASE_OLDEST, (rule,), opened / SECOND)
    return iter(families)


def _info(metric: Metric, labels: dict[str, str]) -> Family:
    return InfoMetricFamily(metric.name.removesuffix("_info"), metric.help, value=labels)


def _version() -> str:
    try:
        return version("touchline")
    except PackageNotFoundError:
        return "unknown"
