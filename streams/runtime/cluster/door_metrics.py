"""What the cluster's door shows Prometheus: its own counters, since the process started."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.core import Metric as Family

from streams.runtime import metric_names as names
from streams.runtime.cluster.intake import Intake
from streams.runtime.exposition import Exposition
from streams.runtime.metric_names import Metric

RECORDS = Metric(
    "touchline_door_records_total",
    "counter",
    "Records Kafka has acknowledged to the door; `refused` wraps what could not be taken.",
    ("outcome",),
)
WAITING_RECORDS = Metric("touchline_door_waiting_records", "gauge", "Records Kafka has not acknowledged yet.")
WAITING_BYTES = Metric("touchline_door_waiting_bytes", "gauge", "Their bytes.", unit="bytes")
ACKNOWLEDGE = Metric(
    "touchline_door_acknowledge_seconds",
    "histogram",
    "From the hand-over of a request's records to Kafka's last acknowledgement.",
    unit="s",
)
METRICS = (RECORDS, WAITING_RECORDS, WAITING_BYTES, ACKNOWLEDGE)
"""The door's own; beside them it shows `touchline_http_requests_total`, `_ready`, `_uptime_seconds`, `_config_info`."""
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class DoorMetrics(Exposition):
    """The collector of one door, in a registry of its own."""

    def __init__(self, intake: Intake, config_hash: str) -> None:
        self._intake = intake
        self._hash = config_hash
        self._began = time.monotonic()
        self._requests: dict[tuple[str, str, int], int] = {}
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        super().__init__(registry)

    def count_request(self, method: str, route: str, status: int) -> None:
        """One request answered. `route` is the pattern, never the path."""
        key = (method if method in _METHODS else "other", route, status)
        self._requests[key] = self._requests.get(key, 0) + 1

    def collect(self) -> Iterator[Family]:
        """All families, as they are now."""
        requests = CounterMetricFamily(
            names.HTTP_REQUESTS.name, names.HTTP_REQUESTS.help, labels=names.HTTP_REQUESTS.labels
        )
        for (method, route, status), count in self._requests.items():
            requests.add_metric([method, route, str(status)], count)
        yield requests
        yield GaugeMetricFamily(names.UP_TIME.name, names.UP_TIME.help, value=time.monotonic() - self._began)
        yield InfoMetricFamily(names.CONFIG.name.removesuffix("_info"), names.CONFIG.help, value={"hash": self._hash})
        intake = self._intake
        yield GaugeMetricFamily(names.READY.name, names.READY.help, value=int(intake.trouble is None))
        records = CounterMetricFamily(RECORDS.name, RECORDS.help, labels=RECORDS.labels)
        records.add_metric(["accepted"], intake.accepted)
        records.add_metric(["refused"], intake.refused)
        yield records
        yield GaugeMetricFamily(WAITING_RECORDS.name, WAITING_RECORDS.help, value=intake.waiting_records)
        yield GaugeMetricFamily(WAITING_BYTES.name, WAITING_BYTES.help, value=intake.waiting_bytes)
        yield HistogramMetricFamily(
            ACKNOWLEDGE.name,
            ACKNOWLEDGE.help,
            buckets=intake.latency.cumulated(),
            sum_value=intake.latency.total,
        )
