"""One customer's story in tests: events in, decisions and counts out, time in hours since the first of January."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

from streams.care.cases import Cases
from streams.care.said import Out, Said
from streams.care.state import STATES, Care, Case
from streams.config.load import load_text
from streams.effects import Decision
from tests.build import HOUR, START


@cache
def rules(file: str) -> Cases:
    """The cases of a file given as text."""
    return Cases(load_text("version: 1\n" + file, "test.yml").config)


class Story:
    """Applies events as the stage does: what is due before an event fires first."""

    def __init__(self, file: str, traits: dict[str, Any] | None = None) -> None:
        self.cases = rules(file)
        self.care = Care()
        self.traits = traits or {}
        self.decisions: list[Decision] = []
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.totals: Counter[tuple[str, str, str]] = Counter()
        self.refused: list[tuple[str, str]] = []
        self.out = Out(self.decisions.append, self._count)
        self._ids = 0

    def _count(self, what: str, rule: str, detail: str, total: int) -> None:
        self.counts[what, rule, detail] += 1
        self.totals[what, rule, detail] += total

    def said(self, hours: float, kind: str, *, late_by: float = 0, **data: Any) -> Said:
        """An event that takes effect `hours` into the story; its own time is `late_by` hours earlier."""
        self._ids += 1
        effective = START + round(hours * HOUR)
        own = effective - round(late_by * HOUR)
        return Said(kind, "ann", "shop", f"e{self._ids}", data, self.traits, own, effective)

    def say(self, hours: float, kind: str, *, late_by: float = 0, **data: Any) -> bool:
        """An event happens; whether a rule of the file took it."""
        said = self.said(hours, kind, late_by=late_by, **data)
        self.wait(hours, including=False)
        refusal = self.cases.refusal(self.care, said)
        if refusal is not None:
            self.refused.append(refusal)
            return False
        return self.cases.take(self.care, said, self.out)

    def wait(self, hours: float, *, including: bool = True) -> None:
        """Time passes until then; with or without what is due at that very moment."""
        until = START + round(hours * HOUR) - (not including)
        while (due := self.cases.next_due(self.care)) is not None and due <= until:
            self.cases.fire(self.care, "ann", due, self.out)

    @property
    def case(self) -> Case:
        """The only case there is."""
        (case,) = self.care.cases
        return case

    @property
    def state(self) -> str:
        """Of the only case."""
        return STATES[self.case.state]

    @property
    def told(self) -> list[str]:
        """What was decided: `opened`, `assigned`, …, in order."""
        return [decision.type.removeprefix("touchline.case.") for decision in self.decisions]

    def times(self, *verbs: str) -> list[tuple[str, float]]:
        """Decisions of these kinds with their time in hours."""
        return [
            (verb, (decision.time - START) / HOUR)
            for verb, decision in zip(self.told, self.decisions, strict=True)
            if verb in verbs
        ]

    def count(self, what: str, rule: str = "", detail: str = "") -> int:
        """How often something was counted."""
        return self.counts[what, rule, detail]
