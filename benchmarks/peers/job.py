"""The job: each customer's place in the journey cart → checkout → paid, 30 minutes a step; and the two lines to print.

Only the standard library: every engine's own environment can import it.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

STEPS = {"cart.updated": 0, "checkout.started": 1, "order.completed": 2}
"""Step by type of event."""
WITHIN_SECONDS = 1800.0

Place = list[float]
"""Of one customer: the step last entered, and when, in seconds since the UTC epoch."""


def advance(place: Place | None, step: int | None, moment: float) -> tuple[Place | None, bool]:
    """A customer's place after one event, and whether the journey is complete now; `step` is None for other types."""
    if step is None:
        return place, False
    if step == 0:
        return [0, moment], False
    if place is None or place[0] != step - 1 or moment - place[1] > WITHIN_SECONDS:
        return place, False
    return (None, True) if step == 2 else ([step, moment], False)


class Progress:
    """Counts events and prints when the first came and the last was done, with the CPU time used by then."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.events = 0
        self.conversions: dict[int, int] = {}

    def took(self, step: int | None) -> bool:
        """Count one event; True at the last."""
        if self.events == 0:
            self._say()
        self.events += 1
        if step is not None:
            self.conversions[step] = self.conversions.get(step, 0) + 1
        return self.events == self._count

    def done(self) -> None:
        """Print the last line: everything counted is handled."""
        self._say()

    def _say(self) -> None:
        line: dict[str, Any] = {"events": self.events, "at": time.monotonic(), "cpu_seconds": time.process_time()}
        os.write(1, json.dumps(line).encode() + b"\n")  # not by print: engines redirect it
