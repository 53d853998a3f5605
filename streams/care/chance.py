"""Chance that comes out the same on every run: a stable hash as a number."""

from __future__ import annotations

import hashlib

_WIDTH = 8
_RANGE = float(1 << 64)


def fraction(*parts: str) -> float:
    """A number in [0, 1) from these texts; evenly spread, and the same wherever and whenever it is drawn."""
    digest = hashlib.blake2b(digest_size=_WIDTH)
    for part in parts:
        body = part.encode()
        digest.update(b"%d:" % len(body))
        digest.update(body)
    return int.from_bytes(digest.digest(), "big") / _RANGE
