"""How many of something per second, over about the last ten seconds."""

from __future__ import annotations

import time
from collections import deque

RATE_SECONDS = 10


class Rate:
    """Counts by the monotonic clock of this process."""

    def __init__(self) -> None:
        self._counts: deque[tuple[float, int]] = deque()

    def count(self, number: int) -> None:
        """So many just now."""
        now = time.monotonic()
        self._counts.append((now, number))
        while self._counts[0][0] < now - RATE_SECONDS:
            self._counts.popleft()

    def per_second(self) -> float:
        """As of now."""
        since = time.monotonic() - RATE_SECONDS
        return sum(count for at, count in self._counts if at >= since) / RATE_SECONDS
