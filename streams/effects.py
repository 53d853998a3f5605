"""What the stages say happened. Values only; a shell turns them into rows, messages and counts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from streams.hashing import digest

Cell = tuple[str, ...]
"""One raw value per segment dimension of the file, in the file's order; `unknown` where none is known."""


class Entered(msgspec.Struct, frozen=True, array_like=True):
    """Customers who entered a step in the partial's tick."""

    journey: str
    step: str
    cell: Cell
    count: int
    value: int
    """Sum of the journey's `value` over these entrants, scaled by 1e6."""
    ticks_late: int = 0
    """Their entry tick is the partial's tick minus this: late entrants are booked in the open tick."""


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """What became of the customers who had entered `step` in `entry_tick`."""

    journey: str
    step: str
    cell: Cell
    entry_tick: int
    """Second (UTC epoch) of the event that entered the step."""
    completed: int
    abandoned: int
    recovered: int
    merged: int
    completed_value: int = 0
    """Sum of the journey's `value` at entry over those who completed, scaled by 1e6."""


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """Events that moved nobody, per step."""

    journey: str
    step: str
    skipped: int
    repeated: int
    unattributed: int


class Measured(msgspec.Struct, frozen=True, array_like=True):
    """What a signal saw in one cell during the partial's tick. All sums are integers, so merging is exact."""

    signal: str
    cell: Cell
    n: int
    """Observations (for `share`: the events of the denominator)."""
    total: int
    """Sum of the values, each scaled by 1e6 and rounded half to even."""
    squares_high: int
    squares_low: int
    """Sum of squared scaled values = squares_high * 2**62 + squares_low, 0 <= squares_low < 2**62."""
    top: int
    """`nps`: promoters; `csat`: the two highest values; `share`: the numerator; else 0."""
    bottom: int
    """`nps`: detractors; else 0."""
    histogram: dict[int, int]
    """Bucket of `streams.histogram` -> observations; empty unless the signal needs quantiles."""
    scores: dict[int, int] = {}
    """Point of `streams.scores.Grid` (scaled by 1e6) -> answers; empty unless the signal has a scale. At most 64."""


class SourceSeen(msgspec.Struct, frozen=True, array_like=True):
    """One source's accepted events in the partial's tick; times in UTC epoch microseconds."""

    source: str
    count: int
    first: int
    last: int
    longest_gap: int
    """Longest time between two events of it, the last one before this tick included; 0 when unknown."""


class EntrantSample(msgspec.Struct, frozen=True, array_like=True):
    """Subjects of the first four entrants of a step in a tick."""

    journey: str
    step: str
    subjects: tuple[str, ...]


class ChangeSeen(msgspec.Struct, frozen=True, array_like=True):
    """A `change.deployed`: what may have caused what happens next."""

    time: int
    """Its own time, UTC epoch microseconds."""
    source: str
    id: str
    data: dict[str, str | int | float | bool]
    """Its scalar fields, in its own order, as far as they fit into 1 KiB."""


class AlertCommand(msgspec.Struct, frozen=True, array_like=True):
    """Somebody said what to do with an alert: `alert.acknowledged`, `alert.snoozed` or `alert.accepted`."""

    time: int
    """When it takes effect, UTC epoch microseconds."""
    kind: str
    """The event's type."""
    fingerprint: str
    """The event's subject."""
    by: str
    """Who said so; empty where the event does not say."""
    duration: int
    """To snooze: microseconds, 0 ends it; else 0."""
    source: str
    id: str


class Nominee(msgspec.Struct, frozen=True, array_like=True):
    """An ask that has passed every gate but the quota of its rule."""

    rule: str
    due: int
    """When its gates ran, UTC epoch microseconds."""
    subject: str
    """The customer; empty where it has been erased since."""

    def without(self, subjects: Collection[str]) -> Nominee:
        """The same, unnamed if it is one of these."""
        return Nominee(self.rule, self.due, "") if self.subject in subjects else self


class Verdicts(msgspec.Struct, frozen=True):
    """What quotas say to nominees of one partition; `touchline.quota.judged` carries it in the log."""

    number: int
    """n, from 0, per partition; without gaps, and the same on every run."""
    allowed: tuple[Nominee, ...]
    refused: tuple[Nominee, ...]


class Lesson(msgspec.Struct, frozen=True):
    """What rules have learnt from all partitions' answers; `touchline.learning.told` carries it in the log."""

    number: int
    """n, from 0, the same in every partition; without gaps, and the same on every run."""
    since: int
    """It holds for what is drawn from here on, UTC epoch microseconds."""
    weights: dict[str, dict[str, dict[str, int]]]
    """Rule -> `channel`, `wait` or `time` -> arm -> how likely it is the best one, in millionths."""


class Sighting(msgspec.Struct, frozen=True, array_like=True):
    """An event that a cluster counts."""

    rule: str
    entity: str
    """What it is about: a shop, a product, a topic."""
    time: int
    """When it took effect, UTC epoch microseconds."""
    cause: str
    """`source/id`."""
    customer: int
    """`customer_number` of the customer's id: enough to tell them apart without naming them."""


def customer_number(subject: str) -> int:
    """63 bits of a hash of a customer's id."""
    return int.from_bytes(digest((subject,), 8), "big") >> 1


class CareCount(msgspec.Struct, frozen=True, array_like=True):
    """Asks, answers, cases and offers of the partial's tick."""

    what: str
    """Such as `feedback_withheld` or `case_opened`."""
    rule: str
    detail: str
    """Reason, channel, disposition …"""
    count: int
    total: int
    """Sum of an amount that goes with them, such as the microseconds to an answer."""


class DoorCounts(msgspec.Struct, frozen=True, array_like=True):
    """What happened at the door since the partition's previous partial."""

    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    late: int = 0
    future: int = 0
    invalid: int = 0
    evicted: int = 0
    """Seen ids that fell out before their 24 h because of the `dedup` limits."""
    skipped_rows: int = 0


class Partial(msgspec.Struct, frozen=True, array_like=True):
    """Everything a partition counted in one tick, and its declaration that all ticks up to it are closed.

    The n-th partial of a partition is the same record on every run (exactness rule 2).
    """

    partition: int
    sequence: int
    """n, from 0, per partition; without gaps."""
    first_tick: int
    """First tick this partial declares closed; those before `tick` are empty."""
    tick: int
    """Second (UTC epoch) the content belongs to; the content is empty in a declaration of empty ticks."""
    config: str
    """Hash of the file whose rules counted."""
    door: DoorCounts = DoorCounts()
    entered: tuple[Entered, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    marks: tuple[Mark, ...] = ()
    measured: tuple[Measured, ...] = ()
    sources: tuple[SourceSeen, ...] = ()
    entrants: tuple[EntrantSample, ...] = ()
    types: dict[str, int] = {}
    """Accepted events by type."""
    changes: tuple[ChangeSeen, ...] = ()
    """By time, source and id; of many in one tick the first 16."""
    commands: tuple[AlertCommand, ...] = ()
    """By time, kind and fingerprint; of many in one tick the first 64."""
    changes_left: int = 0
    """Changes beyond those."""
    commands_left: int = 0
    """Commands beyond those, and such as nobody can obey: a snooze without a duration."""
    care: tuple[CareCount, ...] = ()
    """By what, rule and detail."""
    erased: tuple[str, ...] = ()
    """Customers to be forgotten as examples, in order of their ids."""
    nominees: tuple[Nominee, ...] = ()
    """By due time, customer and rule."""
    sightings: tuple[Sighting, ...] = ()
    """By time and cause; of many in one tick the first 256."""


class Decision(msgspec.Struct, frozen=True):
    """A public decision record; `streams.decisions` encodes it as formats.md section 3 says."""

    id: str
    type: str
    """`touchline.` and e.g. `signal.breached`."""
    time: int
    """Event time at which it holds, UTC epoch microseconds, shown in milliseconds."""
    subject: str
    data: dict[str, Any]
    """In the order of formats.md; `rule` and `because` are always there."""


class DeadLetter(msgspec.Struct, frozen=True):
    """An input record that could not be taken, with its bytes."""

    sequence: int
    """n-th dead letter of the partition."""
    offset: int
    """Log position of the record."""
    log_time: int | None
    reason: str
    """One of `streams.reasons.INVALID`; a metric label."""
    message: str
    """What, where, what was expected; one line."""
    body: bytes
    """The original bytes."""


class Parcel(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one partition sends to another. Times in UTC epoch microseconds."""

    kind: str
    """`touchline.customer.absorbed`, `touchline.customer.refused` or `touchline.event.forwarded`."""
    sender: int
    """Partition that sent it last."""
    number: int
    """n-th parcel of the sender for the receiver, from 0, without gaps."""
    target: str
    """Key it is for; the receiver is its partition."""
    time: int
    """When it takes effect; where it arrives later than that, at the receiver's watermark."""
    body: str
    """The record that caused it, as it was: the `customer.merged`, or the forwarded event."""
    own_time: int
    """That event's time, clamped where it was ahead."""
    customer: str | None = None
    """The id that ended, whose state or event this is; None: an event that lay in the wrong partition."""
    late: bool = False
    future: bool = False
    hops: int = 0
    """How often it was handed on."""
    into: str | None = None
    """Of a forwarded `customer.merged`: where it leads."""
    state: bytes = b""
    """The customer's state as `streams.customer` encodes it, without timer."""
    dimensions: tuple[str, ...] = ()
    """Names of the segment dimensions in that state."""
    reason: str = ""
    message: str = ""
    """Why a merge was refused."""
    judged: Verdicts | None = None
    """In place of `body`: what a quota says to an ask whose customer has moved; its number means nothing."""


class Effects(msgspec.Struct):
    """What one call of JourneyStage.process brought about, in order."""

    partials: list[Partial]
    decisions: list[Decision]
    dead_letters: list[DeadLetter]
    parcels: list[tuple[int, Parcel]] = []
    """Receiving partition and what it gets."""
