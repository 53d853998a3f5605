"""What is usual, as sums over quarters of an hour: they fade, wait while a change is pending, and can be taken back."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

SECONDS = 900
"""Length of a slot. Slots begin at multiples of it, as the hours of every time zone do."""
KEPT = 192
"""Slots that can be taken back: two days of them."""
_MOST_HELD = 192


class Slots(msgspec.Struct, array_like=True):
    """Sums of a series over the quarters of an hour it was well in. All of its vectors have one length.

    Memory about 50 bytes per slot of two days.
    """

    half_life: float
    """Seconds after which a slot counts half."""
    total: list[float]
    """Faded sums over everything learnt."""
    last: int | None = None
    """Slot at which `total` is meant."""
    recent: list[tuple[int, list[float]]] = []
    held: list[tuple[int, list[float]]] = []

    def learn(self, slot: int, sums: Sequence[float]) -> None:
        """A slot in which nothing was pending. Slots come in order; those held back are learnt by `release` before."""
        self._fade(slot)
        self.total = [known + new for known, new in zip(self.total, sums, strict=True)]
        self.recent.append((slot, list(sums)))
        del self.recent[:-KEPT]

    def release(self) -> list[tuple[int, list[float]]]:
        """What was held back is to be learnt after all."""
        held, self.held = self.held, []
        return held

    def hold(self, slot: int, sums: Sequence[float]) -> None:
        """A slot in which a change was pending: to be learnt when that turns out to be nothing."""
        self.held.append((slot, list(sums)))
        del self.held[:-_MOST_HELD]

    def undo(self, slot: int) -> list[tuple[int, list[float]]]:
        """An alarm: what was learnt from this slot on is taken back, and what was held is dropped.

        Returns what was taken back, as far as it had not faded.
        """
        self.held = []
        undone = []
        while self.recent and self.recent[-1][0] >= slot:
            learnt, sums = self.recent.pop()
            kept = self._kept(learnt)
            faded = [kept * old for old in sums]
            self.total = [_without(known, old) for known, old in zip(self.total, faded, strict=True)]
            undone.append((learnt, faded))
        return undone

    def replace(self, slot: int, sums: Sequence[float]) -> None:
        """A new normal: nothing of before counts any more."""
        self.total, self.last, self.recent, self.held = list(sums), slot, [], []

    def settle(self) -> None:
        """Keep what was learnt and forget when, for somebody who begins now. Held slots are released before."""
        self.last, self.recent, self.held = None, [], []

    def _fade(self, slot: int) -> None:
        if self.last is not None and slot > self.last:
            kept = 0.5 ** ((slot - self.last) * SECONDS / self.half_life)
            self.total = [known * kept for known in self.total]
        self.last = slot if self.last is None else max(slot, self.last)

    def _kept(self, slot: int) -> float:
        ahead = 0 if self.last is None else self.last - slot
        return float(0.5 ** (ahead * SECONDS / self.half_life))


def _without(known: float, old: float) -> float:
    """What is left; nothing where only rounding is."""
    rest = known - old
    return 0.0 if abs(rest) <= 1e-9 * abs(old) else rest
