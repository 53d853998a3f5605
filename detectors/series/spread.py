"""How much the counts of one series vary around what is expected: noise, and slow drift.

As `detectors.steps.dispersion` for one series in plain floats, so that a quiet night costs little: φ_L is
Σ(N−U)²/ΣU(1+Uκ²) over blocks of length L, τ² what the ratio N/U varies by over a quarter of an hour and more beyond
counting noise and the baseline's own error.
"""

from __future__ import annotations

import msgspec

BLOCKS = (60, 900, 3600, 21_600, 86_400)
"""Seconds; blocks begin at multiples of them."""
HALF_LIFE = 14 * 86_400
_PRIOR = 5.0
"""Blocks without any excess that every estimate begins with."""
_LEAST = 20.0
"""Expected events from which a block's ratio says something."""
_MOST_DRIFT = 1.0


class Block(msgspec.Struct, array_like=True):
    """The open block of one length, and what the closed ones came to."""

    number: int = -1
    count: float = 0.0
    expected: float = 0.0
    noise: float = 0.0
    """Σ(N−U)²"""
    mean: float = 0.0
    """ΣU(1+Uκ²)"""
    power: float = 0.0
    """ΣU(1+2U)"""
    large: float = 0.0
    """Blocks with U ≥ 20."""
    excess: float = 0.0
    """Σ(N/U−1)² of those"""
    ratios: float = 0.0
    """Σ1/U+κ² of those"""

    def close(self, length: int, number: int, variance: float) -> None:
        """The block is over, and block `number` begins; κ² is `variance`."""
        kept = 0.5 ** (length * (number - self.number) / HALF_LIFE)
        count, expected = self.count, self.expected
        self.number, self.count, self.expected = number, 0.0, 0.0
        if expected <= 0:
            return
        for name in ("noise", "mean", "power", "large", "excess", "ratios"):
            setattr(self, name, getattr(self, name) * kept)
        self.noise += (count - expected) ** 2
        self.mean += expected * (1 + expected * variance)
        self.power += expected * (1 + 2 * expected)
        if expected >= _LEAST:
            self.large += 1
            self.excess += (count / expected - 1) ** 2
            self.ratios += 1 / expected + variance

    @property
    def dispersion(self) -> float:
        """φ_L, drawn towards 1 while there are few blocks."""
        if self.power <= 0 or self.mean <= 0:
            return 1.0
        # How many blocks of one size would tell as much.
        weight = 2 * self.mean * self.mean / self.power
        return (_PRIOR + weight * self.noise / self.mean) / (_PRIOR + weight)


class Spread(msgspec.Struct, array_like=True):
    """Dispersion of one series. About 2 µs per update; memory 1 kB."""

    blocks: list[Block]
    fast: float = 1.0
    """φ₁ ≥ 1: over a minute."""
    slow: float = 1.0
    """φ_max ≥ 1: the largest of all lengths."""
    drift: float = 0.0
    """τ² ≥ 0."""

    @staticmethod
    def empty() -> Spread:
        return Spread([Block() for _ in BLOCKS])

    def add(self, second: int, count: float, expected: float, variance: float) -> None:
        """What came in an update that begins with this second and lies within a minute; κ² is `variance`."""
        for length, block in zip(BLOCKS, self.blocks, strict=True):
            number = second // length
            if number != block.number:
                block.close(length, number, min(variance, 1.0))
            block.count += count
            block.expected += expected

    def settle(self) -> None:
        """Keep what the closed blocks came to; none is open."""
        for block in self.blocks:
            block.number, block.count, block.expected = Block().number, 0.0, 0.0

    def estimate(self) -> None:
        """Bring φ₁, φ_max and τ² up to the closed blocks."""
        self.fast = max(self.blocks[0].dispersion, 1.0)
        self.slow = max(1.0, *(block.dispersion for block in self.blocks))
        drift = max((block.excess - block.ratios) / (_PRIOR + block.large) for block in self.blocks[1:])
        self.drift = min(max(drift, 0.0), _MOST_DRIFT)
