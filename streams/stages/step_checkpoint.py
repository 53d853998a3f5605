"""When the whole state of a step is stored, rather than what came since."""

from __future__ import annotations

_EVERY = 300
"""Seconds between two checkpoints while something comes."""


class StepCheckpoint:
    """Of one step. Ticks are seconds, UTC epoch."""

    def __init__(self) -> None:
        self.dirty = True
        """Whether there is anything to store."""
        self._demanded = True
        self._at = 0

    def demand(self) -> None:
        """What happened until now cannot be gone through again: the next time the state is stored."""
        self._demanded = self.dirty = True

    def take(self, tick: int, full: bool) -> bool:
        """All there is gets stored: is it time for the state? `full`: too much came to be gone through again."""
        self.dirty = False
        if not (full or self._demanded or tick - self._at >= _EVERY):
            return False
        self._demanded, self._at = False, tick
        return True
