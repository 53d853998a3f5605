"""How much completions vary around what is expected, over blocks of a minute to a day: noise, and slow drift.

φ_L is the variance of a block of length L divided by its mean: Σ(N−U)²/ΣU(1+Uκ²), at least 1. Sums of squares over
sums, so that quiet nights weigh what they hold; the expectation's own error κ is not counted as dispersion. τ² is the
variance of the ratio N/U that remains over ten minutes and more once counting noise and κ² are taken off.
"""

from __future__ import annotations

from collections import deque

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.recursion import Floats
from detectors.steps.packed import Packed, pack, unpack

BLOCKS = (60, 600, 3600, 21_600, 86_400)
"""Lengths in seconds; blocks begin at multiples of them."""
HALF_LIFE_SECONDS = 14 * 86_400
"""Seconds after which a block counts half."""
_PRIOR_BLOCKS = 5.0
"""Blocks without any excess that every estimate begins with."""
_SLOW = 1
"""Blocks from this one on (ten minutes) tell drift from noise."""
_LEAST = 20.0
"""Expected completions from which a block's ratio says something."""
_MOST_DRIFT = 1.0
_LAG = 6 * 3600
"""Seconds that a block waits before it is believed: a drop that is not found yet must not excuse itself."""
_YOUNG = 86_400
"""Seconds of life during which blocks are believed at once."""

_LEAST_SUM = 1e-300
"""Stands for a sum of 0 where it divides 0."""

_NOISE, _MEAN, _POWER, _COUNT, _EXCESS, _RATIOS = range(6)
_SUMS = 6


class Dispersion:
    """Of many series; arrays of shape (blocks, series). Memory about 300 bytes per series."""

    def __init__(self, series: int = 0) -> None:
        self._sums: Floats = np.zeros((_SUMS, len(BLOCKS), series))
        self._observed: Floats = np.zeros((len(BLOCKS), series))
        self._expected: Floats = np.zeros((len(BLOCKS), series))
        self._doubt: Floats = np.zeros((len(BLOCKS), series))
        """Σ U·κ over the open block."""
        self._tick: int | None = None
        self._since: int | None = None
        self._waiting: deque[tuple[int, int, float, Floats]] = deque()
        """Blocks not believed yet: second of their end, length, fade, what they add."""
        self.fast: Floats = np.ones(series)
        """φ₁ ≥ 1: over up to a minute."""
        self.slow: Floats = np.ones(series)
        """φ_max ≥ 1: the largest of all lengths."""
        self.drift: Floats = np.zeros(series)
        """τ² ≥ 0."""

    def extend(self, series: int) -> None:
        """So many more series, of which nothing is known."""
        wide = ((0, 0), (0, series))
        self._sums = np.pad(self._sums, ((0, 0), *wide))
        self._observed = np.pad(self._observed, wide)
        self._expected = np.pad(self._expected, wide)
        self._doubt = np.pad(self._doubt, wide)
        self._waiting = deque((end, at, fade, np.pad(added, wide)) for end, at, fade, added in self._waiting)
        self._estimate()

    def clear(self, series: int) -> None:
        """Nothing is known of this one any more."""
        for array in (self._sums, self._observed, self._expected, self._doubt):
            array[..., series] = 0.0
        for _, _, _, added in self._waiting:
            added[:, series] = 0.0
        self._estimate()

    def forget_recent(self, series: NDArray[np.intp] | slice) -> None:
        """What waits of these, and their open blocks, may be part of a drop."""
        for array in (self._observed, self._expected, self._doubt):
            array[:, series] = 0.0
        for _, _, _, added in self._waiting:
            added[:, series] = 0.0

    def add(self, tick: int, observed: Floats, expected: Floats, doubt: Floats) -> None:
        """What an update that ends with second `tick` brought: N, U and κ, each of shape (series,)."""
        if self._tick is not None:
            self._close(self._tick, tick)
        elif self._since is None:
            self._since = tick
        self._tick = tick
        self._observed += observed
        self._expected += expected
        self._doubt += expected * np.minimum(doubt, 1.0)

    def _close(self, last: int, tick: int) -> None:
        """Close the blocks of the update before that are over, and believe those that have waited."""
        ended = 0
        # Where a block is over all shorter ones are, as each length is a multiple of the one before.
        while ended < len(BLOCKS) and last // BLOCKS[ended] != tick // BLOCKS[ended]:
            ended += 1
        if ended:
            for at, added in enumerate(self._end(ended)):
                length = BLOCKS[at]
                fade = 0.5 ** (length * (tick // length - last // length) / HALF_LIFE_SECONDS)
                self._waiting.append((tick, at, fade, added))
        young = self._since is not None and tick - self._since < _YOUNG
        changed = False
        while self._waiting and (young or tick - self._waiting[0][0] >= _LAG):
            _, at, fade, added = self._waiting.popleft()
            sums = self._sums[:, at]
            sums *= fade
            sums += added
            changed = True
        if changed:
            self._estimate()

    def _end(self, lengths: int) -> Floats:
        """What ended blocks of the shortest lengths add, shape (lengths, sums, series); they begin anew."""
        observed, expected, doubt = self._observed[:lengths], self._expected[:lengths], self._doubt[:lengths]
        held = expected > 0
        kappa = np.divide(doubt, expected, out=np.zeros_like(expected), where=held)
        kappa *= kappa
        added = np.zeros((lengths, _SUMS, expected.shape[1]))
        added[:, _NOISE] = (observed - expected) ** 2 * held
        added[:, _MEAN] = expected * (1 + expected * kappa)
        added[:, _POWER] = expected * (1 + 2 * expected)
        large = expected >= _LEAST
        if large.any():
            safe = np.where(large, expected, 1.0)
            added[:, _COUNT] = large
            added[:, _EXCESS] = np.where(large, (observed / safe - 1) ** 2, 0.0)
            added[:, _RATIOS] = np.where(large, 1 / safe + kappa, 0.0)
        observed[:] = expected[:] = doubt[:] = 0.0
        return added

    def _estimate(self) -> None:
        noise, mean, power, count, excess, ratios = self._sums
        # How many blocks of one expected size would tell as much: a block of U counts tells U²/(U + 2U²) of its square.
        weight = 2 * mean * mean / np.maximum(power, _LEAST_SUM)
        raw = noise / np.maximum(mean, _LEAST_SUM)
        phi = (_PRIOR_BLOCKS + weight * raw) / (_PRIOR_BLOCKS + weight)
        self.fast = np.maximum(phi[0], 1.0)
        self.slow = np.maximum(phi.max(axis=0), 1.0)
        drift = (excess[_SLOW:] - ratios[_SLOW:]) / (_PRIOR_BLOCKS + count[_SLOW:])
        self.drift = np.minimum(np.maximum(drift.max(axis=0), 0.0), _MOST_DRIFT)

    def settle(self) -> None:
        """Believe everything that has waited, and forget when it was."""
        for _, at, fade, added in self._waiting:
            self._sums[:, at] = self._sums[:, at] * fade + added
        self._waiting.clear()
        self.forget_recent(slice(None))
        self._tick, self._since = None, 0
        self._estimate()

    def snapshot(self) -> bytes:
        """Everything, for `restore`."""
        stored = _Stored(
            self._tick,
            self._since,
            [pack(array) for array in (self._sums, self._observed, self._expected, self._doubt)],
            [(end, at, fade, pack(added)) for end, at, fade, added in self._waiting],
        )
        return msgspec.msgpack.encode(stored)

    def restore(self, body: bytes) -> None:
        """Take what `snapshot` wrote for as many series."""
        stored = _DECODE(body)
        self._tick, self._since = stored.tick, stored.since
        self._sums, self._observed, self._expected, self._doubt = map(unpack, stored.arrays)
        self._waiting = deque((end, at, fade, unpack(added)) for end, at, fade, added in stored.waiting)
        self._estimate()


class _Stored(msgspec.Struct, array_like=True):
    tick: int | None
    since: int | None
    arrays: list[Packed]
    waiting: list[tuple[int, int, float, Packed]]


_DECODE = msgspec.msgpack.Decoder(_Stored).decode
