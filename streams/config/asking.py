"""`feedback:` and what goes with it – whom to ask for feedback, when, how, and when rather not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from streams.config.blocks import Block, Many, block_form
from streams.config.faults import Path
from streams.config.forms import OneOf
from streams.config.kinds import (
    AtLeastOne,
    Clock,
    ComparisonValue,
    CountValue,
    Duration,
    EventTypes,
    LongDuration,
    Name,
    Names,
    RateValue,
    RatioValue,
    SecretText,
    Targets,
    Where,
)
from streams.config.learning import Learn

PROBLEM_GATES = ("open_case", "live_conversation", "unresolved_defect")


class Condition(Block, frozen=True, kw_only=True):
    """Events of some types, with conditions."""

    shorthand: ClassVar[str] = "on"

    on: EventTypes
    """The event type, or a list of types."""
    where: Where = None
    """Conditions on the event."""


Conditions = Annotated[tuple[Condition, ...], Many(block_form(Condition), single=True)]


class Absent(Block, frozen=True, kw_only=True):
    """No such event in the time before."""

    on: EventTypes
    """The event types that must not have been seen."""
    where: Where = None
    """Conditions on them."""
    within: LongDuration
    """How far to look back."""


class Then(Block, frozen=True, kw_only=True):
    """An event that must follow."""

    on: EventTypes
    """The event types that complete the rule."""
    where: Where = None
    """Conditions on them."""
    within: LongDuration
    """Longest time after the `after` event."""


class When(Block, frozen=True, kw_only=True):
    """A signal that must stand on one side of a number."""

    signal: Name
    """A signal of the file, or `conversion` of a journey's step."""
    journey: Name | None = None
    """Journey it is taken at."""
    step: Name | None = None
    """Step it is taken at."""
    value: ComparisonValue
    """What must hold, such as `"< 0.7"`."""


class ChannelRule(Block, frozen=True, kw_only=True):
    """When a channel is not used."""

    unless: Conditions = ()
    """Events after which this channel is left out."""


class FeedbackRule(Block, frozen=True, kw_only=True):
    """When to ask a customer for feedback."""

    ask: Name
    """The metric: nps, csat, ces, enps or one of your own."""
    after: EventTypes
    """The event types that make the ask due."""
    where: Where = None
    """Conditions on that event."""
    count: CountValue | None = None
    """So many of them, such as `3 within 10m`."""
    absent: Absent | None = None
    """Only when another event was not seen before."""
    then: Then | None = None
    """Only when another event follows."""
    traits: Where = None
    """Conditions on the customer's traits, such as `{tier: gold}`."""
    when: When | None = None
    """Only while a signal stands on one side of a number."""
    wait: Duration = 0
    """Time from the event to the ask."""
    requires: Conditions = ()
    """Experiences that must have been seen after the event."""
    unless: Conditions = ()
    """Events that exclude the ask."""
    cancel_on: Conditions = ()
    """Events that cancel it."""
    even_if: Annotated[tuple[str, ...], Many(OneOf(PROBLEM_GATES), single=True)] = ()
    """Problem gates that do not hold this ask back."""
    on_problem: Literal["defer", "drop"] = "defer"
    """`drop`: a problem ends the ask instead of deferring it."""
    attempts: AtLeastOne = 2
    """How often the ask may come due."""
    channels: Names = ()
    """Channels in order of preference."""
    channel_rules: dict[Name, ChannelRule] = {}
    """When a channel is not used."""
    priority: int = 0
    """Of two asks due together the higher one stays."""
    sample: RatioValue = 1.0
    """Share of customers who are asked."""
    holdout: RatioValue = 0.0
    """Share of customers who are never asked, to compare with."""
    quota: RateValue | None = None
    """Most asks of this rule, such as `200 per day`."""
    jitter: Duration = 0
    """Spread of the due time."""
    learn: Learn | None = None
    """Let the answers decide between channels, waits or hours of the day."""
    to: Targets = ()
    """Receivers of the ask; without any it is only recorded."""

    def check(self) -> Iterator[tuple[Path, str]]:
        for channel in self.channel_rules:
            if self.channels and channel not in self.channels:
                yield ("channel_rules", channel), f"'{channel}' is not among channels: {', '.join(self.channels)}"
        if self.sample + self.holdout > 1 and self.sample < 1:
            yield ("holdout",), "sample and holdout are more than everyone together"
        if self.quota is not None and self.quota.count != int(self.quota.count):
            yield ("quota",), f"expected a whole number of asks, got {self.quota.count:g} per {self.quota.unit}"
        if self.learn is not None and self.learn.channel and len(self.channels) < 2:
            yield ("learn", "channel"), "there must be at least two channels to learn from, in `channels`"
        if self.learn is not None and self.learn.waits and self.wait:
            yield ("learn", "waits"), "wait and learn.waits: expected one of them"


class Offer(Block, frozen=True, kw_only=True):
    """Something offered to a customer who has come often enough."""

    on: EventTypes
    """The event types that count."""
    where: Where = None
    """Conditions on them."""
    count: CountValue | None = None
    """So many of them, such as `3` or `3 within 30d`; without it each one."""
    once: bool = False
    """Only once per customer."""
    to: Targets = ()
    """Receivers of the offer."""


class Fatigue(Block, frozen=True, kw_only=True):
    """How long a customer is left alone after having been asked, whoever asked."""

    others: ClassVar[str] = "metrics"

    any: Duration = 0
    """After any ask."""
    per_year: AtLeastOne | None = None
    """Most asks per customer and year; the last one is kept for nps."""
    metrics: dict[Name, Duration] = {}
    """After an ask for that metric, such as `nps: 90d`."""


class QuietHours(Block, frozen=True, kw_only=True):
    """Hours in which nobody is asked, in the customer's own zone; from `from` up to, not including, `to`."""

    from_: Clock
    """Begins."""
    to: Clock
    """Ends; earlier than `from` means the next morning."""

    def check(self) -> Iterator[tuple[Path, str]]:
        if self.from_ == self.to:
            yield ("to",), 'from and to are the same; expected hours such as from "21:00" to "09:00"'

    def covers(self, clock: int) -> bool:
        """Whether nobody is asked at this time of day, microseconds since the day began."""
        if self.from_ < self.to:
            return self.from_ <= clock < self.to
        return clock >= self.from_ or clock < self.to


class Asks(Block, frozen=True, kw_only=True):
    """What holds for the asks of all rules."""

    to: Targets = ()
    """Receivers of every ask whose rule names none."""
    secret: SecretText | None = None
    """Key with which webhooks of all asks and offers are signed; see the one of subscriptions."""
    allow_private: bool = False
    """They may go to private, loopback and link-local addresses."""
