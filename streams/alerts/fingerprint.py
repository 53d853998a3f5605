"""The name of an alert that stays the same across runs, restarts and changed files."""

from __future__ import annotations

import base64
import hashlib

from streams.findings import SeriesKey

_BYTES = 16


def fingerprint(series: SeriesKey) -> str:
    """26 characters `a-z2-7`: base32 over BLAKE2b of what tells the series from all others."""
    digest = hashlib.blake2b(digest_size=_BYTES)
    for part in (
        series.kind,
        series.direction,
        series.journey,
        series.step,
        series.signal,
        series.dimension,
        series.value,
    ):
        body = part.encode()
        digest.update(b"%d:" % len(body))
        digest.update(body)
    return base64.b32encode(digest.digest()).decode().rstrip("=").lower()
