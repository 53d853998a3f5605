"""How much completions vary around what is expected, over blocks of a minute to a day: noise, and slow drift.

φ_L is the variance of a block of length L divided by its mean: Σ(N−U)²/ΣU(1+Uκ²), at least 1. Sums of squares over
sums, so that quiet nights weigh what they hold; the expectation's own error κ is not counted as dispersion. τ² is the
variance of the ratio N/U that remains over ten minutes and more once counting noise and κ² are taken off.
"""

from __future__ import annotations

import msgspec
import numpy as np

from detectors.recursion import Floats

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
        self._estimate()

    def clear(self, series: int) -> None:
        """Nothing is known of this one any more."""
        for array in (self._sums, self._observed, self._expected, self._doubt):
            array[..., series] = 0.0
        self._estimate()

    def add(self, tick: int, observed: Floats, expected: Floats, doubt: Floats, calm: Floats | None = None) -> None:
        """What an update that ends with second `tick` brought: N, U and κ, each of shape (series,).

        `calm`: 1 for series whose update counts, 0 for those that fire.
        """
        if self._tick is not None:
            self._close(self._tick, tick)
        self._tick = tick
        if calm is not None:
            observed = observed * calm
            expected = expected * calm
        self._observed += observed
        self._expected += expected
        self._doubt += expected * np.minimum(doubt, 1.0)

    def _close(self, last: int, tick: int) -> None:
        """Close the blocks of the update before that are over."""
        changed = False
        for at, length in enumerate(BLOCKS):
            passed = tick // length - last // length
            if passed:
                self._end(at, 0.5 ** (length * passed / HALF_LIFE_SECONDS))
                changed = True
        if changed:
            self._estimate()

    def _end(self, at: int, fade: float) -> None:
        observed, expected = self._observed[at], self._expected[at]
        held = expected > 0
        kappa = np.divide(self._doubt[at], expected, out=np.zeros_like(expected), where=held)
        sums = self._sums[:, at]
        sums *= fade
        sums[_NOISE] += np.where(held, (observed - expected) ** 2, 0.0)
        sums[_MEAN] += expected * (1 + expected * kappa**2)
        sums[_POWER] += expected * (1 + 2 * expected)
        large = expected >= _LEAST
        safe = np.where(large, expected, 1.0)
        sums[_COUNT] += large
        sums[_EXCESS] += np.where(large, (observed / safe - 1) ** 2, 0.0)
        sums[_RATIOS] += np.where(large, 1 / safe + kappa**2, 0.0)
        self._observed[at] = 0.0
        self._expected[at] = 0.0
        self._doubt[at] = 0.0

    def _estimate(self) -> None:
        noise, mean, power, count, excess, ratios = self._sums
        # How many blocks of one expected size would tell as much: a block of U counts tells U²/(U + 2U²) of its square.
        weight = np.divide(2 * mean * mean, power, out=np.zeros_like(mean), where=power > 0)
        raw = np.divide(noise, mean, out=np.ones_like(mean), where=mean > 0)
        phi = (_PRIOR_BLOCKS + weight * raw) / (_PRIOR_BLOCKS + weight)
        self.fast = np.maximum(phi[0], 1.0)
        self.slow = np.maximum(phi.max(axis=0), 1.0)
        drift = (excess - ratios)[_SLOW:] / (_PRIOR_BLOCKS + count[_SLOW:])
        self.drift = np.clip(drift.max(axis=0), 0.0, _MOST_DRIFT)

    def snapshot(self) -> bytes:
        """Everything, for `restore`."""
        arrays = (self._sums, self._observed, self._expected, self._doubt)
        return msgspec.msgpack.encode([self._tick, *(array.astype("<f8").tobytes() for array in arrays)])

    def restore(self, body: bytes) -> None:
        """Take what `snapshot` wrote for as many series."""
        tick, sums, observed, expected, doubt = msgspec.msgpack.decode(body)
        self._tick = tick
        shape = self._observed.shape
        self._sums = np.frombuffer(sums, "<f8").reshape(_SUMS, *shape).copy()
        self._observed = np.frombuffer(observed, "<f8").reshape(shape).copy()
        self._expected = np.frombuffer(expected, "<f8").reshape(shape).copy()
        self._doubt = np.frombuffer(doubt, "<f8").reshape(shape).copy()
        self._estimate()
