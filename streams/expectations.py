"""The user's own thresholds (`expect:`): breached when the interval says so, recovered after five good minutes.

An expectation is breached when there are at least `min_n` observations in its window and the whole 95 % interval lies
on the wrong side of the target. It has recovered when the estimate has then been on the right side for 300 s without a
break; with fewer than `min_n` observations there is no estimate, which is neither right nor wrong, so the five minutes
begin anew. Checked at the close of a tick in which its series changed, when a slot of its window passes, and when the
five minutes are over.
"""

from __future__ import annotations

from typing import Any, Literal

from streams.decisions import decision_id
from streams.effects import Decision
from streams.estimates import Estimate
from streams.units import compare, format_duration
from streams.windows import Window

RECOVERY = 300
"""Seconds that the estimate must be right."""

Transition = Literal["breached", "recovered"]


class Expectation:
    """One comparison on one quantity of one subject; ticks are seconds, UTC epoch."""

    def __init__(self, subject: str, signal: str, quantity: str, operator: str, target: float, over: int) -> None:
        """`subject`: `journey/step` or a signal's name; `over`: the window in seconds, at least 1."""
        self.subject = subject
        self.signal = signal
        self.quantity = quantity
        self.operator = operator
        self.target = target
        self.window = Window.of(over)
        self.breached = False
        self.right_since: int | None = None
        """Tick since which the estimate has been right while breached."""
        self.checked: int | None = None
        """Tick of the last check with something in the window."""

    @property
    def fingerprint(self) -> str:
        """What tells it from the other expectations of the file; its state follows it through a changed file."""
        return f"{self.subject} {self.quantity} {self.operator} {self.target!r} {self.window.seconds}"

    def due(self) -> int | None:
        """The next tick at which it must be checked though nothing arrives; None: not until something does."""
        if self.checked is None:
            return None
        due = (self.checked // self.window.slot + 1) * self.window.slot
        if self.right_since is not None:
            due = min(due, max(self.right_since + RECOVERY, self.checked + 1))
        return due

    def check(self, tick: int, estimate: Estimate) -> Decision | None:
        """Judge the estimate at the close of a tick; a decision when the state changed."""
        # Without observations nothing can change until some arrive: an absent estimate also ends the five minutes.
        self.checked = tick if estimate.n else None
        if not self.breached:
            if self._wrong(estimate):
                self.breached = True
                self.right_since = None
                return self._decision("breached", tick, estimate)
            return None
        if not self._right(estimate):
            self.right_since = None
            return None
        if self.right_since is None:
            self.right_since = tick
        if tick - self.right_since < RECOVERY:
            return None
        self.breached = False
        self.right_since = None
        return self._decision("recovered", tick, estimate)

    def _right(self, estimate: Estimate) -> bool:
        if estimate.value is None:
            return False
        if self.operator == "==" and estimate.low is not None and estimate.high is not None:
            return estimate.low <= self.target <= estimate.high
        return compare(estimate.value, self.operator, self.target)

    def _wrong(self, estimate: Estimate) -> bool:
        """Whether no value of the interval is right."""
        if estimate.low is None or estimate.high is None:
            return False
        match self.operator:
            case "<" | "<=":
                return not compare(estimate.low, self.operator, self.target)
            case ">" | ">=":
                return not compare(estimate.high, self.operator, self.target)
            case "==":
                return not estimate.low <= self.target <= estimate.high
        return estimate.low == estimate.high == self.target

    def _decision(self, transition: Transition, tick: int, estimate: Estimate) -> Decision:
        type_ = f"touchline.signal.{transition}"
        time = (tick + 1) * 1_000_000
        over = format_duration(self.window.seconds * 1_000_000)
        data: dict[str, Any] = {
            "rule": self.subject,
            "because": [f"expect={self.operator} {self.target:g}", f"over={over}"],
            "signal": self.signal,
            "segment": {},
            "quantity": self.quantity,
            "target": self.target,
            "value": estimate.value,
            "low": estimate.low,
            "high": estimate.high,
            "n": estimate.n,
        }
        id_ = decision_id(type_, self.fingerprint, self.subject, str(tick), time)
        return Decision(id_, type_, time, self.subject, data)

    def dump(self) -> tuple[bool, int | None, int | None]:
        """Its state, for `load`."""
        return self.breached, self.right_since, self.checked

    def load(self, stored: tuple[bool, int | None, int | None]) -> None:
        """Take what `dump` wrote."""
        self.breached, self.right_since, self.checked = stored
