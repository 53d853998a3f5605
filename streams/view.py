"""What the API, the event stream, the console, the metrics and the terminal show: journeys and signals as values.

Windows are keyed by name (`1m 5m 1h 24h 7d`); every ratio and score is an `Estimate` with n and its 95 % interval.
"""

from __future__ import annotations

from typing import Any, Literal

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
    in_flight: int | None
    """None where it is withheld."""
    totals: StepTotals = StepTotals()
    """Skipped, repeated and unattributed are not kept by segment. Of an employee nothing is told: all are 0."""
    employee: bool = False
    """The value names a member of staff (`access.employees`)."""
    withheld: list[str] = []
    """Windows left out, as too few customers of one employee are in them."""


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
    employee: bool = False
    """The value names a member of staff (`access.employees`)."""
    withheld: list[str] = []
    """Windows left out, as too few customers of one employee are in them."""


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


class ArmView(msgspec.Struct, frozen=True):
    """What a rule that learns can choose, and how it is answered."""

    rule: str
    what: str
    """`channel`, `wait` or `time`."""
    arm: str
    asked: int
    """Asks whose time to be answered was over, as far back as the rule looks."""
    answered: int
    """Those of them that were answered in time."""
    chance: float
    """With which it is drawn, as last told, where every arm would do."""


class View(msgspec.Struct, frozen=True):
    """Everything, at the close of one tick."""

    tick: int | None
    """The latest closed second (UTC epoch); None before the first."""
    journeys: list[JourneyView]
    signals: list[SignalView]
    alarms: AlarmsView | None = None
    """None where no detection runs."""
    learning: list[ArmView] = []
    """Rules that learn, in the order of the file."""


AlertState = Literal["pending", "firing", "resolved", "flapping"]


class ChangeView(msgspec.Struct, frozen=True):
    """A `change.deployed` near the beginning of an alert."""

    time: str
    """RFC 3339."""
    event: str
    """`source/id`."""
    data: dict[str, Any]


class TimelineEntry(msgspec.Struct, frozen=True):
    """One thing that happened to an alert."""

    time: str
    what: str
    """`since`, `change`, `firing`, `updated`, `acknowledged`, `snoozed`, `accepted`, `resolved`, `rebaselined` …"""
    text: str = ""


class AlertView(msgspec.Struct, frozen=True):
    """One alert, firing or resolved, or a series that is pending. Times are RFC 3339."""

    fingerprint: str
    incident: str
    """Alerts of one incident share it: the fingerprint of the first and the second at which that fired."""
    state: AlertState
    journey: str | None
    step: str | None
    next_step: str | None
    signal: str
    """`conversion`, `arrivals`, `silence`, or the signal's name."""
    source: str | None
    direction: str
    segments: list[dict[str, str]] | None
    """Conjunctions whose union moved; empty: everywhere; None: not enough data to tell."""
    severity: str
    since: str
    since_low: str
    since_high: str
    fired_at: str | None
    resolved_at: str | None
    observed: float
    expected: float
    size: float | None
    size_low: float | None
    size_high: float | None
    early: bool
    explanation: str
    evidence: float
    """R̄: 1 and more fired."""
    guarantee: str
    examples: list[str]
    changes: list[ChangeView]
    owner: str | None
    runbook: str | None
    timeline: list[TimelineEntry]
    acknowledged_by: str | None = None
    snoozed_until: str | None = None
    fired: int = 1
    """How often it fired within the incident."""
    notes: list[str] = []
    root: str = ""
    """Fingerprint of the incident's root: what to look at first."""
    loss: float | None = None
    """Part of the whole step's expected completions that is lost."""
    value_per_hour: float | None = None
    """The journey's `value` lost per hour."""


class WatchedView(msgspec.Struct, frozen=True):
    """A series under watch, and what it can see by now."""

    kind: str
    """`conversion`, `arrivals`, `signal`, `source`."""
    journey: str | None
    step: str | None
    signal: str | None
    dimension: str | None
    value: str | None
    direction: str
    guarantee: str
    level: float
    """R̄ now."""
    state: str
    """`watching`, `pending`, `firing`, `learning`, `quiet` (too little volume: watched through its parent)."""
    sees: str
    """In words: `an outage within 4 min, nothing smaller than 60 %`."""
    credit_per_week: float
    """False alarms per week granted at present."""
    detector: str = ""
    due: float | None = None
    """Completions per second expected at the latest update; None where it is not known."""
    note: str = ""
    """What is worth knowing and no alarm: a conversion that creeps down from month to month."""


class FiredCount(msgspec.Struct, frozen=True, array_like=True):
    """How often the alerts of one place fired since the beginning. What does not apply is empty."""

    journey: str
    step: str
    signal: str
    """As in `AlertView`; silent sources are counted together."""
    direction: str
    count: int


class AlarmsView(msgspec.Struct, frozen=True):
    """Everything about alarms at the close of one tick."""

    budget_per_week: float
    """What the file grants."""
    credit_used: float
    """Credit handed out since the beginning: the expected number of false alarms is at most this."""
    alerts: list[AlertView]
    """Firing ones first, then pending, then those resolved lately (newest first)."""
    watched: list[WatchedView]
    fired: list[FiredCount] = []
    ignored: int = 0
    """Commands to alerts that named none, or made no sense, since the beginning."""
    bar: float = 1.0
    """The evidence that fires now; more than 1 where the file has a `false_share` and few alerts stand."""
