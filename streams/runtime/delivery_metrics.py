"""Receivers as Prometheus shows them. Their names are the file's, so there are as many as it has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import Metric as Family

from streams.runtime import metric_names as names
from streams.runtime.families import Families
from streams.runtime.service import ReceiverHealth


def delivery_families(receivers: Sequence[ReceiverHealth]) -> Iterator[Family]:
    """Every receiver of the file, and others for which something waits."""
    families = Families()
    for receiver in receivers:
        name = receiver.name
        for outcome in ("delivered", "retried", "failed"):
            families.add(names.DELIVERIES, (name, outcome), getattr(receiver, outcome))
        families.add(names.DELIVERIES_PENDING, (name,), receiver.pending)
        families.add(names.DELIVERIES_OLDEST, (name,), receiver.oldest_seconds or 0)
        families.add(names.RECEIVER_UP, (name,), 1 if receiver.state == "ok" else 0)
    return iter(families)
