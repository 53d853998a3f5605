"""Under which key a record without customer is remembered, and sent: one formula for state and log."""

from __future__ import annotations

import xxhash

BUCKETS = 1024
"""Buckets per source for events without subject."""


def bucket(source: str, name: str) -> str:
    """Key of an event without subject: its ids are remembered in one of 1,024 buckets of its source."""
    return f"{source}#{xxhash.xxh3_64_intdigest(name.encode()) % BUCKETS}"
