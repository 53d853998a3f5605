"""A signal's value minute by minute, for detectors that look at one number after the other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from detectors.series.granted import Granted
from detectors.series.report import Direction, Facts, Report, State
from detectors.series.valued import Valued
from streams.fields import SCALE
from streams.histogram import quantile

MINUTE = 60
_PATIENCE = 1440
"""Minutes without an event in which a count or a sum is 0 before it is nothing at all."""


class _Stored(msgspec.Struct, array_like=True):
    valued: bytes
    minute: int | None
    last: int | None
    sums: list[int]
    histogram: dict[int, int]


class Minutes:
    """Collects what a signal measured in a minute and hands its value on when the minute is over.

    Parameters
    ----------
    as_
        Kind of the signal.
    valued
        Who is handed the values.

    Memory that of the detector, and 60 kB.
    """

    def __init__(self, as_: str, valued: Valued) -> None:
        self.as_ = as_
        self.valued = valued
        self._zero = as_ in ("rate", "sum")
        self._minute: int | None = None
        """The minute that is collected, or that is 0 unless something comes."""
        self._last: int | None = None
        """The last minute with an event."""
        self._sums = [0, 0, 0, 0]
        self._histogram: dict[int, int] = {}

    def take(self, tick: int, sums: Sequence[int], histogram: Mapping[int, int]) -> list[Report]:
        """[n, total, top, bottom] of a second, and its histogram where the signal has one. Seconds come in order."""
        reports = self.settle(tick - 1)
        self._minute = self._last = tick // MINUTE
        self._sums = [known + new for known, new in zip(self._sums, sums, strict=True)]
        for bucket, count in histogram.items():
            self._histogram[bucket] = self._histogram.get(bucket, 0) + count
        return reports

    def settle(self, tick: int) -> list[Report]:
        """Bring the series to the end of a second; to be called at every `due`."""
        reports: list[Report] = []
        while self._minute is not None and (tick + 1) // MINUTE > self._minute:
            minute, value = self._minute, self._value()
            self._sums, self._histogram = [0, 0, 0, 0], {}
            goes_on = self._zero and self._last is not None and minute - self._last < _PATIENCE
            self._minute = minute + 1 if goes_on else None
            if not math.isnan(value):
                reports += self.valued.update(minute, value)
            reports += self.valued.tell(minute * MINUTE + MINUTE - 1)
        return [*reports, *self.valued.tell(tick)]

    def _value(self) -> float:
        """The minute's value, NaN where it has none."""
        n, total, top, bottom = self._sums
        if self.as_ == "rate":
            return float(n)
        if self.as_ == "sum":
            return total / SCALE
        if n <= 0:
            return math.nan
        if self.as_ in ("share", "csat"):
            return top / n
        if self.as_ == "nps":
            return 100 * (top - bottom) / n
        if self.as_[0] == "p" and self._histogram:
            return quantile(self._histogram, int(self.as_[1:]) / 100)
        return total / n / SCALE

    def due(self) -> int | None:
        """Second at whose close `settle` is needed though no event comes."""
        dues = [] if self._minute is None else [self._minute * MINUTE + MINUTE - 1]
        told = self.valued.due()
        return min([*dues, *([] if told is None else [told])], default=None)

    # Everything else is the series' own

    def grant(self, credit: float, bar: float = 1.0, second: int = 0) -> None:
        """From this second on, so many false alarms per second are granted, and so much evidence fires, ≥ 1."""
        self.valued.grant(credit, bar, second)

    @property
    def directions(self) -> tuple[Direction, ...]:
        """What is watched for."""
        return self.valued.directions

    @property
    def guarantee(self) -> str:
        """The detector's."""
        return self.valued.guarantee

    @property
    def detector(self) -> str:
        """Its name in the file."""
        return type(self.valued.detectors[0]).__module__.rpartition(".")[2]

    @property
    def credit(self) -> float:
        """False alarms per second granted at present."""
        return self.valued.credit

    @property
    def granted(self) -> Granted:
        """The credit in force."""
        return self.valued.granted

    @granted.setter
    def granted(self, granted: Granted) -> None:
        self.valued.granted = granted

    @property
    def position(self) -> int | None:
        """How far it has come; unchanged while nothing happened to it."""
        return self._minute

    @property
    def live(self) -> bool:
        """Whether the series takes part in the budget."""
        return self.valued.live

    def level_of(self, direction: Direction) -> float:
        """The detector's level."""
        return self.valued.level_of(direction)

    def state_of(self, direction: Direction) -> State:
        """How it stands in one direction."""
        return self.valued.state_of(direction)

    def facts(self, direction: Direction) -> Facts | None:
        """The change that stands or is pending, as known now."""
        return self.valued.facts(direction)

    def accept(self) -> None:
        """Somebody says that this is the new normal."""
        self.valued.accept()

    # Learning from history

    def learnt(self) -> bytes | None:
        """What is usual here, for `learn` of another; None before anything is. This one is of no use afterwards."""
        valued = self.valued.learnt()
        return None if valued is None else msgspec.msgpack.encode(_Stored(valued, None, None, [0, 0, 0, 0], {}))

    def learn(self, body: bytes) -> None:
        """Take what `learnt` of one with the same parameters wrote; `begin` says when. Raises ValueError as `load`."""
        self.load(body)

    @property
    def waits(self) -> bool:
        """Whether something is known and nothing has begun."""
        return self._last is None and self.valued.known

    def begin(self, tick: int) -> None:
        """The first second of one that `waits`: counts and sums are 0 from here on unless something comes."""
        self._last = tick // MINUTE
        self._minute = self._last if self._zero else None

    # State

    def dump(self) -> bytes:
        """Everything, for `load`."""
        stored = _Stored(self.valued.dump(), self._minute, self._last, self._sums, self._histogram)
        return msgspec.msgpack.encode(stored)

    def load(self, body: bytes) -> None:
        """Take what `dump` of one with the same parameters wrote. Raises ValueError for anything else."""
        try:
            stored = _DECODE(body)
        except msgspec.DecodeError as error:
            raise ValueError(f"no series of minutes: {error}") from error
        self.valued.load(stored.valued)
        self._minute, self._last = stored.minute, stored.last
        self._sums, self._histogram = stored.sums, stored.histogram


_DECODE = msgspec.msgpack.Decoder(_Stored).decode
