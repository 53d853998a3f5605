"""One series of events under watch for a change of its rate: arrivals, calls, complaints, errors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from detectors.recursion import PENDING
from detectors.series import baseline
from detectors.series.baseline import Baseline, HourOfWeek
from detectors.series.evidence import Evidence, updates_to_alarm
from detectors.series.granted import Granted
from detectors.series.recent import Recent, ratio_interval
from detectors.series.report import (
    DAY,
    NEW_NORMAL,
    NEW_NORMAL_WEEK,
    SURE,
    Direction,
    Facts,
    Report,
    State,
    next_update,
)
from detectors.series.slots import KEPT
from detectors.series.slots import SECONDS as SLOT
from detectors.steps.season import HOURS

BLOCK = 10
"""Seconds of an update; updates begin at multiples of it."""
_BLOCKS = SLOT // BLOCK
TOLERANCE = 0.10
ERRORS = 3.0
LEAST_A_DAY = 20.0
"""Events a day below which an outage could not be seen within a day: then there is no watching for drops."""
_EARLY_SECONDS, _EARLY_EVENTS = 600, 20.0
_NEAREST = 0.85, 1.18
"""How near to the usual rate the bar of an all-clear may come."""


class Firing(msgspec.Struct, array_like=True):
    """An alarm that stands."""

    direction: Direction
    fired: int
    """Second at whose close it was raised."""
    facts: Facts
    """As told last."""
    count: float
    """Events since the change began."""
    expected: float
    bar: float
    """The all-clear asks whether the rate is still on the wrong side of this part of the usual one."""
    told: int
    """Second of the last report."""
    challenger: list[float]
    """[events, seconds times factor, seconds] of whole slots since the alarm."""
    older: list[float]
    """The same of the older half of those slots."""
    cells: list[float]
    """Seconds of them by hour of the week."""
    slots: list[tuple[int, list[float]]]
    """[events, seconds] of the slots of the last two days in which the alarm stood."""
    accepted: bool = False


class _Stored(msgspec.Struct, array_like=True):
    baseline: baseline.Stored
    recent: Recent
    evidence: list[bytes]
    clearing: bytes
    firing: Firing | None
    block: int | None
    count: float
    slot: list[float]
    peak: float


class Counted:
    """Watches a rate for drops by tempered Poisson evidence, for surges by negative binomial evidence.

    Parameters
    ----------
    directions
        `down`, `up` or both; the credit is halved between two.
    hour_of_week
        Of a second, in the file's timezone.

    An update of 10 s costs about 20 µs; a night without events 50 µs per quarter of an hour. Memory 60 kB.
    """

    guarantee = "given baseline"

    def __init__(self, directions: Sequence[Direction], hour_of_week: HourOfWeek) -> None:
        self.directions = tuple(directions)
        self.baseline = Baseline(hour_of_week)
        self.recent = Recent()
        self.evidence = {direction: Evidence(direction, 2) for direction in self.directions}
        self.firing: Firing | None = None
        self.granted = Granted()
        self._clearing: Evidence | None = None
        self._block: int | None = None
        """The open block; None before the first event."""
        self._count = 0.0
        self._slot = [0.0, 0.0]
        """Events and seconds of the open slot as far as it is gone."""
        self._peak = 0.0

    # Time

    def take(self, tick: int, count: float) -> list[Report]:
        """Events of a second. Seconds come in order."""
        reports = self.settle(tick - 1)
        if self._block is None:
            self._block = tick // BLOCK
            self._refresh()
        self._count += count
        return reports

    def settle(self, tick: int) -> list[Report]:
        """Bring the series to the end of a second: all blocks that are over by then.

        What comes out depends on the events alone, as long as it is called at every `due`.
        """
        reports: list[Report] = []
        if self._block is None:
            return reports
        target = (tick + 1) // BLOCK
        while self._block < target:
            end = (self._block // _BLOCKS + 1) * _BLOCKS
            if self._count:
                count, self._count = self._count, 0.0
                blocks = 1
                self._update(count, reports)
            else:
                blocks = min(target, end) - self._block if self.granted.since <= self._begun else 1
                self._quiet(blocks, reports)
            self._block += blocks
            self._tell((self._block * BLOCK) - 1, reports)
            if self._block == end:
                self._turn(end // _BLOCKS, reports)
        return reports

    def due(self) -> int | None:
        """Second at whose close `settle` is needed though no event comes."""
        if self._block is None:
            return None
        if self._count:
            return self._block * BLOCK + BLOCK - 1
        end = (self._block // _BLOCKS + 1) * _BLOCKS
        left = end - self._block
        firing = self.firing
        if firing is not None:
            dues = [next_update(firing.fired, firing.told)]
            waits = firing.fired + self._patience
            if firing.accepted or self._sure(firing.challenger[0]):
                dues.append(max(end * BLOCK - 1, 0 if firing.accepted else waits))
            if firing.direction == "up" and self._clearing is not None:
                dues.append((self._block + self._clearing.soonest(left, BLOCK / DAY)) * BLOCK - 1)
            return min(_end_of_block(due) for due in dues)
        if not self.watches("down"):
            return None
        return (self._block + self.evidence["down"].soonest(left, self._share * BLOCK)) * BLOCK - 1

    def grant(self, credit: float, bar: float = 1.0, second: int = 0) -> None:
        """From this second on, so many false alarms per second are granted, and so much evidence fires, ≥ 1."""
        self.granted.change(credit, bar, second, self._begun)

    # Reading

    @property
    def credit(self) -> float:
        """False alarms per second granted at present."""
        return self.granted.credit

    def watches(self, direction: Direction) -> bool:
        """Whether there is a baseline and volume enough to see a change in this direction."""
        rate = self.baseline.rate
        if direction not in self.directions or rate is None or self.baseline.seen < SLOT:
            return False
        return direction == "up" or rate * DAY >= LEAST_A_DAY

    @property
    def live(self) -> bool:
        """Whether the series takes part in the budget."""
        return self.firing is None and any(self.watches(direction) for direction in self.directions)

    @property
    def position(self) -> int | None:
        """How far it has come; unchanged while nothing happened to it."""
        return self._block

    @property
    def level(self) -> float:
        """R̄, the higher of the two directions'."""
        return max(evidence.level for evidence in self.evidence.values())

    def level_of(self, direction: Direction) -> float:
        """R̄ of a direction."""
        return self.evidence[direction].level

    def state_of(self, direction: Direction) -> State:
        """How it stands in one direction."""
        if self.firing is not None:
            return "firing" if self.firing.direction == direction else "learning"
        if not self.watches(direction):
            return "learning" if self.baseline.rate is None or self.baseline.seen < SLOT else "quiet"
        return "pending" if self.level_of(direction) >= PENDING else "watching"

    def facts(self, direction: Direction) -> Facts | None:
        """The change that stands or is pending, as known now."""
        if self.firing is not None:
            return self.firing.facts if self.firing.direction == direction else None
        if not self.watches(direction) or not self.recent.minutes:
            return None
        return self._measure(direction, self.level_of(direction))[0]

    def sees(self, direction: Direction) -> tuple[float, float] | None:
        """Seconds until an outage (a tripling) would alarm, and the smallest change seen at all, as a part."""
        rate, share = self.baseline.rate, self._share
        if rate is None or not self.watches(direction):
            return None
        fast, slow = self.baseline.errors
        spread = self.baseline.spread
        expected = rate * self.baseline.factor
        if direction == "down":
            least = (1 - TOLERANCE) * math.exp(-ERRORS * min(fast, slow))
            gain = 0.98 * expected * (1 - TOLERANCE) * math.exp(-ERRORS * fast) / spread.fast
            return updates_to_alarm(gain, share / self.granted.bar), 1 - least
        most = (1 + TOLERANCE) * math.exp(ERRORS * min(fast, slow))
        edge = expected * (1 + TOLERANCE) * math.exp(ERRORS * fast)
        tripled = 3 * expected
        gain = (tripled * math.log(tripled / edge) + edge - tripled) / spread.fast if tripled > edge else 0.0
        return updates_to_alarm(gain, share / self.granted.bar), most - 1

    @property
    def _share(self) -> float:
        return self.credit / len(self.directions)

    @property
    def _begun(self) -> int:
        """First second of the open block."""
        return 0 if self._block is None else self._block * BLOCK

    @property
    def _share_now(self) -> float:
        """What the open block is granted, per second and direction."""
        return self.granted.of(self._begun) / len(self.directions)

    @property
    def _patience(self) -> int:
        return NEW_NORMAL_WEEK if self.baseline.seasonal else NEW_NORMAL

    # Updates

    def _update(self, count: float, reports: list[Report]) -> None:
        assert self._block is not None
        second = self._block * BLOCK
        expected = self._book(second, 1, count)
        if self.firing is not None:
            self._clear(reports, second + BLOCK - 1, count, 1)
            return
        for direction, evidence in self.evidence.items():
            if self.watches(direction):
                level = evidence.update(count, self._share_now * BLOCK)
                self._peak = max(self._peak, level)
                if level >= self.granted.bar:
                    self._fire(direction, level, second + BLOCK - 1, reports)
                    return
        if expected is not None:
            self.baseline.spread.add(second, count, expected, self.baseline.variance)

    def _quiet(self, blocks: int, reports: list[Report]) -> None:
        """Blocks without events, all in one slot."""
        assert self._block is not None
        second = self._block * BLOCK
        last = second + blocks * BLOCK - 1
        expected = self._book(second, blocks, 0.0)
        if self.firing is not None:
            self._clear(reports, last, 0.0, blocks)
            return
        for direction, evidence in self.evidence.items():
            if self.watches(direction):
                level = evidence.quiet(blocks, self._share_now * BLOCK)
                self._peak = max(self._peak, level)
                if level >= self.granted.bar:
                    self._fire(direction, level, last, reports)
                    return
        if expected is not None:
            for start, share in _minutes(second, blocks):
                self.baseline.spread.add(start, 0.0, expected * share, self.baseline.variance)

    def _book(self, second: int, blocks: int, count: float) -> float | None:
        """Count for the slot, the last day and the alarm that stands; what was expected, where that is known."""
        seconds = blocks * BLOCK
        self._slot[0] += count
        self._slot[1] += seconds
        if self.baseline.rate is None:
            return None
        expected = self.baseline.rate * self.baseline.factor * seconds
        if blocks == 1:
            self.recent.add(second, (count, expected))
        else:
            for start, share in _minutes(second, blocks):
                self.recent.add(start, (0.0, expected * share))
        if self.firing is not None:
            self.firing.count += count
            self.firing.expected += expected
        return expected

    # Alarm and all-clear

    def _measure(self, direction: Direction, level: float) -> tuple[Facts, float, float]:
        """A change as known now, and the interval of the ratio since it began."""
        spread = self.baseline.spread
        began = self.recent.rate_change(direction, spread.fast)
        count, expected = (float(value) for value in began.sums)
        low, high = ratio_interval(count, expected, spread.fast, math.sqrt(self.baseline.variance))
        last = self.recent.minutes[-1] * 60 + 60
        early = last - began.since < _EARLY_SECONDS or expected < _EARLY_EVENTS * spread.fast
        size, size_low, size_high = _size(direction, count / expected, low, high)
        facts = Facts(began.since, began.low, began.high, count, expected, size, size_low, size_high, early, level)
        return facts, low, high

    def _fire(self, direction: Direction, level: float, tick: int, reports: list[Report]) -> None:
        facts, low, high = self._measure(direction, level)
        if direction == "down":
            bar = min((high + 1 - TOLERANCE) / 2, _NEAREST[0])
        else:
            bar = max((low + 1 + TOLERANCE) / 2, _NEAREST[1])
        self.firing = Firing(
            direction,
            tick,
            facts,
            facts.observed,
            facts.expected,
            bar,
            tick,
            challenger=[0.0, 0.0, 0.0],
            older=[0.0, 0.0, 0.0],
            cells=[0.0] * HOURS,
            slots=[],
        )
        for evidence in self.evidence.values():
            evidence.reset()
        self._peak = 0.0
        self._slot = [0.0, 0.0]
        self.baseline.undo(facts.since // SLOT)
        self._refresh()
        self._clearing = Evidence("up" if direction == "down" else "down", 1)
        self._aim()
        reports.append(Report("fire", direction, tick, facts))

    def _clear(self, reports: list[Report], tick: int, count: float, blocks: int) -> None:
        """Is it over? Blocks since the alarm."""
        firing, clearing = self.firing, self._clearing
        assert firing is not None
        if clearing is None:
            return
        credit = BLOCK / DAY
        level = clearing.update(count, credit) if blocks == 1 else clearing.quiet(blocks, credit)
        if level >= 1:
            reports.append(Report("resolve", firing.direction, tick))
            # It came and went by itself: once is an incident, and every night a rhythm. The level learns nothing of it.
            for slot, sums in firing.slots:
                self.baseline.visit(slot, sums)
            self._stand_down()

    def _stand_down(self) -> None:
        self.firing, self._clearing = None, None
        self._peak = 0.0
        self._slot = [0.0, 0.0]

    def _tell(self, tick: int, reports: list[Report]) -> None:
        """More about the alarm that stands, from time to time."""
        firing = self.firing
        if firing is None or tick < next_update(firing.fired, firing.told):
            return
        firing.told = tick
        level = firing.facts.evidence
        if tick - firing.fired <= 3600 and self.recent.minutes:
            facts = self._measure(firing.direction, level)[0]
            firing.count, firing.expected = facts.observed, facts.expected
        else:
            before = firing.facts
            spread = self.baseline.spread
            expected = max(firing.expected, 1e-12)
            low, high = ratio_interval(firing.count, expected, spread.fast, math.sqrt(self.baseline.variance))
            size, size_low, size_high = _size(firing.direction, firing.count / expected, low, high)
            facts = before._replace(
                observed=firing.count, expected=expected, size=size, size_low=size_low, size_high=size_high, early=False
            )
        firing.facts = facts
        reports.append(Report("update", firing.direction, tick, facts))

    def accept(self) -> None:
        """Somebody says that this is the new normal: it takes over when the present slot is over."""
        if self.firing is not None:
            self.firing.accepted = True

    # Slots

    def _turn(self, slot: int, reports: list[Report]) -> None:
        """A slot is over, `slot` begins."""
        sums, self._slot = self._slot, [0.0, 0.0]
        peak, self._peak = self._peak, 0.0
        if self.firing is not None:
            self._challenge(slot, sums, reports)
        elif sums[1] > 0:
            if peak > PENDING:
                self.baseline.slots.hold(slot - 1, sums)
            else:
                self.baseline.learn(slot - 1, sums)
        self._peak = max((evidence.level for evidence in self.evidence.values()), default=0.0)
        self.baseline.refresh(slot)
        self._aim()

    def _challenge(self, slot: int, sums: list[float], reports: list[Report]) -> None:
        """What was learnt since the alarm grows, and may become the new normal."""
        firing, baseline = self.firing, self.baseline
        assert firing is not None
        firing.slots = [*firing.slots, (slot - 1, sums)][-KEPT:]
        if (slot - 1) * SLOT <= firing.fired:
            return
        count, seconds = sums
        for at, more in enumerate((count, seconds * baseline.factor, seconds)):
            firing.challenger[at] += more
        firing.cells[baseline.hour_of_week((slot - 1) * SLOT)] += seconds
        if firing.challenger[2] <= self._patience / 2:
            firing.older = list(firing.challenger)
        count, exposure, seconds = firing.challenger
        if exposure <= 0 or baseline.rate is None or not (firing.accepted or self._settled(firing)):
            return
        ratio = (count + 0.5) / exposure / baseline.rate
        reports.append(Report("rebaseline", firing.direction, slot * SLOT - 1, ratio=ratio))
        baseline.replace(slot - 1, [count, seconds], firing.cells)
        self.recent.clear()
        self._stand_down()

    def _sure(self, count: float) -> bool:
        return count > 0 and math.sqrt(self.baseline.spread.slow / count) <= SURE

    def _settled(self, firing: Firing) -> bool:
        """Old enough, sure enough, and quiet: both halves of it say the same."""
        count, exposure, seconds = firing.challenger
        if seconds < self._patience or not self._sure(count):
            return False
        spread = self.baseline.spread.slow
        older, older_exposure, _ = firing.older
        newer, newer_exposure = count - older, exposure - older_exposure
        if min(older, newer, older_exposure, newer_exposure) <= 0:
            return False
        apart = abs(math.log(older / older_exposure) - math.log(newer / newer_exposure))
        return apart <= TOLERANCE + ERRORS * math.sqrt(spread / older + spread / newer)

    def _refresh(self) -> None:
        assert self._block is not None
        self.baseline.refresh(self._block // _BLOCKS)
        self._aim()

    def _aim(self) -> None:
        """Point the evidence at what is expected in the slot."""
        rate = self.baseline.rate
        if rate is None:
            return
        expected = rate * self.baseline.factor * BLOCK
        spread = self.baseline.spread
        fast, slow = self.baseline.errors
        for direction, evidence in self.evidence.items():
            way = -1 if direction == "down" else 1
            edge = expected * (1 + way * TOLERANCE)
            nulls = [edge * math.exp(way * ERRORS * min(error, 10.0)) for error in (fast, slow)]
            # Updates that clump over minutes and hours are not independent: what one of them says about a surge counts
            # in the proportion of its dispersion to the largest.
            evidence.aim(nulls, [spread.fast, spread.slow], spread.fast / spread.slow if way > 0 else 1.0)
        if self._clearing is not None and self.firing is not None:
            self._clearing.aim([self.firing.bar * expected], [spread.fast])

    # Learning from history

    def learnt(self) -> bytes | None:
        """What is usual here, for `learn` of another; None before anything is. This one is of no use afterwards."""
        if self.baseline.rate is None or self._block is None:
            return None
        if self.firing is None and self._slot[1] > 0:
            self.baseline.learn(self._block // _BLOCKS, self._slot)
        self.baseline.settle()
        self.baseline.refresh(self._block // _BLOCKS)
        for evidence in self.evidence.values():
            evidence.reset()
        self.recent.clear()
        self._stand_down()
        self._block, self._count = None, 0.0
        return self.dump()

    def learn(self, body: bytes) -> None:
        """Take what `learnt` of one with the same parameters wrote; `begin` says when. Raises ValueError as `load`."""
        self.load(body)

    @property
    def waits(self) -> bool:
        """Whether something is known and nothing has begun."""
        return self._block is None and self.baseline.rate is not None

    def begin(self, tick: int) -> None:
        """The first second of one that `waits`: from here on something is expected."""
        self._block = tick // BLOCK
        self._refresh()

    # State

    def dump(self) -> bytes:
        """Everything but the credit, for `load`."""
        return msgspec.msgpack.encode(
            _Stored(
                self.baseline.dump(),
                self.recent,
                [evidence.dump() for evidence in self.evidence.values()],
                b"" if self._clearing is None else self._clearing.dump(),
                self.firing,
                self._block,
                self._count,
                self._slot,
                self._peak,
            )
        )

    def load(self, body: bytes) -> None:
        """Take what `dump` of one with the same parameters wrote. Raises ValueError for anything else."""
        try:
            stored = _DECODE(body)
        except msgspec.DecodeError as error:
            raise ValueError(f"no watched rate: {error}") from error
        if len(stored.evidence) != len(self.evidence):
            raise ValueError(f"expected evidence in {len(self.evidence)} directions, got {len(stored.evidence)}")
        self.baseline.load(stored.baseline)
        self.recent, self.firing = stored.recent, stored.firing
        for evidence, one in zip(self.evidence.values(), stored.evidence, strict=True):
            evidence.load(one)
        self._clearing = None
        if self.firing is not None:
            self._clearing = Evidence("up" if self.firing.direction == "down" else "down", 1)
            self._clearing.load(stored.clearing)
        self._block, self._count, self._slot = stored.block, stored.count, stored.slot
        self._peak = stored.peak
        self._aim()


_DECODE = msgspec.msgpack.Decoder(_Stored).decode


def _end_of_block(second: int) -> int:
    """The last second of the block of a second."""
    return second // BLOCK * BLOCK + BLOCK - 1


def _size(direction: Direction, ratio: float, low: float, high: float) -> tuple[float, float, float]:
    """How much is gone (never less than nothing), or came on top."""
    if direction == "down":
        return max(1 - ratio, 0.0), max(1 - high, 0.0), max(1 - low, 0.0)
    return max(ratio - 1, 0.0), max(low - 1, 0.0), max(high - 1, 0.0)


def _minutes(second: int, blocks: int) -> list[tuple[int, float]]:
    """A run of blocks cut at whole minutes: first second of each part, and its share of the run."""
    parts = []
    end = second + blocks * BLOCK
    start = second
    while start < end:
        until = min((start // 60 + 1) * 60, end)
        parts.append((start, (until - start) / (end - second)))
        start = until
    return parts
