"""What a partition counts while a tick is open; closing it makes the tick's partial."""

from __future__ import annotations

from typing import Any

import msgspec

from streams.effects import (
    Cell,
    DoorCounts,
    Entered,
    EntrantSample,
    Mark,
    Measured,
    Outcome,
    Partial,
    SourceSeen,
)

COMPLETED = 0
ABANDONED = 1
RECOVERED = 2
MERGED = 3
_VALUE = 4
SKIPPED = 0
REPEATED = 1
UNATTRIBUTED = 2
READ = 0
ACCEPTED = 1
DUPLICATE = 2
LATE = 3
FUTURE = 4
INVALID = 5
EVICTED = 6
_SAMPLE = 4
_LOW = 1 << 62
_MOST = (1 << 63) - 1
OTHER_SOURCE = "other"
_MAX_SOURCES = 1000


class Tally:
    """Counts of one open tick, by the tuple of raw segment values; a few dict updates per event."""

    def __init__(self) -> None:
        self.door = [0] * 7
        self.last_seen: dict[str, int] = {}
        """Last event of each source, kept across ticks; at most 1,000 sources, the rest is `other`."""
        self._clear()

    def _clear(self) -> None:
        self.entered: dict[tuple[str, str, Cell, int], list[int]] = {}
        self.outcomes: dict[tuple[str, str, Cell, int], list[int]] = {}
        self.marks: dict[tuple[str, str], list[int]] = {}
        self.measured: dict[tuple[str, Cell], list[Any]] = {}
        self.sources: dict[str, list[int]] = {}
        self.entrants: dict[tuple[str, str], list[str]] = {}
        self.types: dict[str, int] = {}

    def enter(self, journey: str, step: str, cell: Cell, entry_tick: int, value: int, subject: str) -> None:
        """One customer entered a step."""
        key = (journey, step, cell, entry_tick)
        counts = self.entered.get(key)
        if counts is None:
            self.entered[key] = [1, value]
        else:
            counts[0] += 1
            counts[1] += value
        place = (journey, step)
        sample = self.entrants.get(place)
        if sample is None:
            self.entrants[place] = [subject]
        elif len(sample) < _SAMPLE:
            sample.append(subject)

    def settle(self, journey: str, step: str, cell: Cell, entry_tick: int, outcome: int, value: int) -> None:
        """One customer who had entered `step` in `entry_tick` completed, abandoned, recovered or was merged."""
        key = (journey, step, cell, entry_tick)
        counts = self.outcomes.get(key)
        if counts is None:
            counts = self.outcomes[key] = [0, 0, 0, 0, 0]
        counts[outcome] += 1
        if outcome == COMPLETED:
            counts[_VALUE] += value

    def mark(self, journey: str, step: str, kind: int) -> None:
        """An event that moved nobody, or a step that was passed over."""
        key = (journey, step)
        counts = self.marks.get(key)
        if counts is None:
            counts = self.marks[key] = [0, 0, 0]
        counts[kind] += 1

    def measure(self, signal: str, cell: Cell) -> list[Any]:
        """The open counts [n, total, squares, top, bottom, histogram] of a signal's cell."""
        key = (signal, cell)
        counts = self.measured.get(key)
        if counts is None:
            counts = self.measured[key] = [0, 0, 0, 0, 0, {}]
        return counts

    def see(self, source: str, time: int) -> None:
        """An accepted event of a source at its own time (UTC epoch microseconds)."""
        last = self.last_seen.get(source)
        if last is None:
            if len(self.last_seen) >= _MAX_SOURCES:
                source = OTHER_SOURCE
            last = self.last_seen.get(source, time)
        gap = time - last
        if gap >= 0:
            self.last_seen[source] = time
        counts = self.sources.get(source)
        if counts is None:
            self.sources[source] = [1, time, time, gap if gap > 0 else 0]
            return
        counts[0] += 1
        if time < counts[1]:
            counts[1] = time
        elif time > counts[2]:
            counts[2] = time
        if gap > counts[3]:
            counts[3] = gap

    @property
    def empty(self) -> bool:
        """Whether nothing happened in the open tick (what happened at the door apart)."""
        return not (self.types or self.outcomes or self.measured or self.marks)

    def close(self, partition: int, sequence: int, first_tick: int, tick: int, config: str) -> Partial:
        """The partial of the open tick; the tally is empty afterwards."""
        partial = Partial(
            partition=partition,
            sequence=sequence,
            first_tick=first_tick,
            tick=tick,
            config=config,
            door=DoorCounts(*self.door),
            entered=tuple(
                Entered(journey, step, cell, count, _held(value), tick - entry_tick)
                for (journey, step, cell, entry_tick), (count, value) in sorted(self.entered.items())
            ),
            outcomes=tuple(
                Outcome(*key, *counts[:_VALUE], _held(counts[_VALUE])) for key, counts in sorted(self.outcomes.items())
            ),
            marks=tuple(Mark(*key, *counts) for key, counts in sorted(self.marks.items())),
            measured=tuple(
                Measured(signal, cell, n, _held(total), _held(squares // _LOW), squares % _LOW, top, bottom, histogram)
                for (signal, cell), (n, total, squares, top, bottom, histogram) in sorted(
                    self.measured.items(), key=lambda item: item[0]
                )
            ),
            sources=tuple(SourceSeen(source, *counts) for source, counts in sorted(self.sources.items())),
            entrants=tuple(
                EntrantSample(journey, step, tuple(subjects))
                for (journey, step), subjects in sorted(self.entrants.items())
            ),
            types=dict(sorted(self.types.items())),
        )
        self.door = [0] * 7
        self._clear()
        return partial

    def reshape(self, mapping: tuple[int, ...]) -> None:
        """Follow other segment dimensions: `mapping` gives, per new dimension, its old index or -1."""
        entered, outcomes, measured = self.entered, self.outcomes, self.measured
        self.entered, self.outcomes, self.measured = {}, {}, {}
        for (journey, step, cell, tick), counts in entered.items():
            _add(self.entered, (journey, step, reshape(cell, mapping), tick), counts)
        for (journey, step, cell, tick), counts in outcomes.items():
            _add(self.outcomes, (journey, step, reshape(cell, mapping), tick), counts)
        for (signal, cell), measures in measured.items():
            target = self.measure(signal, reshape(cell, mapping))
            for index in range(5):
                target[index] += measures[index]
            for bucket, count in measures[5].items():
                target[5][bucket] = target[5].get(bucket, 0) + count

    def snapshot(self) -> bytes:
        """The open counts, for the commit."""
        return msgspec.msgpack.encode(
            [
                self.door,
                self.last_seen,
                [(key, [_held(count) for count in counts]) for key, counts in self.entered.items()],
                [(key, [_held(count) for count in counts]) for key, counts in self.outcomes.items()],
                list(self.marks.items()),
                [
                    (key, [n, _held(total), _held(squares // _LOW), squares % _LOW, top, bottom, histogram])
                    for key, (n, total, squares, top, bottom, histogram) in self.measured.items()
                ],
                self.sources,
                list(self.entrants.items()),
                self.types,
            ]
        )

    @classmethod
    def restore(cls, body: bytes) -> Tally:
        """The tally that `snapshot` wrote."""
        stored = msgspec.msgpack.decode(body, type=_Stored)
        tally = cls()
        tally.door, tally.last_seen, tally.sources, tally.types = stored.door, stored.last, stored.sources, stored.types
        tally.entered = dict(stored.entered)
        tally.outcomes = dict(stored.outcomes)
        tally.marks = dict(stored.marks)
        tally.measured = {
            key: [n, total, high * _LOW + low, top, bottom, histogram]
            for key, (n, total, high, low, top, bottom, histogram) in stored.measured
        }
        tally.entrants = dict(stored.entrants)
        return tally


class _Stored(msgspec.Struct, array_like=True):
    door: list[int]
    last: dict[str, int]
    entered: list[tuple[tuple[str, str, Cell, int], list[int]]]
    outcomes: list[tuple[tuple[str, str, Cell, int], list[int]]]
    marks: list[tuple[tuple[str, str], list[int]]]
    measured: list[tuple[tuple[str, Cell], tuple[int, int, int, int, int, int, dict[int, int]]]]
    sources: dict[str, list[int]]
    entrants: list[tuple[tuple[str, str], list[str]]]
    types: dict[str, int]


def _held(total: int) -> int:
    """A sum as 64 bits hold it: only ten values near the largest in one second could reach the end."""
    return max(-_MOST, min(_MOST, total))


def reshape(cell: Cell, mapping: tuple[int, ...]) -> Cell:
    """A cell's values under other dimensions; a new dimension is `unknown`."""
    return tuple("unknown" if index < 0 else cell[index] for index in mapping)


def _add(
    target: dict[tuple[str, str, Cell, int], list[int]], key: tuple[str, str, Cell, int], counts: list[int]
) -> None:
    known = target.get(key)
    target[key] = counts if known is None else [a + b for a, b in zip(known, counts, strict=True)]
