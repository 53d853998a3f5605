"""Which segment values have a series of their own: bounded, and the same however the input is partitioned.

A value is admitted when it has 50 step entries over all journeys together, while its dimension has a free place of its
20; listed values have theirs from the start. Before and beyond that a value counts as `other`. After 7 days without an
event its place is free again and its counting starts anew. `unknown` is a value like any other; a value that is
literally `other` always counts as `other`.

All of it is decided when a tick closes, from the sums of that tick over all partitions. Of several values that reach
50 in one tick, the places go in the order of their text (by code points).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

OTHER = "other"
ENTRIES = 50
"""Step entries after which a value is admitted."""
PLACES = 20
"""Admitted values of a dimension, listed ones included."""
SILENCE = 7 * 86_400
"""Seconds without an event after which a value's place is freed."""
CANDIDATES = 1000
"""Values counted towards admission, per dimension; of more the rarest (then longest silent) are forgotten."""

_ALWAYS = -(1 << 62)


class _Candidate(msgspec.Struct, array_like=True):
    entries: int
    last: int


class Dimension:
    """One segment dimension: the values it has admitted, and those it counts. Ticks are seconds, UTC epoch."""

    def __init__(self, name: str, listed: Sequence[str] = (), since: int | None = None) -> None:
        self.name = name
        self.listed = frozenset(listed) - {OTHER}
        self.since = _ALWAYS if since is None else since
        """Tick from which the dimension counts; earlier entries are not part of it."""
        self.admitted: dict[str, int] = dict.fromkeys(sorted(self.listed), _ALWAYS)
        """Value -> tick of its admission."""
        self._last: dict[str, int] = {}
        self._candidates: dict[str, _Candidate] = {}
        self._next_check = _ALWAYS

    def series(self, value: str, entry_tick: int) -> str:
        """The series that counts a customer who entered with this value in `entry_tick`."""
        since = self.admitted.get(value)
        return value if since is not None and entry_tick >= since else OTHER

    def silent(self, tick: int) -> list[str]:
        """Free the places of values silent for 7 days at `tick`; returns them."""
        if tick < self._next_check:
            return []
        freed = [value for value, last in self._last.items() if tick - last >= SILENCE]
        for value in freed:
            del self._last[value], self.admitted[value]
        for value in [value for value, seen in self._candidates.items() if tick - seen.last >= SILENCE]:
            del self._candidates[value]
        oldest = min(self._last.values(), default=tick)
        oldest = min(oldest, min((seen.last for seen in self._candidates.values()), default=tick))
        self._next_check = oldest + SILENCE
        return freed

    def count(self, entries: Mapping[str, int], seen: set[str], tick: int) -> bool:
        """Take a tick's step entries by value, and the values its signals saw; admit who has enough.

        `silent` comes first in every tick: it frees places, and the caller has to know which. True when a value was
        admitted.
        """
        for value in seen:
            if value in self._last:
                self._last[value] = tick
        ready = []
        for value, count in entries.items():
            if value in self._last:
                self._last[value] = tick
            elif value != OTHER and value not in self.listed:
                candidate = self._candidates.get(value)
                if candidate is None:
                    candidate = self._candidates[value] = _Candidate(count, tick)
                else:
                    candidate.entries += count
                    candidate.last = tick
                if candidate.entries >= ENTRIES:
                    ready.append(value)
        admitted = sorted(ready)[: max(PLACES - len(self.admitted), 0)]
        for value in admitted:
            del self._candidates[value]
            self.admitted[value] = tick
            self._last[value] = tick
        if len(self._candidates) > 2 * CANDIDATES:
            kept = sorted(self._candidates.items(), key=lambda item: (-item[1].entries, -item[1].last, item[0]))
            self._candidates = dict(kept[:CANDIDATES])
        return bool(admitted)

    def relist(self, listed: Sequence[str], tick: int) -> None:
        """Follow another list of values from `tick` on; values no longer listed stay until they fall silent."""
        before, self.listed = self.listed, frozenset(listed) - {OTHER}
        for value in sorted(self.listed - before):
            self._candidates.pop(value, None)
            self._last.pop(value, None)
            self.admitted.setdefault(value, tick)
        for value in sorted(before - self.listed):
            self._last[value] = tick

    def dump(self) -> tuple[int, dict[str, int], dict[str, int], dict[str, tuple[int, int]]]:
        """Everything but the list of the file, for `load`."""
        candidates = {value: (seen.entries, seen.last) for value, seen in self._candidates.items()}
        return self.since, self.admitted, self._last, candidates

    def load(self, stored: tuple[int, dict[str, int], dict[str, int], dict[str, tuple[int, int]]]) -> None:
        """Take what `dump` wrote."""
        self.since, self.admitted, self._last, candidates = stored
        self._candidates = {value: _Candidate(*seen) for value, seen in candidates.items()}
        self._next_check = _ALWAYS
