"""One series of bounded scores under watch for a change of their mean: satisfaction, recommendation, effort."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from detectors.bounded_mean import STAKES, log_evidence
from detectors.recursion import PENDING, Recursion
from detectors.series.granted import Granted
from detectors.series.report import DAY, NEW_NORMAL, Direction, Facts, Report, State, next_update
from detectors.series.slots import SECONDS as SLOT
from detectors.series.usual import Challenger, Usual

BLOCK = 10
"""Seconds of an update; updates begin at multiples of it, and there are none without an answer."""
TOLERANCE = 0.025
"""Part of the scale that the mean may move without being called a change."""
ERRORS = 3.0
LEAST = 20.0
"""Answers learnt before a change may be called one."""
LEAST_A_DAY = 5.0
"""Answers a day below which a series is not watched."""
_LONGEST = 3600
"""Seconds of credit that an update is given at most, so that silence alone never alarms."""


class Firing(msgspec.Struct, array_like=True):
    """An alarm that stands."""

    direction: Direction
    fired: int
    facts: Facts
    bar: float
    """The all-clear asks whether the mean is still on the wrong side of this one."""
    told: int
    challenger: Challenger
    accepted: bool = False


class _Stored(msgspec.Struct, array_like=True):
    usual: Usual
    evidence: list[bytes]
    clearing: bytes
    firing: Firing | None
    block: int | None
    open: dict[float, int]
    last: int | None
    slot: int | None
    sums: list[float]
    peak: float


class Scored:
    """Watches scores by betting on their mean (`detectors.bounded_mean`).

    Parameters
    ----------
    lowest, highest
        Ends of the scale.
    directions
        `down`, `up` or both; the credit is halved between two.

    An update costs about 60 µs; nothing happens without answers. Memory 60 kB.
    """

    guarantee = "given baseline"

    def __init__(self, lowest: float, highest: float, directions: Sequence[Direction]) -> None:
        self.lowest, self.highest = lowest, highest
        self.width = highest - lowest
        self.directions = tuple(directions)
        self.usual = Usual.empty(self.width)
        self.evidence = {direction: Recursion(len(STAKES), series=1) for direction in self.directions}
        self.firing: Firing | None = None
        self.granted = Granted()
        self._clearing = Recursion(len(STAKES), series=1)
        self._block: int | None = None
        """The block of the answers in `_open`."""
        self._open: dict[float, int] = {}
        self._last: int | None = None
        """End of the last update, in seconds."""
        self._slot: int | None = None
        self._sums = [0.0, 0.0, 0.0]
        self._peak = 0.0

    # Time

    def take(self, tick: int, scores: Mapping[float, int]) -> list[Report]:
        """Answers of a second by score, each on the scale. Seconds come in order."""
        reports = self.settle(tick - 1)
        self._block = tick // BLOCK
        for score, count in scores.items():
            self._open[score] = self._open.get(score, 0) + count
        return reports

    def settle(self, tick: int) -> list[Report]:
        """Bring the series to the end of a second; to be called at every `due`."""
        reports: list[Report] = []
        if self._open and self._block is not None and (tick + 1) // BLOCK > self._block:
            answers, self._open = self._open, {}
            self._update(self._block * BLOCK, answers, reports)
        firing = self.firing
        if firing is not None and tick >= next_update(firing.fired, firing.told):
            firing.told = tick
            firing.facts = self.usual.measure(firing.direction, firing.facts.evidence, self.lowest)[0]
            reports.append(Report("update", firing.direction, tick, firing.facts))
        return reports

    def due(self) -> int | None:
        """Second at whose close `settle` is needed though no answer comes."""
        dues = []
        if self._open and self._block is not None:
            dues.append(self._block * BLOCK + BLOCK - 1)
        if self.firing is not None and self.firing.told < self.firing.fired + _LONGEST:
            dues.append(next_update(self.firing.fired, self.firing.told))
        return min(dues, default=None)

    def grant(self, credit: float, bar: float = 1.0, second: int = 0) -> None:
        """From this second on, so many false alarms per second are granted, and so much evidence fires, ≥ 1."""
        self.granted.change(credit, bar, second, (self._last or 0) + 1)

    # Reading

    @property
    def credit(self) -> float:
        """False alarms per second granted at present."""
        return self.granted.credit

    def watches(self, direction: Direction) -> bool:
        """Whether enough answers have been learnt, and enough come."""
        return direction in self.directions and self.usual.n >= LEAST and self.usual.a_day >= LEAST_A_DAY

    @property
    def live(self) -> bool:
        """Whether the series takes part in the budget."""
        return self.firing is None and self.watches(self.directions[0])

    @property
    def position(self) -> int | None:
        """How far it has come; unchanged while nothing happened to it."""
        return self._last

    def level_of(self, direction: Direction) -> float:
        """R̄ of a direction."""
        return float(self.evidence[direction].levels[0])

    def state_of(self, direction: Direction) -> State:
        """How it stands in one direction."""
        if self.firing is not None:
            return "firing" if self.firing.direction == direction else "learning"
        if not self.watches(direction):
            return "learning" if self.usual.n < LEAST else "quiet"
        return "pending" if self.level_of(direction) >= PENDING else "watching"

    def facts(self, direction: Direction) -> Facts | None:
        """The change that stands or is pending, as known now."""
        if self.firing is not None:
            return self.firing.facts if self.firing.direction == direction else None
        if not self.watches(direction) or not self.usual.recent.minutes:
            return None
        return self.usual.measure(direction, self.level_of(direction), self.lowest)[0]

    def sees(self, direction: Direction) -> tuple[float, float] | None:
        """Answers until the worst (best) score from everybody would alarm, and the smallest change seen at all."""
        if not self.watches(direction) or self.credit <= 0:
            return None
        null = self._null(direction)
        room, gain = (self.width - null, null) if direction == "down" else (null, self.width - null)
        each = math.log1p(float(STAKES[-1]) * max(gain, 0.0) / max(room, 1e-3 * self.width))
        credit = self.credit / self.granted.bar / len(self.directions) * DAY / self.usual.a_day
        answers = math.inf if each <= 0 else max(1.0, math.log(len(STAKES) / min(credit, 0.5)) / each)
        return answers, abs(self.usual.mean - null)

    def _null(self, direction: Direction) -> float:
        """m₀, counted from `lowest`."""
        away = TOLERANCE * self.width + ERRORS * self.usual.error
        return self.usual.mean - away if direction == "down" else self.usual.mean + away

    # Updates

    def _update(self, second: int, answers: Mapping[float, int], reports: list[Report]) -> None:
        self._turn(second // SLOT)
        values = np.array(sorted(answers))
        counts = np.array([[answers[value] for value in sorted(answers)]], dtype=np.float64)
        above = values - self.lowest
        sums = [float(counts.sum()), float((counts[0] * above).sum()), float((counts[0] * above * above).sum())]
        self.usual.recent.add(second, sums)
        tick = second + BLOCK - 1
        elapsed = _LONGEST if self._last is None else min(tick - self._last, _LONGEST)
        granted, self._last = self.granted.of((self._last or 0) + 1), tick
        if self.firing is not None:
            self._clear(tick, values, counts, sums, elapsed, reports)
            return
        for direction, evidence in self.evidence.items():
            null = self._null(direction)
            if not self.watches(direction) or not 0 < null < self.width:
                continue
            bar = np.array([null + self.lowest])
            log_e = log_evidence(counts, values, bar, self.lowest, self.highest, direction)
            credit = granted / len(self.directions) * elapsed
            level = float(evidence.update(log_e, np.array([credit]))[0])
            self._peak = max(self._peak, level)
            if level >= self.granted.bar:
                self._fire(direction, level, tick, reports)
                return
        self._sums = [known + new for known, new in zip(self._sums, sums, strict=True)]

    def _fire(self, direction: Direction, level: float, tick: int, reports: list[Report]) -> None:
        facts, nearest = self.usual.measure(direction, level, self.lowest)
        edge = TOLERANCE * self.width
        if direction == "down":
            bar = min((nearest + self.usual.mean - edge) / 2, self.usual.mean - edge)
        else:
            bar = max((nearest + self.usual.mean + edge) / 2, self.usual.mean + edge)
        bar = min(max(bar, 1e-3 * self.width), (1 - 1e-3) * self.width)
        self.firing = Firing(direction, tick, facts, bar, tick, Challenger())
        self._begin()
        self.usual.slots.undo(facts.since // SLOT)
        self.usual.refresh(tick // SLOT)
        self._clearing.reset([0])
        reports.append(Report("fire", direction, tick, facts))

    def _begin(self) -> None:
        """No evidence, and nothing of the open slot is normal."""
        for evidence in self.evidence.values():
            evidence.reset([0])
        self._sums, self._peak = [0.0, 0.0, 0.0], 0.0

    def _clear(
        self,
        tick: int,
        values: np.ndarray[tuple[int], np.dtype[np.float64]],
        counts: np.ndarray[tuple[int, int], np.dtype[np.float64]],
        sums: list[float],
        elapsed: int,
        reports: list[Report],
    ) -> None:
        """Is it over? Or is it the new normal?"""
        firing = self.firing
        assert firing is not None
        back: Direction = "up" if firing.direction == "down" else "down"
        bar = np.array([firing.bar + self.lowest])
        log_e = log_evidence(counts, values, bar, self.lowest, self.highest, back)
        if float(self._clearing.update(log_e, np.array([elapsed / DAY]))[0]) >= 1:
            reports.append(Report("resolve", firing.direction, tick))
            self.firing = None
            self._begin()
            return
        firing.challenger.add(sums, tick - firing.fired <= NEW_NORMAL / 2)
        lasted = tick - firing.fired >= NEW_NORMAL and firing.challenger.settled(TOLERANCE * self.width)
        if firing.accepted or lasted:
            self._take_over(firing, tick, reports)

    def _take_over(self, firing: Firing, tick: int, reports: list[Report]) -> None:
        n, total, squares = firing.challenger.sums
        ratio = total / n / self.usual.mean if self.usual.mean > 0 else 1.0
        self.usual.slots.replace(tick // SLOT, [n, total, squares])
        self.usual.recent.clear()
        self.usual.refresh(tick // SLOT)
        self.firing = None
        self._begin()
        reports.append(Report("rebaseline", firing.direction, tick, ratio=ratio))

    def accept(self) -> None:
        """Somebody says that this is the new normal: it takes over with the next answers."""
        if self.firing is not None:
            self.firing.accepted = True

    def _turn(self, slot: int) -> None:
        """Answers of another slot come: the one before is learnt, or held back."""
        if slot == self._slot:
            return
        before, self._slot = self._slot, slot
        if before is not None and self._sums[0] > 0:
            if self._peak > PENDING:
                self.usual.slots.hold(before, self._sums)
            else:
                self.usual.learn(before, self._sums)
        self._sums = [0.0, 0.0, 0.0]
        self._peak = max(self.level_of(direction) for direction in self.directions)
        self.usual.refresh(slot)

    # Learning from history

    def learnt(self) -> bytes | None:
        """What is usual here, for `learn` of another; None before anything is. This one is of no use afterwards."""
        if self._slot is None:
            return None
        if self.firing is None and self._sums[0] > 0:
            self.usual.learn(self._slot, self._sums)
        self.usual.settle(self._slot + 1)
        self.firing = None
        self._clearing.reset([0])
        self._begin()
        self._block = self._last = self._slot = None
        self._open = {}
        return self.dump() if self.usual.n > 0 else None

    def learn(self, body: bytes) -> None:
        """Take what `learnt` of one with the same parameters wrote; `begin` says when. Raises ValueError as `load`."""
        self.load(body)

    @property
    def waits(self) -> bool:
        """Whether something is known and nothing has begun."""
        return self._last is None and self._slot is None and self.usual.n > 0

    def begin(self, tick: int) -> None:
        """The first second of one that `waits`: no credit was granted before it."""
        self._last = tick

    # State

    def dump(self) -> bytes:
        """Everything but the credit, for `load`."""
        return msgspec.msgpack.encode(
            _Stored(
                self.usual,
                [evidence.snapshot() for evidence in self.evidence.values()],
                self._clearing.snapshot(),
                self.firing,
                self._block,
                self._open,
                self._last,
                self._slot,
                self._sums,
                self._peak,
            )
        )

    def load(self, body: bytes) -> None:
        """Take what `dump` of one with the same parameters wrote. Raises ValueError for anything else."""
        try:
            stored = _DECODE(body)
        except msgspec.DecodeError as error:
            raise ValueError(f"no watched scores: {error}") from error
        if len(stored.evidence) != len(self.evidence) or stored.usual.width != self.width:
            raise ValueError("expected the scores of another scale, or watched in other directions")
        self.usual, self.firing = stored.usual, stored.firing
        for evidence, one in zip(self.evidence.values(), stored.evidence, strict=True):
            evidence.restore(one)
        self._clearing.restore(stored.clearing)
        self._block, self._open, self._last = stored.block, stored.open, stored.last
        self._slot, self._sums, self._peak = stored.slot, stored.sums, stored.peak


_DECODE = msgspec.msgpack.Decoder(_Stored).decode
