"""How many false alarms a series is granted, and how much evidence it takes to fire."""

from __future__ import annotations

import msgspec


class Granted(msgspec.Struct, array_like=True):
    """The credit in force, in false alarms per second. Seconds are UTC epoch.

    An update that had begun before the credit changed gets the least that was in force since then, so that what is
    handed out never exceeds what was granted.
    """

    credit: float = 0.0
    bar: float = 1.0
    """The evidence that fires, ≥ 1."""
    since: int = 0
    """First second under this credit."""
    least: float = 0.0
    """Of an update that began earlier."""

    def change(self, credit: float, bar: float, second: int, begun: int) -> None:
        """From this second on something else is granted, while the update under way began at second `begun`."""
        before = min(self.credit, self.least) if self.since > begun else self.credit
        self.credit, self.bar, self.since, self.least = credit, bar, second, min(before, credit)

    def of(self, begun: int) -> float:
        """The credit of an update that began at this second."""
        return self.credit if self.since <= begun else self.least
