"""History through the same stages at full speed: virtual time, nothing delivered, the same result on every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from connectors.row import Row
from streams.config.load import Loaded
from streams.decisions import sort_key
from streams.effects import DeadLetter, Decision, Effects, Partial
from streams.journeys import TICK
from streams.model import Record
from streams.rules import Rules
from streams.stages.journey import JourneyStage
from streams.stages.signal import SignalStage

BATCH = 4096
"""Records per call of the stage; any number gives the same result."""


class Replay:
    """One input as one partition, both stages in line.

    Parameters
    ----------
    loaded
        The file.
    history
        Rules of other hashes that `touchline.config.activated` records of a recorded log may name.
    learnt
        Baselines to begin with, from `learnt` of another replay. Raises ValueError where they do not fit.
    recorded
        The input is a service's log, which says itself where a rule's `when` held.
    """

    def __init__(
        self,
        loaded: Loaded,
        history: Iterable[Loaded] = (),
        learnt: bytes | None = None,
        *,
        recorded: bool = False,
    ) -> None:
        known = {one.hash: one for one in (*history, loaded)}
        self._known = known
        self.journeys = JourneyStage(
            Rules.of(loaded), resident=True, rules_by_hash=lambda h: Rules.of(known[h]), closed=self._count
        )
        self.signals = SignalStage(loaded.config, loaded.hash)
        if learnt is not None:
            self.signals.detection.learn(learnt)
        self.decisions: list[Decision] = []
        self.dead_letters: Counter[str] = Counter()
        """Records that could not be taken, by reason."""
        self._config = loaded.hash
        self._offset = 0
        self._recorded = recorded
        self._last_tick: int | None = None

    def feed(self, rows: Iterable[Row]) -> Iterator[list[DeadLetter]]:
        """Take rows in log order; yields the dead letters of each batch, so that the caller can keep and count."""
        rows = iter(rows)
        while batch := [
            Record(self._offset + at, row.received, row.body, True, row.time)
            for at, row in enumerate(islice(rows, BATCH))
        ]:
            self._offset += len(batch)
            yield self._take(self.journeys.process(batch))

    def finish(self, until: int | None = None, *, silent: bool = False) -> list[DeadLetter]:
        """End of input; `until` (UTC epoch microseconds) lets time run on after the last event.

        That nothing comes after the last event is the end of a history and no alarm; `silent` says that it was a
        silence, as a service that runs on would see it. Returns the dead letters among the events that had been
        waiting for their turn.
        """
        last = self.journeys.last_time
        if last is not None and not silent:
            self.signals.judge_until(last // TICK)
        letters = self._take(self.journeys.finish(until))
        if self._last_tick is not None:
            self.decisions += self.signals.finish(self._last_tick)
        self.decisions.sort(key=sort_key)
        return letters

    def learnt(self) -> bytes:
        """What is normal, as this history has it; the replay is over with it."""
        return self.signals.detection.learnt()

    def _take(self, effects: Effects) -> list[DeadLetter]:
        self.decisions += effects.decisions
        for letter in effects.dead_letters:
            self.dead_letters[letter.reason] += 1
        return effects.dead_letters

    def _count(self, partial: Partial) -> None:
        """A tick is over: what signals and quotas say is known before anything later happens."""
        if partial.config != self._config:
            self._config = partial.config
            self.signals.activate(self._known[partial.config].config, partial.config)
        self.decisions += self.signals.process(partial)
        if not self._recorded:
            self.journeys.stand(self.signals.standing)
            for verdicts in self.signals.quotas.untold(partial.partition):
                self.journeys.judge(verdicts)
            for lesson in self.signals.learning.untold:
                self.journeys.learn(lesson)
        self.signals.quotas.confirmed(partial.partition, self.journeys.verdicts)
        self.signals.learning.confirmed(self.journeys.lessons)
        self._last_tick = partial.tick
