"""Which numbers of one sender have come: the highest, and of those shortly below it each by itself.

A sender numbers what it sends; a copy has the number of its original. Of the numbers of one sender a partition gets
only some, so a missing one says nothing. Two neighbours may change places when a sender fails between them and sends
both again; the highest alone would take the one that comes late for a copy, and lose it.
"""

from __future__ import annotations

import msgspec

WINDOW = 1024
"""Numbers below the highest that are told apart; more than a sender has on the way at once."""


class Numbers(msgspec.Struct, array_like=True):
    """Of one sender; small enough to be stored with every commit."""

    highest: int = -1
    bits: bytes = b""
    """Bit k, least first: the number `highest - k` has come."""

    def take(self, number: int) -> bool:
        """Note a number >= 0; False for one that has come before, or is too far below the highest to tell."""
        below = self.highest - number
        if below >= WINDOW:
            return False
        seen = int.from_bytes(self.bits, "little")
        if below < 0:
            seen = seen << -below & (1 << WINDOW) - 1 if -below < WINDOW else 0
            self.highest, below = number, 0
        elif seen >> below & 1:
            return False
        seen |= 1 << below
        self.bits = seen.to_bytes((seen.bit_length() + 7) // 8, "little")
        return True
