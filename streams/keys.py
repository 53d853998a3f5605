"""Under which key of a partition's state an event is remembered."""

from __future__ import annotations

import xxhash

from streams.model import Event

BUCKETS = 1024
"""Buckets per source for events without subject."""


def bucket_key(event: Event) -> str:
    """Key of an event without subject: its ids are remembered in one of 1,024 buckets of its source."""
    return bucket(event.source, event.id)


def bucket(source: str, name: str) -> str:
    """The same from the event's source and id."""
    return f"{source}#{xxhash.xxh3_64_intdigest(name.encode()) % BUCKETS}"
