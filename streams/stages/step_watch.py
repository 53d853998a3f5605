"""One journey step under watch: what it is fed, when it is judged, what it reports.

Updates happen at fixed multiples of the step's interval, from a second for busy steps to minutes for slow ones, and
only while somebody is in flight; what they say depends on the content of the ticks alone. Between checkpoints of the
whole state the inputs of every update are kept, and gone through again after a restart.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Protocol

import msgspec
import numpy as np

from detectors.recursion import PENDING, Floats
from detectors.steps.deficit import counted
from detectors.steps.flight import IN_FLIGHT, Entrants, Leavers
from detectors.steps.hazards import Mask
from detectors.steps.packed import Packed, pack, unpack
from detectors.steps.recovery import Recovery
from detectors.steps.season import Season
from detectors.steps.step_drop import TOLERANCE, StepDrop
from streams.effects import Cell
from streams.findings import Finding, SeriesKey
from streams.stages.flood import Flood, FloodState
from streams.stages.lanes import WHOLE, Groups, Lanes
from streams.stages.step_finding import Ill, find

SECOND = 1_000_000
SLOWEST = 256
"""Longest interval between updates, seconds, unless the time to go on is longer than five hours."""
LEAST_PER_DAY = 20.0
"""Expected completions a day below which a series is watched through its parent."""
_DUE_PER_UPDATE = 0.25
_AGE_PART = 4
_AGES = 64
_LONGEST = 3600
"""Seconds after which those in flight are looked at in any case, or a 64th of the time to go on."""
_SLACK = 60
"""Seconds after their time within which customers are known to have left."""
_LEAST_SEEN = 20.0
_CHECKPOINT = 300
_MOST_ENTRIES = 4000
_FIRST_HOUR, _OFTEN, _SELDOM = 3600, 60, 600
_HOUR, _DAY, _WEEK = 3600, 86_400, 604_800
_RHYTHM_HOURS = 8 * 24
_RHYTHM_LASTS = 3 * _DAY
"""A night, or a weekend."""
_SAMPLES = 8
_NOBODY_LEFT = 0.5
_MOST_VALUE = 1 << 60
_VALUE_HALF_LIFE = 86_400.0

HourOfWeek = Callable[[int], int]
Row = tuple[Cell, int, int, int]


class Report(Protocol):
    """What a step tells: the book of alerts, or nobody while the past is gone through again."""

    def fire(self, finding: Finding) -> None:
        """It fell."""

    def update(self, finding: Finding) -> None:
        """More is known."""

    def resolve(self, series: SeriesKey, tick: int) -> None:
        """It is well again."""

    def rebaseline(self, series: SeriesKey, tick: int, ratio: float) -> None:
        """This is the new normal."""


class Entry(msgspec.Struct, array_like=True):
    """The input of one update."""

    tick: int
    whole: float
    """Expected false alarms per second granted to the whole."""
    segment: float
    """The same for each segment value under watch."""
    entered: list[Row] = []
    """Cell, second of entry, customers, sum of their values scaled by 1e6."""
    left: list[Row] = []
    """Cell, second of entry, completed in time, gone otherwise."""
    groups: Groups | None = None
    """Admitted segment values, where they changed."""
    accept: bool = False
    """Somebody accepted what is normal now."""


class _Open(msgspec.Struct, array_like=True):
    series: int
    key: SeriesKey
    ill: Ill
    fired: int
    told: int
    accepted: bool = False
    """Somebody accepted what is normal now; it holds once enough is known of it."""
    recovery: bytes = b""


class _Stored(msgspec.Struct, array_like=True):
    within: int
    drop: bytes
    season: bytes
    flood: FloodState
    lanes: tuple[list[Cell], Groups, list[tuple[str, str] | None]]
    interval: int
    last: int | None
    seconds: int
    entered: int
    value: tuple[float, float]
    falls: list[int]
    aside: list[tuple[int, int, float, float]]
    levels: Packed
    credit: Packed
    open: _Open | None


class _Journal(msgspec.Struct, array_like=True):
    samples: list[tuple[int, tuple[str, ...]]]
    entries: list[bytes]


class StepWatch:
    """Parameters
    ----------
    journey, step
        Names.
    within
        Seconds a customer may stay in the step.
    hour_of_week
        0…167, Monday first, of a second (UTC epoch), in the file's timezone.
    """

    def __init__(self, journey: str, step: str, within: int, hour_of_week: HourOfWeek) -> None:
        self.journey, self.step, self.within = journey, step, within
        self.drop = StepDrop(within)
        self.season = Season()
        self.flood = Flood(within)
        self.lanes = Lanes()
        self.recovery: Recovery | None = None
        self.samples: deque[tuple[int, tuple[str, ...]]] = deque(maxlen=_SAMPLES)
        """Tick and subjects of the latest entrants."""
        self.interval = _interval(within / 2048, within)
        self._hour_of_week = hour_of_week
        self._last: int | None = None
        self._seconds = 1
        """Length of the last update."""
        self._entered = 0
        """The latest second somebody entered."""
        self._in_flight = 0.0
        self._live: tuple[int, int] | None = None
        self._value = (0.0, 0.0)
        self._open: _Open | None = None
        self._falls: list[int] = []
        """Hours (counted from the epoch) in which the step fell lately."""
        self._aside: list[tuple[int, int, float, float]] = []
        """Hours while ill: hour, hour of the week, N and μ at factor 1."""
        self._queue = Entry(0, 0.0, 0.0)
        self._levels: Floats = np.zeros(0)
        self._credit: Floats = np.zeros(0)
        self._journal: list[bytes] = []
        self._checkpoint_due = True
        self._checkpoint_at = 0
        self._dirty = True
        self.drop.extend(0, self.lanes.member(), len(self.lanes.series))
        self._same = self._whole_again()

    def follow(self, hour_of_week: HourOfWeek) -> None:
        """Another file holds. In another timezone hours are other hours, and their rhythm is learnt anew."""
        if hour_of_week is not self._hour_of_week:
            self._hour_of_week = hour_of_week
            self.season = Season()
            # What happened until now cannot be gone through again in this timezone.
            self._checkpoint_due = self._dirty = True

    # Input

    def enter(self, cell: Cell, second: int, count: int, value: int) -> None:
        """So many entered the step in this second (UTC epoch); the sum of their values is scaled by 1e6."""
        self._queue.entered.append((cell, second, count, _bounded(value)))

    def leave(self, cell: Cell, second: int, completed: int, gone: int) -> None:
        """Of those who entered in this second, so many went on in time and so many left otherwise."""
        self._queue.left.append((cell, second, completed, gone))

    def accept(self) -> None:
        """Take what is normal since the alarm for normal, with the next update."""
        self._queue.accept = True

    def next_due(self) -> int | None:
        """The tick at which the next update happens; None while nobody is in flight and nothing has come."""
        if self._queue.entered or self._queue.left or self._queue.accept:
            after = 0 if self._last is None else self._last + 1
        elif self._last is None or self._idle:
            return None
        else:
            after = self._last + self._patience()
        return -(-(after + 1) // self.interval) * self.interval - 1

    @property
    def _idle(self) -> bool:
        """Nobody is in flight who could still go on in time."""
        late = self._last is not None and self._last - self._entered > self.within + _SLACK
        return late or self._in_flight <= _NOBODY_LEFT

    def _patience(self) -> int:
        """Seconds that nothing may be looked at while nothing comes: few are due, and they are old enough to wait."""
        due = float(self.drop.expected[WHOLE]) / max(self._seconds, 1)
        longest = max(_LONGEST, self.within // _AGES)
        wait = _DUE_PER_UPDATE / due if due > 0 else longest
        youngest = 0 if self._last is None else self._last - self._entered
        return max(int(min(wait, youngest / 2, longest)), self.interval)

    def close(self, tick: int, groups: Groups, whole: float, segment: float, report: Report) -> None:
        """Judge, if it is time. `whole` and `segment`: expected false alarms per second granted to each series."""
        due = self.next_due()
        if due is None or tick < due:
            return
        entry, self._queue = self._queue, Entry(0, 0.0, 0.0)
        entry.tick, entry.whole, entry.segment = tick, whole, segment
        entry.entered, entry.left = _together(entry.entered), _together(entry.left)
        if groups != self.lanes.groups:
            entry.groups = groups
        self._journal.append(msgspec.msgpack.encode(entry))
        self._dirty = True
        self._apply(entry, report)

    # One update

    def _apply(self, entry: Entry, report: Report) -> None:
        tick, drop = entry.tick, self.drop
        self._live = None
        self._regroup(entry)
        last = self._last
        if last is None or (self._idle and tick - last > self.interval):
            drop.rest(tick - self.interval)
            last = tick - self.interval
        self._last = tick
        seconds = self._seconds = tick - last
        if entry.entered:
            self._entered = max(self._entered, max(second for _, second, _, _ in entry.entered))
        entered, left = self._arrays(entry, seconds)
        how = self._hour_of_week(tick)
        factor, variance = self.season.factor(how)
        credit = self._credits(entry, seconds)
        ill = self._open is not None
        self._levels = drop.update(
            tick,
            entered,
            left,
            credit,
            factor=factor,
            factor_variance=variance,
            learn=not ill and not self.flood.lately(tick),
        )
        self._in_flight = float(drop.flight.aging.counts[:, IN_FLIGHT].sum())
        observed, expected = float(drop.observed[WHOLE]), float(drop.expected[WHOLE])
        if ill:
            self._set_aside(tick // _HOUR, how, observed, expected / factor)
            self._nurse(entry, entered, left, factor, report)
        else:
            if not self.flood.lately(tick):
                self.season.add(tick // _HOUR, how, observed, expected / factor, float(drop.dispersion.slow[WHOLE]))
            if (self._levels >= 1).any():
                self._fall(tick, report)
        if last // _HOUR != tick // _HOUR:
            self._pace()

    def _set_aside(self, hour: int, how: int, observed: float, expected: float) -> None:
        if self._aside and self._aside[-1][:2] == (hour, how):
            _, _, came, due = self._aside[-1]
            self._aside[-1] = (hour, how, came + observed, due + expected)
        else:
            self._aside = [*self._aside[-_RHYTHM_LASTS // _HOUR :], (hour, how, observed, expected)]

    def _regroup(self, entry: Entry) -> None:
        cells = [cell for cell, *_ in entry.entered]
        cells += [cell for cell, *_ in entry.left]
        new = self.lanes.take(cells)
        changed = [] if entry.groups is None else self.lanes.group(entry.groups)
        if new or entry.groups is not None:
            self.drop.extend(new, self.lanes.member(), len(self.lanes.series))
            if self.recovery is not None and new:
                self.recovery.extend(new)
            for series in changed:
                self.drop.clear(series)
            self._same = self._whole_again()

    def _whole_again(self) -> Mask:
        """Segment values that everybody has: their series is the whole once more, and is not watched beside it."""
        same = np.zeros(self.drop.series, dtype=bool)
        for row in self.drop.member[1:]:
            same |= np.bincount(row, minlength=self.drop.series) == self.drop.lanes
        return same

    def _arrays(self, entry: Entry, seconds: int) -> tuple[Entrants, Leavers]:
        per_second: dict[int, int] = {}
        fade = 0.5 ** (seconds / _VALUE_HALF_LIFE)
        customers, worth = self._value[0] * fade, self._value[1] * fade
        entered, left = entry.entered, entry.left
        for _, second, count, value in entered:
            per_second[second] = per_second.get(second, 0) + count
            customers, worth = customers + count, worth + value / 1e6
        self._value = (customers, worth)
        flooded = self.flood.take(per_second, entry.tick, seconds, self._hour_of_week(entry.tick))
        if flooded:
            self.drop.flight.aging.advance(entry.tick)
            self.drop.flight.weigh(np.array(flooded, dtype=np.int64), self.flood.weight(flooded[0]))
        weight, lane = self.flood.weight, self.lanes.lane
        return (
            Entrants(
                np.array([lane(cell) for cell, *_ in entered], dtype=np.int64),
                np.array([second for _, second, _, _ in entered], dtype=np.int64),
                np.array([count * weight(second) for _, second, count, _ in entered], dtype=np.float64),
            ),
            Leavers(
                np.array([lane(cell) for cell, *_ in left], dtype=np.int64),
                np.array([second for _, second, _, _ in left], dtype=np.int64),
                np.array([completed for _, _, completed, _ in left], dtype=np.float64),
                np.array([gone for _, _, _, gone in left], dtype=np.float64),
                np.array([weight(second) for _, second, _, _ in left]) if self.flood.state.weights else None,
            ),
        )

    def _credits(self, entry: Entry, seconds: int) -> Floats:
        credit = np.full(self.drop.series, entry.segment * seconds)
        credit[WHOLE] = entry.whole * seconds
        credit[~self._watched()] = 0.0
        self._credit = credit / seconds
        return credit

    def _watched(self) -> Mask:
        """Which series may get credit: known, voluminous enough, and not ill."""
        if self._open is not None:
            return np.zeros(self.drop.series, dtype=bool)
        watched: Mask = (self.drop.per_day >= LEAST_PER_DAY) & ~self._same
        return watched

    @property
    def live(self) -> tuple[int, int]:
        """How many series would get credit now: wholes, segment values. It changes with updates only."""
        if self._idle:
            return 0, 0
        if self._live is None:
            watched = self._watched()
            self._live = int(watched[WHOLE]), int(watched[WHOLE + 1 :].sum())
        return self._live

    def _pace(self) -> None:
        """Choose the interval from what has been learnt."""
        seen = self.drop.hazards.seen.sum()
        rate = float(self.drop.rate[WHOLE])
        if seen >= _LEAST_SEEN and rate > 0:
            self.interval = _interval(min(_DUE_PER_UPDATE / rate, self._mean_age() / _AGE_PART), self.within)

    def _mean_age(self) -> float:
        hazards = self.drop.hazards
        by_bin = hazards.completed.sum(axis=1)
        total = float(by_bin.sum())
        ages = self.drop.flight.aging.ages()[self.drop.flight.bins]
        return float((by_bin * ages).sum()) / total if total > 0 else float(self.within)

    # Ill

    def key(self, series: int) -> SeriesKey:
        """The series of a number."""
        dimension, value = self.lanes.series[series] or ("", "")
        return SeriesKey("conversion", "down", self.journey, self.step, "", dimension, value)

    def _fall(self, tick: int, report: Report) -> None:
        drop = self.drop
        alarmed = np.flatnonzero(self._levels >= 1)
        series = WHOLE if WHOLE in alarmed else int(alarmed[np.argmax(self._levels[alarmed])])
        fast = drop.fast.levels[series] >= drop.slow.levels[series]
        dispersion = float((drop.dispersion.fast if fast else drop.dispersion.slow)[series])
        ill = find(drop, self.lanes, series, dispersion, float(self._levels[series]))
        self._open = _Open(series, self.key(series), ill, tick, tick)
        affected = np.zeros(drop.lanes, dtype=bool)
        affected[ill.lanes] = True
        high = 1.0 if ill.left is None else ill.left[2]
        self.recovery = Recovery(self.within, drop.lanes, affected, tick + 1, high, TOLERANCE)
        drop.hazards.undo(ill.since_low, tick, counted(drop, np.arange(drop.lanes), ill.since_low)[0])
        self.season.forget_open()
        drop.reset()
        report.fire(self._finding(tick, ill, self._open.key, tick))

    def _nurse(self, entry: Entry, entered: Entrants, left: Leavers, factor: float, report: Report) -> None:
        opened, recovery, drop = self._open, self.recovery, self.drop
        assert opened is not None
        assert recovery is not None
        tick = entry.tick
        well = recovery.update(
            tick,
            entered,
            left,
            drop.hazards.rates,
            factor=factor,
            dispersion=float(drop.dispersion.fast[WHOLE]),
        )
        age = _WEEK if self.season.known else _DAY
        opened.accepted |= entry.accept
        if (opened.accepted and recovery.known()) or recovery.new_normal(tick, age):
            ratio = recovery.ratio(drop.hazards.rates)
            drop.adopt(recovery.challenger, recovery.flight())
            self._end(tick)
            report.rebaseline(opened.key, tick, 1.0 if ratio is None else ratio)
        elif well:
            drop.flight.begin(tick + 1)
            self._end(tick)
            report.resolve(opened.key, tick)
        elif tick - opened.told >= (_OFTEN if tick - opened.fired < _FIRST_HOUR else _SELDOM):
            opened.told = tick
            if tick - opened.ill.since < _DAY:
                opened.ill = find(
                    drop, self.lanes, opened.series, opened.ill.dispersion, opened.ill.evidence, opened.ill
                )
                recovery.affected[:] = False
                recovery.affected[opened.ill.lanes] = True
                report.update(self._finding(tick, opened.ill, opened.key, opened.fired))

    def _end(self, tick: int) -> None:
        """Ill no more. What recurs at the same hour of the day, such as closing time, is the rhythm of the week."""
        drop = self.drop
        opened = self._open
        assert opened is not None
        began = opened.ill.since // _HOUR
        before = [at for at in self._falls if began - at <= _RHYTHM_HOURS]
        recurs = any(min((began - at) % 24, (at - began) % 24) <= 1 for at in before if began - at >= 12)
        if recurs and tick - opened.ill.since < _RHYTHM_LASTS:
            for hour, how, observed, expected in self._aside:
                self.season.add(hour, how, observed, expected, float(drop.dispersion.slow[WHOLE]))
        self._falls, self._aside = [*before, began], []
        self._open = self.recovery = None
        drop.past.clear()
        drop.reset()
        self._in_flight = float(drop.flight.aging.counts[:, IN_FLIGHT].sum())
        self._levels = np.zeros(drop.series)

    def _finding(self, tick: int, ill: Ill, key: SeriesKey, fired: int | None = None) -> Finding:
        customers, worth = self._value
        hours = max(tick - ill.since + 1, 1) / 3600
        lost = max(ill.expected - ill.observed, 0.0)
        size = low = high = None
        if ill.left is not None:
            ratio, least, most = ill.left
            size, low, high = 1 - ratio, 1 - most, 1 - least
        notes = []
        if self.flood.state.capped and tick - self.flood.state.capped < _DAY:
            notes.append("a flood of entrants within the last day was weighed down to the usual number")
        return Finding(
            series=key,
            tick=tick,
            since=ill.since,
            since_low=ill.since_low,
            since_high=ill.since_high,
            observed=ill.observed,
            expected=ill.expected,
            size=size,
            size_low=low,
            size_high=high,
            early=fired is None or tick - fired < _SELDOM,
            segments=ill.segments,
            explanation=ill.explanation,
            loss=ill.loss,
            value_per_hour=lost / hours * worth / customers if worth and customers else None,
            examples=self._examples(),
            evidence=ill.evidence,
            notes=tuple(notes),
        )

    def _examples(self) -> tuple[str, ...]:
        found: list[str] = []
        for _, subjects in reversed(self.samples):
            found += [subject for subject in subjects if subject not in found]
        return tuple(found[:4])

    # Reading

    @property
    def state(self) -> str:
        """`firing`, `learning` (nothing has completed yet), `quiet` (too little volume) or `watching`."""
        if self._open is not None:
            return "firing"
        if not self.drop.series or self.drop.rate[WHOLE] <= 0:
            return "learning"
        return "watching" if self._watched()[WHOLE] else "quiet"

    @property
    def updated(self) -> int | None:
        """The tick of the last update."""
        return self._last

    @property
    def firing(self) -> SeriesKey | None:
        """The series that fires."""
        return None if self._open is None else self._open.key

    def pending(self, tick: int) -> list[Finding]:
        """Series on the way to an alarm, as they look now: the whole, else the one with the most evidence."""
        if self._open is not None or not (self._levels >= PENDING).any():
            return []
        level = float(self._levels.max())
        series = WHOLE if self._levels[WHOLE] >= PENDING else int(np.argmax(self._levels))
        dispersion = float(self.drop.dispersion.fast[series])
        return [self._finding(tick, find(self.drop, self.lanes, series, dispersion, level), self.key(series))]

    def levels(self) -> list[tuple[SeriesKey, float]]:
        """Series with their evidence: the whole, and the pending ones."""
        if not len(self._levels):
            return [(self.key(WHOLE), 0.0)]
        return [
            (self.key(at), float(level))
            for at, level in enumerate(self._levels)
            if at == WHOLE or (level >= PENDING and at < len(self.lanes.series) and self.lanes.series[at])
        ]

    def credit_of(self, series: int = WHOLE) -> float:
        """Expected false alarms per second granted to a series at its last update."""
        return float(self._credit[series]) if series < len(self._credit) else 0.0

    def kappa(self) -> float:
        """Relative standard error of the whole's baseline."""
        return float(self.drop.kappa[WHOLE]) if len(self.drop.kappa) else math.inf

    # Learning from history

    def learnt(self) -> bytes:
        """What is normal here, for `learn` of the same step elsewhere or later. This watch is of no use afterwards."""
        self.drop.settle()
        self.season.forget_open()
        self.flood.settle()
        self._open = self.recovery = self._last = None
        self._seconds, self._entered, self._falls, self._aside = 1, 0, [], []
        self._levels = self._credit = np.zeros(0)
        return self._dump()

    def learn(self, body: bytes) -> None:
        """Begin with what `learnt` wrote. Raises ValueError where that is of a step with another time to go on."""
        stored = _DECODE(body)
        if stored.within != self.within:
            raise ValueError(
                f"{self.journey}/{self.step}: learnt with {stored.within} s to go on, here it is {self.within} s"
            )
        self.load(body, None)

    # Storing

    def changes(self, tick: int, *, whole: bool = False) -> dict[str, bytes]:
        """Pieces to store: `state` at a checkpoint, `journal` whenever something came since. `whole`: everything, and
        nothing is taken for stored."""
        if self._queue.entered or self._queue.left or self._queue.accept:
            self._dirty = True
        if whole:
            return {"state": self._dump(), "journal": self._dump_journal([])}
        if not self._dirty:
            return {}
        pieces = {}
        due = tick - self._checkpoint_at >= _CHECKPOINT or len(self._journal) >= _MOST_ENTRIES
        if due or self._checkpoint_due:
            self._checkpoint_due, self._checkpoint_at = False, tick
            self._journal = []
            pieces["state"] = self._dump()
        pieces["journal"] = self._dump_journal(self._journal)
        self._dirty = False
        return pieces

    def _dump_journal(self, entries: list[bytes]) -> bytes:
        self._queue.tick = -1
        return msgspec.msgpack.encode(_Journal(list(self.samples), [*entries, msgspec.msgpack.encode(self._queue)]))

    def _dump(self) -> bytes:
        opened = self._open
        if opened is not None and self.recovery is not None:
            opened.recovery = self.recovery.snapshot()
        return msgspec.msgpack.encode(
            _Stored(
                self.within,
                self.drop.snapshot(),
                self.season.snapshot(),
                self.flood.state,
                self.lanes.dump(),
                self.interval,
                self._last,
                self._seconds,
                self._entered,
                self._value,
                self._falls,
                self._aside,
                pack(self._levels),
                pack(self._credit),
                opened,
            )
        )

    def load(self, state: bytes, journal: bytes | None) -> None:
        """Take what `changes` gave last of each, and go through the journal again."""
        self._live = None
        stored = _DECODE(state)
        self.lanes.load(stored.lanes)
        self.drop.restore(stored.drop, self.lanes.member(), len(self.lanes.series))
        self._same = self._whole_again()
        self.season.restore(stored.season)
        self.flood.state = stored.flood
        self.interval, self._last, self._value = stored.interval, stored.last, stored.value
        self._seconds, self._entered = stored.seconds, stored.entered
        self._falls, self._aside = stored.falls, stored.aside
        self._levels, self._credit = unpack(stored.levels), unpack(stored.credit)
        self._open = stored.open
        if stored.open is not None:
            self.recovery = Recovery.restore(stored.open.recovery, self.within, self.drop.lanes)
        self._in_flight = float(self.drop.flight.aging.counts[:, IN_FLIGHT].sum())
        if journal is not None:
            taken = _DECODE_JOURNAL(journal)
            self.samples = deque(taken.samples, maxlen=_SAMPLES)
            for body in taken.entries:
                entry = _DECODE_ENTRY(body)
                if entry.tick < 0:
                    self._queue = entry
                elif stored.last is None or entry.tick > stored.last:  # else the state has it already
                    self._journal.append(body)
                    self._apply(entry, _NOBODY)


class _Nobody:
    def fire(self, finding: Finding) -> None:
        pass

    def update(self, finding: Finding) -> None:
        pass

    def resolve(self, series: SeriesKey, tick: int) -> None:
        pass

    def rebaseline(self, series: SeriesKey, tick: int, ratio: float) -> None:
        pass


_NOBODY = _Nobody()
_DECODE = msgspec.msgpack.Decoder(_Stored).decode
_DECODE_JOURNAL = msgspec.msgpack.Decoder(_Journal).decode
_DECODE_ENTRY = msgspec.msgpack.Decoder(Entry).decode


def _together(rows: list[Row]) -> list[Row]:
    """Rows of one cell and second as one, sorted: how they were spread over partitions does not show, not even in the
    last bit."""
    sums: dict[tuple[Cell, int], tuple[int, int]] = {}
    for cell, second, one, other in rows:
        before = sums.get((cell, second), (0, 0))
        sums[cell, second] = before[0] + one, _bounded(before[1] + other)
    return [(cell, second, *both) for (cell, second), both in sorted(sums.items())]


def _bounded(value: int) -> int:
    """A sum that can be stored: an event may name any amount."""
    return max(min(value, _MOST_VALUE), -_MOST_VALUE)


def _interval(wanted: float, within: int) -> int:
    """The largest power of two seconds that is not above what is wanted, nor 256 s or a 64th of the time to go on."""
    longest = min(max(SLOWEST, within / _AGES), 4096)
    return int(2 ** math.floor(math.log2(max(min(wanted, longest), 1.0))))
