"""What has happened since the last commit and leaves with the next one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import msgspec

from streams import decisions as records
from streams.effects import DeadLetter, Decision, Effects
from streams.runtime import commit as commits
from streams.runtime.commit import Commit, Head, NewDecision, NewPartial
from streams.stages.head import Changes

_encode = msgspec.msgpack.Encoder().encode
PARTIALS, DECISIONS, DEAD_LETTERS = "partials", "decisions", "dead_letters"


class Pending:
    """Effects in the order in which they came about. `take` turns them into one commit and begins anew."""

    def __init__(self) -> None:
        self._partials: list[NewPartial] = []
        self._dead_letters: list[DeadLetter] = []
        self._decisions: list[NewDecision] = []
        self.signals_decided = False
        """SignalStage has decided something: its pieces must go with the next commit."""
        self.received: dict[int, int] = {}
        """When records were received (UTC epoch microseconds) -> how many; for the latency to their commit."""

    def add(self, effects: Effects) -> None:
        """Effects of JourneyStage."""
        self._partials += [NewPartial(partial.sequence, partial.tick, _encode(partial)) for partial in effects.partials]
        self._dead_letters += effects.dead_letters
        self._decide(effects.decisions)

    def add_signal_decisions(self, decisions: Sequence[Decision]) -> None:
        """Decisions of SignalStage."""
        if decisions:
            self.signals_decided = True
            self._decide(decisions)

    def take(
        self,
        before: Head,
        stored: bytes,
        changes: Changes,
        *,
        low: int,
        config: str,
        now: int,
        signals: tuple[Mapping[str, bytes | None], int, str] | None,
    ) -> Commit:
        """Everything of one commit.

        `before` is the head as stored, `stored` its bytes; `low` where recovery begins; `now` UTC epoch microseconds;
        `signals` the changed pieces of SignalStage with the number of the first partial they do not contain and the
        hash of their file, None to leave them as stored.
        """
        pieces, signal_read, signal_config = signals or ({}, before.signal_read, before.signal_config)
        first = before.sequences.get(DECISIONS, 0)
        sequences = {
            PARTIALS: before.sequences.get(PARTIALS, 0) + len(self._partials),
            DECISIONS: first + len(self._decisions),
            DEAD_LETTERS: before.sequences.get(DEAD_LETTERS, 0) + len(self._dead_letters),
        }
        head = Head(
            format=commits.FORMAT,
            epoch=before.epoch,
            commit=before.commit + 1,
            token=os.urandom(8),
            partitions=before.partitions,
            read=changes.position.read,
            low=low,
            watermark=changes.position.watermark,
            config=config,
            sequences=sequences,
            signal_read=signal_read,
            signal_config=signal_config,
            stage=changes.head,
        )
        commit = Commit(
            before=stored,
            head=commits.encode(head),
            low=low,
            now=now,
            first_decision=first,
            states=changes.states,
            timers=changes.timers,
            partials=self._partials,
            decisions=self._decisions,
            dead_letters=self._dead_letters,
            pieces=pieces,
            signal_read=signal_read,
            watermark=changes.position.watermark,
        )
        self._partials, self._dead_letters, self._decisions = [], [], []
        self.signals_decided = False
        return commit

    def _decide(self, decisions: Sequence[Decision]) -> None:
        self._decisions += [
            NewDecision(decision.id, decision.type, decision.time, decision.subject, records.encode(decision))
            for decision in decisions
        ]
