"""A collector whose families are written for a scraper."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector


class Exposition(Collector):
    """In the registry it was given; `collect` yields the families."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        registry.register(self)

    def expose(self, accept: str) -> tuple[bytes, str]:
        """(body, content type) in the form the scraper accepts."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def describe(self) -> Iterable[Family]:
        """Nothing: registering must not read what is collected."""
        return []
