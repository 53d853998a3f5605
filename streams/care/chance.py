"""Chance that comes out the same on every run: a stable hash as a number."""

from __future__ import annotations

from streams.hashing import digest

_WIDTH = 8
_RANGE = float(1 << 64)


def fraction(*parts: str) -> float:
    """A number in [0, 1) from these texts; evenly spread, and the same wherever and whenever it is drawn."""
    return int.from_bytes(digest(parts, _WIDTH), "big") / _RANGE
