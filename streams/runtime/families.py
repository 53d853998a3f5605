"""Metric families in the making: samples are added under their declarations, as a scrape finds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.core import Metric as Family

from streams.estimates import Estimate
from streams.runtime.metric_names import Metric


class Families:
    """Families by declaration, in order, made when the first sample comes.

    `spread`: samples come with the labels that a metric has on the workers of a cluster, after its own.
    """

    def __init__(self, *, spread: bool = False) -> None:
        self._spread = spread
        self._made: dict[str, Any] = {}

    def add(self, metric: Metric, labels: Iterable[str], value: float | None) -> None:
        """One sample; None leaves it out."""
        if value is None:
            return
        family = self._made.get(metric.name)
        if family is None:
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            labelled = (*metric.labels, *metric.spread) if self._spread else metric.labels
            family = self._made[metric.name] = kind(metric.name, metric.help, labels=labelled)
        family.add_metric(list(labels), value)

    def estimate(self, metrics: tuple[Metric, Metric, Metric, Metric], labels: tuple[str, ...], at: Estimate) -> None:
        """Value, lower end, upper end and n of an estimate."""
        value, lower, upper, samples = metrics
        self.add(value, labels, at.value)
        self.add(lower, labels, at.low)
        self.add(upper, labels, at.high)
        self.add(samples, labels, at.n)

    def __iter__(self) -> Iterator[Family]:
        return iter(self._made.values())
