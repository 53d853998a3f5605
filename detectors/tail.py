"""How rare a number is among those before it: ranks in bins, and beyond the highest per cent a fitted exponential."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from detectors.recursion import Floats

BINS = 288
_PER_E = 12
"""Bins for every factor e: 8 % wide."""
_LEAST = 1e-4
"""Smaller numbers share the first bin, larger ones than the last bin (about 2.3e6) the last."""
_OFFSET = math.log(_LEAST)
_EDGES = [0.0] + [_LEAST * math.exp(number / _PER_E) for number in range(BINS - 1)]
_FEWEST = 30.0
"""Numbers before which nothing is rare."""
_HALF_WEIGHT = 200.0
_SMALL = 0.01
_LARGEST_LEARNT = 1e3
_MOST_WEIGHT = 1e100


class _State(msgspec.Struct, array_like=True, frozen=True, tag="tail"):
    counts: bytes
    sums: bytes
    numbers: list[float]
    edge: int


class Tail:
    """Ranks non-negative numbers among those before them, the recent past weighing more.

    Below the edge of the highest share (2 % by default) the rank is that of the bin, rounded towards "usual". Beyond
    it the excess is taken for exponential. Its mean is estimated from k excesses of sum S, so that what is asked is the
    predictive tail (1 + excess/S)^−k: heavier than the exponential while k is small, the same when it is large.

    A number counts as no more than `most` times what is expected once in the memory, so that one catastrophe does not
    hide the next.

    Cost about 3 µs for `surprise` and 1 µs for `add`; memory 4.7 kB, whatever was seen.

    Parameters
    ----------
    memory
        Numbers after which the weight of one has fallen to 1/e, > 1.
    share
        Share of the numbers that the exponential is fitted to, 0 < share < 1.
    most
        Largest number learnt, in units of what is expected once in the memory, ≥ 1.
    prior, prior_size
        Excesses of this number and mean size are counted before any was seen, so that a few equal ones are no
        certainty, > 0; size None: a quarter of the edge.

    Examples
    --------
    >>> tail = Tail(1000, 0.02, 1.5)
    >>> for number in range(1000):
    ...     tail.add(1 + number % 10)
    >>> [round(tail.surprise(x), 1) for x in (0.5, 5.0, 10.0, 30.0)]
    [0.0, 0.5, 2.3, 8.6]
    """

    def __init__(
        self, memory: float, share: float, most: float, prior: float = 1.0, prior_size: float | None = None
    ) -> None:
        self.memory = memory
        self.share = share
        self.most = most
        self.prior = prior
        self.prior_size = prior_size
        self._counts: Floats = np.zeros(BINS)
        self._sums: Floats = np.zeros(BINS)
        self._total = 0.0
        self._weight = 1.0
        """Of the latest number; weights grow instead of all the bins fading."""
        self._edge = BINS
        self._above = 0.0
        self._sum_above = 0.0

    @property
    def ready(self) -> bool:
        """Whether enough has been seen to call anything rare."""
        return self._total >= _FEWEST * self._weight

    @property
    def weight(self) -> float:
        """How much its surprises count beside another's, 0 to 1: half after 200 numbers, 0 until ready."""
        total = self._total / self._weight
        return total / (total + _HALF_WEIGHT) if self.ready else 0.0

    def surprise(self, x: float) -> float:
        """−ln of the share of numbers at least as large; 0 while too little was seen."""
        if not self.ready:
            return 0.0
        total, edge = self._total / self._weight, _EDGES[self._edge] if self._edge < BINS else math.inf
        if x > edge:
            excesses, size = self._excess(edge)
            at_edge = math.log((total + 1.0) / (self._above / self._weight + 1.0))
            return at_edge + excesses * math.log1p((x - edge) / size)
        above = float(self._counts[_bin(x) :].sum()) / self._weight
        return max(0.0, math.log((total + 1.0) / (above + 1.0)))

    def add(self, x: float) -> None:
        """Learn one number."""
        x = min(x, _LARGEST_LEARNT, self.most * self._once())
        weight = self._weight = self._weight / (1.0 - 1.0 / self.memory)
        at = _bin(x)
        self._counts[at] += weight
        self._sums[at] += weight * x
        self._total += weight
        if at >= self._edge:
            self._above += weight
            self._sum_above += weight * x
        if weight > _MOST_WEIGHT:
            self._rescale()
        self._move_edge()

    @property
    def edge(self) -> float:
        """Where the fitted tail begins; infinite while it is not fitted."""
        return _EDGES[self._edge] if self._edge < BINS and self.ready else math.inf

    def _excess(self, edge: float) -> tuple[float, float]:
        """Number and sum of excesses, those of the prior among them."""
        size = self.prior_size if self.prior_size is not None else 0.25 * edge if edge > 0 else 1e-3
        beyond = (self._sum_above - edge * self._above) / self._weight
        return self._above / self._weight + self.prior, max(beyond, 0.0) + self.prior * size

    def _once(self) -> float:
        """What is expected once in all that counts."""
        if not self.ready or self._edge >= BINS or _EDGES[self._edge] < _SMALL:
            return _LARGEST_LEARNT  # nearly all are 0: what was not says little of how large the next may be
        edge = _EDGES[self._edge]
        excesses, size = self._excess(edge)
        return edge + size / excesses * math.log1p(self._above / self._weight + 1.0)

    def _move_edge(self) -> None:
        """As low as leaves no more than the share above it."""
        counts, sums, most = self._counts, self._sums, self.share * self._total
        while self._edge > 0 and self._above + counts[self._edge - 1] <= most:
            self._edge -= 1
            self._above += float(counts[self._edge])
            self._sum_above += float(sums[self._edge])
        while self._edge < BINS and self._above > most:
            self._above -= float(counts[self._edge])
            self._sum_above -= float(sums[self._edge])
            self._edge += 1
        if self._edge == BINS:
            self._above = self._sum_above = 0.0

    def _rescale(self) -> None:
        factor = 1.0 / self._weight
        self._counts *= factor
        self._sums *= factor
        self._total *= factor
        self._above *= factor
        self._sum_above *= factor
        self._weight = 1.0

    def snapshot(self) -> bytes:
        """The state, for `restore`."""
        numbers = [self._total, self._weight, self._above, self._sum_above]
        state = _State(self._counts.astype("<f8").tobytes(), self._sums.astype("<f8").tobytes(), numbers, self._edge)
        return msgspec.msgpack.encode(state)

    def restore(self, body: bytes) -> None:
        """Take what `snapshot` wrote. Raises ValueError for anything else."""
        try:
            state = msgspec.msgpack.decode(body, type=_State)
        except msgspec.DecodeError as error:
            raise ValueError(f"no tail: {error}") from error
        if len(state.counts) != 8 * BINS or len(state.sums) != 8 * BINS or len(state.numbers) != 4:
            raise ValueError(f"expected {BINS} bins and four numbers")
        counts, sums = (np.frombuffer(column, "<f8") for column in (state.counts, state.sums))
        sound = np.isfinite(counts).all() and np.isfinite(sums).all() and all(map(math.isfinite, state.numbers))
        if not sound or not 0 <= state.edge <= BINS or not state.numbers[1] >= 1:
            raise ValueError("expected numbers that are finite, and an edge among the bins")
        self._counts, self._sums, self._edge = counts.copy(), sums.copy(), state.edge
        self._total, self._weight, self._above, self._sum_above = state.numbers


def _bin(x: float) -> int:
    return 0 if x < _LEAST else min(1 + int((math.log(x) - _OFFSET) * _PER_E), BINS - 1)
