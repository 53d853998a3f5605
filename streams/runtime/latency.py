"""How long things took, counted into fixed buckets: what a Prometheus histogram shows."""

from __future__ import annotations

from bisect import bisect_left

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the buckets in seconds (inclusive); the last bucket has none."""


class Latency:
    """Durations in seconds, counted since the process started."""

    def __init__(self, bounds: tuple[float, ...] = BOUNDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """Observations per bucket, not cumulated."""
        self.total = 0.0
        """Sum of all durations."""

    def observe(self, seconds: float, count: int = 1) -> None:
        """`count` things that took `seconds` each; what seems to take less than nothing (clock set back) took 0."""
        seconds = max(seconds, 0.0)
        self.counts[bisect_left(self.bounds, seconds)] += count
        self.total += seconds * count

    def cumulated(self) -> list[tuple[str, int]]:
        """(upper bound, observations up to it), the last with bound `+Inf`."""
        result = []
        running = 0
        for bound, count in zip((*self.bounds, None), self.counts, strict=True):
            running += count
            result.append(("+Inf" if bound is None else repr(bound), running))
        return result
