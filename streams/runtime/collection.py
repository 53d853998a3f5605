"""How often Python looks for garbage in cycles while a command works."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (100_000, 50, 1_000)
"""Hundreds of thousands of customers in memory hold no cycles: looking through all of them stops everything for a
second and finds nothing, so it is done rarely."""


@contextmanager
def rare_collection() -> Iterator[None]:
    """Look rarely until the block ends."""
    before = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
