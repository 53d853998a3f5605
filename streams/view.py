"""What the API, the event stream, the console, the metrics and the terminal show: journeys and signals as values.

Windows are keyed by name (`1m 5m 1h 24h 7d`); every ratio and score is an `Estimate` with n and its 95 % interval.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from streams.estimates import Estimate

State = Literal["ok", "breached", "collecting"]
"""`collecting`: too few observations in the last hour to say anything; a breach stays one until it recovers."""


class StepTotals(msgspec.Struct, frozen=True):
    """Counts since the beginning; entered = completed + abandoned + in_flight + merged."""

    entered: int = 0
    completed: int = 0
    abandoned: int = 0
    recovered: int = 0
    skipped: int = 0
    repeated: int = 0
    unattributed: int = 0
    merged: int = 0
    in_flight: int = 0


class StepWindow(msgspec.Struct, frozen=True):
    """A step in one window."""

    entered: int
    completed: int
    abandoned: int
    recovered: int
    throughput: Estimate
    """Completed ÷ entered, both in this window: moves at once, but mixes cohorts."""
    cohort: Estimate
    """Completed in time ÷ entered, of the entrants whose time ran out in this window; n is those entrants."""
    value_entered: float = 0.0
    """Sum of the journey's `value` over those who entered; 0 when it names none."""
    value_completed: float = 0.0
    """Sum of the `value` at entry over those who completed."""


class Duration(msgspec.Struct, frozen=True):
    """Seconds from entering a step to completing it, over the last hour; n = 0: nobody did."""

    n: int
    p50: float | None
    p90: float | None


class SegmentView(msgspec.Struct, frozen=True):
    """One value of one segment dimension in a step; windows `5m` and `1h`."""

    dimension: str
    value: str
    windows: dict[str, StepWindow]
    in_flight: int
    totals: StepTotals = StepTotals()
    """Skipped, repeated and unattributed are not kept by segment."""


class StepView(msgspec.Struct, frozen=True):
    """One step of a journey."""

    name: str
    next_step: str | None
    """None at the goal, which has no conversion."""
    totals: StepTotals
    windows: dict[str, StepWindow]
    duration: Duration
    spark: list[float | None]
    """Conversion by throughput in each of the last 30 minutes, oldest first; None where nobody entered."""
    segments: list[SegmentView]
    state: State = "ok"


class JourneyView(msgspec.Struct, frozen=True):
    """One journey, its steps in the order of the file."""

    name: str
    owner: str | None
    runbook: str | None
    steps: list[StepView]


class SignalSegmentView(msgspec.Struct, frozen=True):
    """A signal for one value of one segment dimension; windows `5m` and `1h`."""

    dimension: str
    value: str
    windows: dict[str, Estimate]


class SignalView(msgspec.Struct, frozen=True):
    """One signal of the file."""

    name: str
    as_: str
    kind: str | None
    journey: str | None
    step: str | None
    unit: str
    """`points` (nps), `ratio` (csat, share), `score` (ces), `per_minute` (rate), `seconds` (session), else empty."""
    windows: dict[str, Estimate]
    total: Estimate
    """Over everything seen so far."""
    state: State
    segments: list[SignalSegmentView] = []
    min_n: int = 30
    """Observations below which no value is shown."""


class View(msgspec.Struct, frozen=True):
    """Everything, at the close of one tick."""

    tick: int | None
    """The latest closed second (UTC epoch); None before the first."""
    journeys: list[JourneyView]
    signals: list[SignalView]
