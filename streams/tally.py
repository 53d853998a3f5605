"""What a partition counts while a tick is open; closing it makes the tick's partial."""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from streams.effects import (
    AlertCommand,
    CareCount,
    Cell,
    ChangeSeen,
    DoorCounts,
    Entered,
    EntrantSample,
    Mark,
    Measured,
    Nominee,
    Outcome,
    Partial,
    Sighting,
    SourceSeen,
    customer_number,
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
CHANGES = 0
ORDERS = 1
_MOST_CHANGES = 16
_MOST_COMMANDS = 64
_MOST_SIGHTINGS = 256


_Said = TypeVar("_Said", ChangeSeen, AlertCommand)
Ticks = dict[Cell, dict[int, list[int]]]
"""Counts by cell, then by entry tick."""


class Book:
    """Counts of one journey step in the open tick."""

    __slots__ = ("entered", "entrants", "journey", "outcomes", "step")

    def __init__(self, journey: str, step: str) -> None:
        self.journey = journey
        self.step = step
        self.entered: Ticks = {}
        """[count, sum of values]"""
        self.outcomes: Ticks = {}
        """[completed, abandoned, recovered, merged, sum of the values of the completed]"""
        self.entrants: list[str] = []
        """Subjects of the first four."""

    def enter(self, cell: Cell, entry_tick: int, value: int, subject: str) -> None:
        """One customer entered the step."""
        ticks = self.entered.get(cell)
        if ticks is None:
            ticks = self.entered[cell] = {}
        counts = ticks.get(entry_tick)
        if counts is None:
            ticks[entry_tick] = [1, value]
        else:
            counts[0] += 1
            counts[1] += value
        if len(self.entrants) < _SAMPLE:
            self.entrants.append(subject)

    def settle(self, cell: Cell, entry_tick: int, outcome: int, value: int) -> None:
        """One customer who had entered in `entry_tick` completed, abandoned, recovered or was merged."""
        ticks = self.outcomes.get(cell)
        if ticks is None:
            ticks = self.outcomes[cell] = {}
        counts = ticks.get(entry_tick)
        if counts is None:
            counts = ticks[entry_tick] = [0, 0, 0, 0, 0]
        counts[outcome] += 1
        if outcome == COMPLETED:
            counts[_VALUE] += value

    def clear(self) -> None:
        """The tick is over."""
        self.entered = {}
        self.outcomes = {}
        self.entrants = []

    def reshape(self, mapping: tuple[int, ...]) -> None:
        """Follow other segment dimensions."""
        self.entered = _reshaped(self.entered, mapping)
        self.outcomes = _reshaped(self.outcomes, mapping)


class Tally:
    """Counts of one open tick, by the tuple of raw segment values; a few dict updates per event."""

    def __init__(self) -> None:
        self.door = [0] * 7
        self.last_seen: dict[str, int] = {}
        """Last event of each source, kept across ticks; at most 1,000 sources, the rest is `other`."""
        self._books: dict[tuple[str, str], Book] = {}
        self._clear()

    def _clear(self) -> None:
        for book in self._books.values():
            book.clear()
        self.marks: dict[tuple[str, str], list[int]] = {}
        self.measured: dict[tuple[str, Cell], list[Any]] = {}
        self.sources: dict[str, list[int]] = {}
        self.types: defaultdict[str, int] = defaultdict(int)
        self.changes: list[ChangeSeen] = []
        self.commands: list[AlertCommand] = []
        self.care: dict[tuple[str, str, str], list[int]] = {}
        """What, rule and detail -> [count, total]."""
        self.erased: set[str] = set()
        """Customers whom everybody is to forget."""
        self.nominees: list[Nominee] = []
        self.sightings: list[Sighting] = []
        self.left = [0, 0]
        """Changes and commands for which there was no room, or no sense in them."""

    def book(self, journey: str, step: str) -> Book:
        """The counts of a step; the same object from tick to tick."""
        book = self._books.get((journey, step))
        if book is None:
            book = self._books[journey, step] = Book(journey, step)
        return book

    def mark(self, journey: str, step: str, kind: int) -> None:
        """An event that moved nobody, or a step that was passed over."""
        key = (journey, step)
        counts = self.marks.get(key)
        if counts is None:
            counts = self.marks[key] = [0, 0, 0]
        counts[kind] += 1

    def measure(self, signal: str, cell: Cell) -> list[Any]:
        """The open counts [n, total, squares, top, bottom, histogram, scores] of a signal's cell."""
        key = (signal, cell)
        counts = self.measured.get(key)
        if counts is None:
            counts = self.measured[key] = [0, 0, 0, 0, 0, {}, {}]
        return counts

    def accept(self, kind: str, source: str, time: int, late: bool, future: bool) -> None:
        """One more event in all totals, with its own time (UTC epoch microseconds)."""
        self.door[ACCEPTED] += 1
        if late:
            self.door[LATE] += 1
        if future:
            self.door[FUTURE] += 1
        self.types[kind] += 1
        self.see(source, time)

    def see(self, source: str, time: int) -> str | None:
        """An accepted event of a source at its own time (UTC epoch microseconds).

        Returns the source if none of its events was later: then `see_more` may take those that follow.
        """
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
            return source if gap >= 0 else None
        counts[0] += 1
        if time < counts[1]:
            counts[1] = time
        elif time > counts[2]:
            counts[2] = time
        if gap > counts[3]:
            counts[3] = gap
        return source if gap >= 0 else None

    def see_more(self, source: str, count: int, latest: int, gap: int) -> None:
        """What `see` makes of `count` more events of the source it returned last, each no earlier than the one before.

        `latest` is the time of the last one, `gap` the longest between two of them, that of `see` included.
        """
        self.last_seen[source] = latest
        counts = self.sources[source]
        counts[0] += count
        if latest > counts[2]:
            counts[2] = latest
        if gap > counts[3]:
            counts[3] = gap

    def change(self, seen: ChangeSeen) -> None:
        """A `change.deployed`."""
        self._keep(self.changes, seen, CHANGES, _MOST_CHANGES)

    def care_for(self, what: str, rule: str, detail: str, total: int) -> None:
        """One more of what happened to customers by the rules about them, with an amount that adds up."""
        counts = self.care.setdefault((what, rule, detail), [0, 0])
        counts[0] += 1
        counts[1] += total

    def nominate(self, nominee: Nominee) -> None:
        """An ask competes for a place in its rule's quota."""
        self.nominees.append(nominee)

    def sight(self, sighting: Sighting) -> None:
        """An event that a cluster counts."""
        insort(self.sightings, sighting, key=lambda one: (one.time, one.cause, one.rule, one.entity))
        del self.sightings[_MOST_SIGHTINGS:]

    def command(self, command: AlertCommand | None) -> None:
        """What somebody said about an alert; None when it makes no sense."""
        if command is None:
            self.left[ORDERS] += 1
        else:
            self._keep(self.commands, command, ORDERS, _MOST_COMMANDS)

    def _keep(self, kept: list[_Said], one: _Said, kind: int, most: int) -> None:
        """The first few in their order, whatever the order they came in."""
        insort(kept, one, key=_order)
        if len(kept) > most:
            kept.pop()
            self.left[kind] += 1

    @property
    def empty(self) -> bool:
        """Whether nothing happened in the open tick (what happened at the door apart)."""
        return not (
            self.types
            or self.measured
            or self.marks
            or self.care
            or self.nominees
            or self.sightings
            or any(book.outcomes for book in self._books.values())
        )

    def close(self, partition: int, sequence: int, first_tick: int, tick: int, config: str) -> Partial:
        """The partial of the open tick; the tally is empty afterwards."""
        books = [book for _, book in sorted(self._books.items())]
        partial = Partial(
            partition=partition,
            sequence=sequence,
            first_tick=first_tick,
            tick=tick,
            config=config,
            door=DoorCounts(*self.door),
            entered=tuple(
                [
                    Entered(book.journey, book.step, cell, count, _held(value), tick - entry_tick)
                    for book in books
                    for cell, entry_tick, (count, value) in _in_order(book.entered)
                ]
            ),
            outcomes=tuple(
                [
                    Outcome(
                        book.journey, book.step, cell, entry_tick, completed, abandoned, recovered, merged, _held(value)
                    )
                    for book in books
                    for cell, entry_tick, (completed, abandoned, recovered, merged, value) in _in_order(book.outcomes)
                ]
            ),
            marks=tuple(Mark(*key, *counts) for key, counts in sorted(self.marks.items())),
            measured=tuple(
                Measured(signal, cell, n, _held(total), _held(squares // _LOW), squares % _LOW, *others)
                for (signal, cell), (n, total, squares, *others) in sorted(
                    self.measured.items(), key=lambda item: item[0]
                )
            ),
            sources=tuple(SourceSeen(source, *counts) for source, counts in sorted(self.sources.items())),
            entrants=tuple(
                EntrantSample(book.journey, book.step, tuple(book.entrants)) for book in books if book.entrants
            ),
            types=dict(sorted(self.types.items())),
            changes=tuple(self.changes),
            commands=tuple(self.commands),
            changes_left=self.left[CHANGES],
            commands_left=self.left[ORDERS],
            care=tuple(CareCount(*key, count, _held(total)) for key, (count, total) in sorted(self.care.items())),
            erased=tuple(sorted(self.erased)),
            sightings=tuple(self.sightings),
            nominees=tuple(sorted(self.nominees, key=lambda one: (one.due, one.subject, one.rule))),
        )
        self.door = [0] * 7
        self._clear()
        return partial

    def reshape(self, mapping: tuple[int, ...]) -> None:
        """Follow other segment dimensions: `mapping` gives, per new dimension, its old index or -1."""
        for book in self._books.values():
            book.reshape(mapping)
        measured, self.measured = self.measured, {}
        for (signal, cell), measures in measured.items():
            target = self.measure(signal, reshape(cell, mapping))
            for index in range(5):
                target[index] += measures[index]
            for counted, merged in zip(measures[5:], target[5:], strict=True):
                for at, count in counted.items():
                    merged[at] = merged.get(at, 0) + count

    def forget(self, subjects: Collection[str]) -> None:
        """Name these customers no more; they stay counted."""
        self.nominees = [nominee.without(subjects) for nominee in self.nominees]
        numbers = {customer_number(subject) for subject in subjects}
        self.sightings = [sighting for sighting in self.sightings if sighting.customer not in numbers]
        for book in self._books.values():
            book.entrants = [subject for subject in book.entrants if subject not in subjects]

    def erase(self, subject: str) -> None:
        """The same here, and tell it to whoever was given this customer as an example before."""
        self.forget((subject,))
        self.erased.add(subject)

    def snapshot(self) -> bytes:
        """The open counts, for the commit."""
        return msgspec.msgpack.encode(
            [
                self.door,
                self.last_seen,
                [counted for book in self._books.values() for counted in _stored(book, book.entered)],
                [counted for book in self._books.values() for counted in _stored(book, book.outcomes)],
                list(self.marks.items()),
                [
                    (key, [n, _held(total), _held(squares // _LOW), squares % _LOW, top, bottom, histogram])
                    for key, (n, total, squares, top, bottom, histogram, _) in self.measured.items()
                ],
                self.sources,
                [(place, book.entrants) for place, book in self._books.items() if book.entrants],
                self.types,
                [(key, measures[6]) for key, measures in self.measured.items() if measures[6]],
                self.changes,
                self.commands,
                self.left,
                list(self.care.items()),
                sorted(self.erased),
                self.nominees,
                self.sightings,
            ]
        )

    @classmethod
    def restore(cls, body: bytes) -> Tally:
        """The tally that `snapshot` wrote."""
        stored = msgspec.msgpack.decode(body, type=_Stored)
        tally = cls()
        tally.door, tally.last_seen, tally.sources = stored.door, stored.last, stored.sources
        tally.types.update(stored.types)
        for (journey, step, cell, entry_tick), counts in stored.entered:
            tally.book(journey, step).entered.setdefault(cell, {})[entry_tick] = counts
        for (journey, step, cell, entry_tick), counts in stored.outcomes:
            tally.book(journey, step).outcomes.setdefault(cell, {})[entry_tick] = counts
        tally.marks = dict(stored.marks)
        tally.measured = {
            key: [n, total, high * _LOW + low, top, bottom, histogram, {}]
            for key, (n, total, high, low, top, bottom, histogram) in stored.measured
        }
        for place, scores in stored.scores:
            tally.measured[place][6] = scores
        tally.changes, tally.commands, tally.left = stored.changes, stored.commands, stored.left
        tally.care, tally.erased = dict(stored.care), set(stored.erased)
        tally.nominees, tally.sightings = stored.nominees, stored.sightings
        for (journey, step), subjects in stored.entrants:
            tally.book(journey, step).entrants = subjects
        return tally


_StoredCounts = tuple[tuple[str, str, Cell, int], list[int]]


class _Stored(msgspec.Struct, array_like=True):
    door: list[int]
    last: dict[str, int]
    entered: list[_StoredCounts]
    outcomes: list[_StoredCounts]
    marks: list[tuple[tuple[str, str], list[int]]]
    measured: list[tuple[tuple[str, Cell], tuple[int, int, int, int, int, int, dict[int, int]]]]
    sources: dict[str, list[int]]
    entrants: list[tuple[tuple[str, str], list[str]]]
    types: dict[str, int]
    # What follows came later; what was stored before does not have it.
    scores: list[tuple[tuple[str, Cell], dict[int, int]]] = []
    changes: list[ChangeSeen] = []
    commands: list[AlertCommand] = []
    left: list[int] = msgspec.field(default_factory=lambda: [0, 0])
    care: list[tuple[tuple[str, str, str], list[int]]] = []
    erased: list[str] = []
    nominees: list[Nominee] = []
    sightings: list[Sighting] = []


def _held(total: int) -> int:
    """A sum as 64 bits hold it: only ten values near the largest in one second could reach the end."""
    return max(-_MOST, min(_MOST, total))


def mapping_of(old: Sequence[str], new: Sequence[str]) -> tuple[int, ...]:
    """Per dimension of the new ones its old index, or -1."""
    return tuple(old.index(name) if name in old else -1 for name in new)


def reshape(cell: Cell, mapping: tuple[int, ...]) -> Cell:
    """A cell's values under other dimensions; a new dimension is `unknown`."""
    return tuple("unknown" if index < 0 else cell[index] for index in mapping)


def _order(said: ChangeSeen | AlertCommand) -> tuple[int | str, ...]:
    if isinstance(said, AlertCommand):
        return (said.time, said.kind, said.fingerprint, said.by, said.duration, said.source, said.id)
    return (said.time, said.source, said.id, repr(said.data))


def _in_order(counts: Ticks) -> Iterator[tuple[Cell, int, list[int]]]:
    for cell in sorted(counts):
        ticks = counts[cell]
        for entry_tick in sorted(ticks):
            yield cell, entry_tick, ticks[entry_tick]


def _stored(book: Book, counts: Ticks) -> Iterator[_StoredCounts]:
    for cell, entry_tick, sums in _in_order(counts):
        yield (book.journey, book.step, cell, entry_tick), [_held(total) for total in sums]


def _reshaped(counts: Ticks, mapping: tuple[int, ...]) -> Ticks:
    result: Ticks = {}
    for cell, entry_tick, sums in _in_order(counts):
        ticks = result.setdefault(reshape(cell, mapping), {})
        known = ticks.get(entry_tick)
        ticks[entry_tick] = sums if known is None else [a + b for a, b in zip(known, sums, strict=True)]
    return result
