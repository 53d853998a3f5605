"""The name of an alert that stays the same across runs, restarts and changed files."""

from __future__ import annotations

from streams.findings import SeriesKey
from streams.hashing import identifier


def fingerprint(series: SeriesKey) -> str:
    """26 characters `a-z2-7`: base32 over BLAKE2b of what tells the series from all others."""
    return identifier(
        series.kind,
        series.direction,
        series.journey,
        series.step,
        series.signal,
        series.dimension,
        series.value,
    )
