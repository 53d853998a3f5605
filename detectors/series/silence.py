"""One source of events under watch for falling silent: runs of silence in closed form, hours of the week told apart."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from detectors.gap import LEAST_GAPS, LEAST_RATE
from detectors.gap_law import EXPOSED, TRIED, GapLaw
from detectors.recursion import PENDING, Floats
from detectors.series.baseline import HourOfWeek
from detectors.series.evidence import Evidence
from detectors.series.granted import Granted
from detectors.series.report import DAY, Direction, Facts, Report, State
from detectors.series.sleep import Sleep
from detectors.series.slots import SECONDS as SLOT
from detectors.steps.season import Season

BLOCK = 10
"""Seconds of an update; updates begin at multiples of it."""
HALF_LIFE = 7 * DAY
TOLERANCE = 0.10
STRAGGLERS = 0.10
"""Part of its usual rate at which a source that was silent is not yet well again."""
FORGOTTEN = 14 * 86_400
"""Seconds of silence after which a source is followed again only when it speaks."""
_HOUR = 3600
_SLOW = 0.5
"""Speed below which an hour counts as slow."""
_MOST = 600.0


class _Stored(msgspec.Struct, array_like=True):
    sums: bytes
    gap: bytes
    ended: bytes
    age: float
    elapsed: float
    learning: float
    slot: int | None
    hour: int | None
    speed: float
    following: bool
    evidence: float
    clearing: bytes
    season: bytes
    sleep: Sleep
    heard: bool
    block: int | None
    spoke: bool
    last: int
    events: list[float]
    fired: int | None
    facts: Facts | None
    accepted: bool


class Silence:
    """Watches how long a source has said nothing, as `detectors.gap.Gap` does, block by block of 10 s.

    What `Gap` is told update by update is done here for whole runs of silent blocks at once, so that a quiet source
    costs nothing. Hours in which the source is usually slower let its age grow more slowly, hours in which it is faster
    do not make it faster: a night it always sleeps through is no silence once it has been seen twice.

    About 30 µs per block with an event and 5 µs per bin and hour of a silence; memory 10 kB.
    """

    directions: tuple[Direction, ...] = ("down",)
    guarantee = "given baseline"

    def __init__(self, hour_of_week: HourOfWeek) -> None:
        self.hour_of_week = hour_of_week
        self.law = GapLaw(BLOCK, HALF_LIFE)
        self.season = Season()
        self.sleep = Sleep()
        self.granted = Granted()
        self.fired: int | None = None
        """Second at whose close the alarm that stands was raised."""
        self._gap: Floats = np.zeros((3, self.law.bins))
        self._ended: Floats = np.zeros((3, self.law.bins))
        """Gaps that ended in the open slot; learnt when it is over."""
        self._age = 0.0
        """Seconds of the present gap, as the hours of the week count them."""
        self._elapsed = 0.0
        self._learning = 0.0
        """Seconds of the gaps that ended in the open slot."""
        self._slot: int | None = None
        self._hour: int | None = None
        self._speed = 1.0
        """How fast time goes in that hour."""
        self._heard = False
        """Whether the open slot has an event."""
        self._following = False
        self._evidence = 0.0
        self._clearing = Evidence("up", 1)
        self._block: int | None = None
        self._spoke = False
        """Whether the open block has an event."""
        self._last = 0
        """Second of the last event."""
        self._events = [0.0, 0.0]
        """Faded events and blocks with one."""
        self._facts: Facts | None = None
        self._accepted = False
        self._refresh()

    def _refresh(self) -> None:
        """What follows from the law and the credit, and is no part of the state."""
        self._hazards: dict[int, float] = {}
        self._known = self.law.gaps >= LEAST_GAPS
        self._rate = self.law.rate
        self._soonest: int | None = None

    # Time

    def take(self, tick: int, count: int) -> list[Report]:
        """Events of a second. Seconds come in order."""
        reports = self.settle(tick - 1)
        if self._block is None:
            self._block = tick // BLOCK
        self._events[0] += count
        self._spoke = True
        self._last = tick
        return reports

    def settle(self, tick: int) -> list[Report]:
        """Bring the source to the end of a second; to be called at every `due`."""
        reports: list[Report] = []
        if self._block is None:
            return reports
        target = (tick + 1) // BLOCK
        while self._block < target:
            second = self._block * BLOCK
            if not self._spoke and second - self._last > FORGOTTEN:
                # Whoever is still waited for has alarmed by now, and of such a gap nothing is learnt.
                self._following, self._block = False, target
                break
            self._speed, self._hour = self._speed_at(second), second // _HOUR
            if second // SLOT != self._slot:
                self._learn(second // SLOT)
            slot_end = (second // SLOT + 1) * SLOT // BLOCK
            if self._spoke:
                self._spoke, blocks = False, 1
                self._speak(reports)
            else:
                blocks = min(target, slot_end) - self._block if self.granted.since <= second else 1
                self._wait(blocks, reports)
            self._block += blocks
        return reports

    def due(self) -> int | None:
        """Second at whose close `settle` is needed though no event comes."""
        if self._block is None:
            return None
        if self._spoke:
            return self._block * BLOCK + BLOCK - 1
        if not self.watched:
            return None
        if self._age == 0.0:
            return (self._block + self._soonest_alarm()) * BLOCK - 1
        second = self._block * BLOCK
        left = (second // SLOT + 1) * SLOT // BLOCK - self._block
        after = self._after(left, self._exposed(second), self.credit)[2]
        return (self._block + (left if after is None else after)) * BLOCK - 1

    def _soonest_alarm(self) -> int:
        """Blocks of silence before which no alarm can come, as if all hours went at full speed; at most a slot."""
        if self._soonest is None:
            level, credit, most = 0.0, self.credit * BLOCK / self.granted.bar, SLOT // BLOCK
            for block in range(most):
                level = (level + credit) * math.exp(min(self._hazard(block * BLOCK, BLOCK), _MOST))
                if level >= 1 or block + 1 == most:
                    self._soonest = block + 1
                    break
        assert self._soonest is not None
        return self._soonest

    def grant(self, credit: float, bar: float = 1.0, second: int = 0) -> None:
        """From this second on, so many false alarms per second are granted, and so much evidence fires, ≥ 1."""
        self.granted.change(credit, bar, second, 0 if self._block is None else self._block * BLOCK)
        self._soonest = None

    # Reading

    @property
    def credit(self) -> float:
        """False alarms per second granted at present."""
        return self.granted.credit

    @property
    def watched(self) -> bool:
        """Whether a silence could alarm now."""
        return self._following and self._known and self._rate >= LEAST_RATE

    @property
    def position(self) -> int | None:
        """How far it has come; unchanged while nothing happened to it."""
        return self._block

    @property
    def live(self) -> bool:
        """Whether the source takes part in the budget."""
        return self.watched

    @property
    def idle_since(self) -> int:
        """Second of the last event of a source that is not watched and does not fire; else one that never comes."""
        return self._last if not self.watched and self.fired is None else 1 << 62

    @property
    def silent(self) -> bool:
        """Whether an alarm stands."""
        return self.fired is not None

    @property
    def level(self) -> float:
        """R̄ as of the last `settle`."""
        return self._evidence

    @property
    def state(self) -> State:
        """How it stands."""
        if self.fired is not None:
            return "firing"
        if not self.watched:
            return "quiet" if self._known else "learning"
        return "pending" if self._evidence >= PENDING else "watching"

    def facts(self) -> Facts:
        """The silence as known now."""
        if self._facts is not None and self.fired is not None:
            return self._facts
        since = self._last + 1
        per_block = self._events[0] / self._events[1] if self._events[1] > 0 else 1.0
        expected = self._age * self._rate * per_block
        usual = 1 / self._rate if self._rate > 0 else 0.0
        return Facts(since, since, since + round(usual), 0.0, expected, 1.0, None, None, False, self._evidence)

    def alarms_after(self) -> float:
        """Seconds of silence after which it would alarm at full speed; infinite beyond an hour."""
        level, credit = 0.0, self.credit * BLOCK / self.granted.bar
        for block in range(_HOUR // BLOCK):
            level = (level + credit) * math.exp(min(self._hazard(block * BLOCK, BLOCK), _MOST))
            if level >= 1:
                return float((block + 1) * BLOCK)
        return math.inf

    # Blocks

    def _speed_at(self, second: int) -> float:
        """How fast time goes in an hour of the week, at most 1; slow hours as slow as they may well be."""
        if second // _HOUR == self._hour:
            return self._speed
        own, variance = self.season.factor(self.hour_of_week(second))
        if own == 1.0 or (busy := self.season.busy) <= 0:
            return 1.0
        speed = min(own / busy, 1.0)
        return speed * math.exp(-3 * math.sqrt(variance)) if speed < _SLOW else speed

    def _exposed(self, second: int) -> float:
        """What a block of the slot of this second counts: nothing while the source is asleep."""
        if self.sleep.asleep(second // SLOT, self.hour_of_week(second)):
            return 0.0
        return BLOCK * self._speed_at(second)

    def _hazard(self, age: float, exposed: float) -> float:
        at = self.law.bin(age)
        hazard = self._hazards.get(at)
        if hazard is None:
            hazard = self._hazards[at] = self.law.hazard(at)
        return hazard * exposed * (1 - TOLERANCE)

    def _learn(self, slot: int) -> None:
        """A slot is over: the gaps that ended in it are learnt, and whether it was silent."""
        if self._slot is not None and self._known:
            self.sleep.visit(self._slot, self.hour_of_week(self._slot * SLOT), self._heard)
        self._slot, self._heard = slot, False
        if self._learning:
            kept = 0.5 ** (self._learning / HALF_LIFE)
            self._events = [kept * known for known in self._events]
            self.law.learn(self._ended, self._learning)
            self._ended[:] = 0.0
            self._learning = 0.0
            self._refresh()

    def _speak(self, reports: list[Report]) -> None:
        """A block with an event: the gap is over."""
        assert self._block is not None
        exposed = self._exposed(self._block * BLOCK)
        self._heard = True
        self._visit(1.0, BLOCK)
        self._events[1] += 1
        if self.fired is not None:
            self._clear(1, True, reports)
        self._evidence = 0.0
        if self._following and exposed > 0:
            at = self.law.bin(self._age)
            if self._elapsed:
                self._ended += self._gap
                self._gap[:] = 0.0
            self._ended[:, at] += (1.0, 1.0, exposed)
            self._learning += self._elapsed + BLOCK
        elif self._elapsed:
            self._gap[:] = 0.0
        self._age = self._elapsed = 0.0
        self._following = self.fired is None

    def _wait(self, blocks: int, reports: list[Report]) -> None:
        """Blocks without an event, all in one slot."""
        assert self._block is not None
        self._visit(0.0, blocks * BLOCK)
        if self.fired is not None:
            self._clear(blocks, False, reports)
            return
        if not self._following:
            return
        evidence, gap, after = self._after(
            blocks, self._exposed(self._block * BLOCK), self.granted.of(self._block * BLOCK)
        )
        done = blocks if after is None else after
        self._evidence = evidence
        for at, run, exposed in gap:
            self._gap[TRIED, at] += run
            self._gap[EXPOSED, at] += exposed
            self._age += exposed
        self._elapsed += done * BLOCK
        if after is not None:
            self._fire((self._block + after) * BLOCK - 1, reports)

    def _after(
        self, blocks: int, exposed: float, granted: float
    ) -> tuple[float, list[tuple[int, int, float]], int | None]:
        """Evidence after so many silent blocks of one slot, or at its alarm, and how many it takes to that; `granted`:
        false alarms per second.

        Between them (bin, blocks, exposure) of each bin of age passed.
        """
        watched = self.watched
        passed: list[tuple[int, int, float]] = []
        # Evidence and credit in units of what fires: both grow alike.
        evidence, age, credit = self._evidence / self.granted.bar, self._age, granted * BLOCK / self.granted.bar
        done = 0
        while exposed > 0 and done < blocks:
            at = self.law.bin(age)
            end = self.law.end(at)
            run = blocks - done if math.isinf(end) else max(math.ceil((end - age) / exposed), 1)
            run = min(run, blocks - done)
            if watched:
                hazard = self._hazard(age, exposed)
                if _grown(evidence, credit, hazard, run) >= 1:
                    run = _until(evidence, credit, hazard, run)
                evidence = _grown(evidence, credit, hazard, run)
            passed.append((at, run, run * exposed))
            age += run * exposed
            done += run
            if evidence >= 1:
                return evidence * self.granted.bar, passed, done
        return evidence * self.granted.bar, passed, None

    def _visit(self, observed: float, seconds: int) -> None:
        """How busy this hour of the week is, silent or not."""
        assert self._block is not None
        second = self._block * BLOCK
        if self._known:
            self.season.add(second // _HOUR, self.hour_of_week(second), observed, self._rate * seconds, 1.0)

    def _fire(self, tick: int, reports: list[Report]) -> None:
        self._facts = self.facts()
        self.fired, self._following, self._accepted = tick, False, False
        self._clearing.reset()
        reports.append(Report("fire", "down", tick, self._facts))

    def _clear(self, blocks: int, spoke: bool, reports: list[Report]) -> None:
        """Does it speak again, more than stragglers would?"""
        assert self._block is not None
        tick = (self._block + blocks) * BLOCK - 1
        usual = STRAGGLERS * self._rate * BLOCK * max(self._speed, 1e-3)
        self._clearing.aim([usual], [1.0])
        credit = BLOCK / DAY
        level = self._clearing.update(1.0, credit) if spoke else self._clearing.quiet(blocks, credit)
        if level >= 1:
            self.fired = None
            reports.append(Report("resolve", "down", tick))
        elif self._accepted:
            self._forget()
            reports.append(Report("rebaseline", "down", tick, ratio=0.0))

    def _forget(self) -> None:
        """Whatever it was, it begins anew."""
        self.law = GapLaw(BLOCK, HALF_LIFE)
        self.season, self.sleep = Season(), Sleep()
        self._ended[:] = 0.0
        self._learning = 0.0
        self._refresh()
        self.fired, self._following, self._evidence, self._events = None, False, 0.0, [0.0, 0.0]

    def accept(self) -> None:
        """Somebody says that silence is normal now: it is forgotten with the next block that is judged."""
        if self.fired is not None:
            self._accepted = True

    # Learning from history

    def learnt(self) -> bytes | None:
        """How this source speaks, for `learn` of another; None before that is known. Of no use afterwards."""
        if self._learning:
            self.law.learn(self._ended, self._learning)
        if self.law.gaps < LEAST_GAPS:
            return None
        self.season.forget_open()
        self._gap[:] = self._ended[:] = 0.0
        self._age = self._elapsed = self._learning = self._evidence = 0.0
        self._slot = self._hour = self._block = self.fired = self._facts = None
        self._speed, self._last = 1.0, 0
        self._heard = self._following = self._spoke = self._accepted = False
        self._clearing.reset()
        self._refresh()
        return self.dump()

    def learn(self, body: bytes) -> None:
        """Take what `learnt` wrote; `begin` says when. Raises ValueError as `load`."""
        self.load(body)

    @property
    def waits(self) -> bool:
        """Whether something is known and nothing has begun."""
        return self._block is None and self._known

    def begin(self, tick: int) -> None:
        """The first second of one that `waits`: it should be heard from here on."""
        self._block, self._last, self._following = tick // BLOCK, tick, True

    # State

    def dump(self) -> bytes:
        """Everything but the credit, for `load`."""
        sums, gap, ended = (each.astype("<f8").tobytes() for each in (self.law.sums, self._gap, self._ended))
        return msgspec.msgpack.encode(
            _Stored(
                sums,
                gap,
                ended,
                self._age,
                self._elapsed,
                self._learning,
                self._slot,
                self._hour,
                self._speed,
                self._following,
                self._evidence,
                self._clearing.dump(),
                self.season.snapshot(),
                self.sleep,
                self._heard,
                self._block,
                self._spoke,
                self._last,
                self._events,
                self.fired,
                self._facts,
                self._accepted,
            )
        )

    def load(self, body: bytes) -> None:
        """Take what `dump` wrote. Raises ValueError for anything else."""
        try:
            stored = _DECODE(body)
        except msgspec.DecodeError as error:
            raise ValueError(f"no watched source: {error}") from error
        shape = self._gap.shape
        if {len(stored.sums), len(stored.gap), len(stored.ended)} != {self._gap.nbytes}:
            raise ValueError(f"expected a gap law of {shape[1]} bins")
        self.law = GapLaw(BLOCK, HALF_LIFE)
        self.law.sums = np.frombuffer(stored.sums, "<f8").reshape(shape).copy()
        self._gap = np.frombuffer(stored.gap, "<f8").reshape(shape).copy()
        self._ended = np.frombuffer(stored.ended, "<f8").reshape(shape).copy()
        self._age, self._elapsed, self._following = stored.age, stored.elapsed, stored.following
        self._learning, self._slot = stored.learning, stored.slot
        self._hour, self._speed = stored.hour, stored.speed
        self._evidence = stored.evidence
        self._clearing.load(stored.clearing)
        self.season.restore(stored.season)
        self.sleep, self._heard = stored.sleep, stored.heard
        self._block, self._spoke, self._last = stored.block, stored.spoke, stored.last
        self._events, self.fired, self._facts = stored.events, stored.fired, stored.facts
        self._accepted = stored.accepted
        self._refresh()


_DECODE = msgspec.msgpack.Decoder(_Stored).decode


def _grown(level: float, credit: float, hazard: float, blocks: int) -> float:
    """R after blocks of (R + w)·e^Λ each."""
    total = blocks * hazard
    if total < 1e-12:
        return level + blocks * credit
    return level * math.exp(min(total, _MOST)) + credit * math.expm1(min(total, _MOST)) / -math.expm1(-hazard)


def _until(level: float, credit: float, hazard: float, blocks: int) -> int:
    """The first block at whose end R ≥ 1; there is one."""
    below, above = 0, blocks
    while above - below > 1:
        middle = (below + above) // 2
        if _grown(level, credit, hazard, middle) < 1:
            below = middle
        else:
            above = middle
    return above
