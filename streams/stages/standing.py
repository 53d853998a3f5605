"""`when:` of the rules for asking: whether each one's signal stands where the rule wants it, as of the last tick."""

from __future__ import annotations

from collections.abc import Iterable

from streams.config.meaning import CONVERSION
from streams.config.structs import Config, When
from streams.estimates import Estimate
from streams.stages.gauges import Gauges
from streams.stages.steps import Steps
from streams.stages.watch import Covered
from streams.windows import Window

WINDOW = Window.of(3600)
"""An hour, as `over` is where nothing is said."""


class Standing:
    """The rules of one file that have a `when`. A signal below its smallest sample stands nowhere."""

    def __init__(
        self, config: Config, steps: Steps, gauges: Gauges, covered: Covered, held: Iterable[str] = ()
    ) -> None:
        """`held`: rules for which it held; those that the file no longer has are forgotten."""
        self._steps, self._gauges, self._covered = steps, gauges, covered
        self._when = {name: rule.when for name, rule in config.feedback.items() if rule.when is not None}
        self.held = frozenset(held) & self._when.keys()
        """Rules that may ask."""
        self._checked: int | None = None

    def next_due(self) -> int | None:
        """The tick at which a slot of the window passes, though nothing arrives."""
        if self._checked is None or not self._when:
            return None
        return (self._checked // WINDOW.slot + 1) * WINDOW.slot

    def check(self, tick: int) -> None:
        """Look at every signal at the close of a tick."""
        if not self._when:
            return
        estimates = {name: self._estimate(when, tick) for name, when in self._when.items()}
        self.held = frozenset(
            name
            for name, estimate in estimates.items()
            if estimate.value is not None and self._when[name].value.holds(estimate.value)
        )
        self._checked = tick if any(estimate.n for estimate in estimates.values()) else None

    def _estimate(self, when: When, tick: int) -> Estimate:
        if when.signal == CONVERSION:
            assert when.journey is not None
            assert when.step is not None
            return self._steps.conversion((when.journey, when.step), WINDOW.seconds)
        covered = self._covered(WINDOW, tick)
        return self._gauges.estimate(when.signal, "value", WINDOW.seconds, covered, tick)
