"""A partition's shell in memory: drives a JourneyStage over a log with commits, crashes and restarts."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from streams.effects import DeadLetter, Decision, Effects, Partial
from streams.model import Record
from streams.rules import Rules
from streams.stages.journey import JourneyStage


class Partition:
    """Commits state and effects together, as a store would; a crash loses everything since the last commit."""

    def __init__(self, rules: Rules, records: Sequence[Record]) -> None:
        self.rules = rules
        self.records = records
        self.states: dict[str, bytes] = {}
        self.timers: dict[str, int] = {}
        self.head: bytes | None = None
        self.partials: list[Partial] = []
        self.dead_letters: list[DeadLetter] = []
        self.decisions: list[Decision] = []
        self._start()

    def _fresh(self) -> JourneyStage:
        if self.head is None:
            return JourneyStage(self.rules)
        return JourneyStage.restore(self.rules, self.head, self.timers.items())

    def _start(self) -> None:
        self.stage = self._fresh()
        self.taken = Effects([], [], [])
        """Of the last step."""
        self._next = self.stage.position.low
        self._new_partials: list[Partial] = []
        self._new_letters: list[DeadLetter] = []
        self._new_decisions: list[Decision] = []

    def step(self, size: int) -> bool:
        """Read up to `size` records; False at the end of the log."""
        batch = self.records[self._next : self._next + size]
        if not batch:
            return False
        while missing := self.stage.needs(batch):
            self.stage.load({key: self.states.get(key) for key in missing})
        effects = self.taken = self.stage.process(batch)
        self._next += len(batch)
        self._new_partials += effects.partials
        self._new_letters += effects.dead_letters
        self._new_decisions += effects.decisions
        return True

    def commit(self) -> None:
        """Everything since the last commit becomes durable, all of it together."""
        changes = self.stage.changes()
        for key, state in changes.states.items():
            if state is None:
                self.states.pop(key, None)
            else:
                self.states[key] = state
        for key, due in changes.timers.items():
            if due is None:
                self.timers.pop(key, None)
            else:
                self.timers[key] = due
        self.head = changes.head
        self.partials += self._new_partials
        self.dead_letters += self._new_letters
        self.decisions += self._new_decisions
        self._new_partials, self._new_letters, self._new_decisions = [], [], []
        self.stage.evict(0)

    def live(self, data: st.DataObject) -> None:
        """Read to the end of the log, with commits and crashes as hypothesis draws them, and one more of each."""
        while self.step(data.draw(st.integers(1, 12))):
            fate = data.draw(st.sampled_from(["go on", "commit", "commit", "crash"]))
            if fate == "commit":
                self.commit()
            elif fate == "crash":
                self.crash()
        self.commit()
        self.crash()

    def crash(self) -> None:
        """The process dies and starts again from what was committed."""
        self._start()
