"""The file as Structs: an attribute per key, defaults there and nowhere else.

Durations are int microseconds. A field's docstring is its line on the reference page. Keys that Python reserves carry a
trailing underscore (`as_`). The parts are in files of their own and all importable from here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from streams.config.access import Access, ConsoleToken, WriteKey
from streams.config.alerting import Alerts, Match, Subscription
from streams.config.asking import (
    Absent,
    Asks,
    ChannelRule,
    Condition,
    Fatigue,
    FeedbackRule,
    Offer,
    QuietHours,
    Then,
    When,
)
from streams.config.blocks import Block, Many
from streams.config.caring import Calendar, Case, Cluster, Contact, Exposure, Promise, Route, Routing
from streams.config.expect import Expect
from streams.config.journeys import Journey, Step
from streams.config.kinds import AtLeastOne, Duration, LongDuration, Name, TimeZone
from streams.config.learning import Learn
from streams.config.secrets import Secret, Target
from streams.config.segments import Segment, SegmentForm
from streams.config.signals import Detector, Of, Signal
from streams.config.sources import Column, Const, Source, SourceTime, SourceType
from streams.units import DAY, SECOND

__all__ = [
    "Absent",
    "Access",
    "Alerts",
    "Asks",
    "Calendar",
    "Case",
    "ChannelRule",
    "Cluster",
    "Column",
    "Condition",
    "Config",
    "ConsoleToken",
    "Const",
    "Contact",
    "Dedup",
    "Detector",
    "Expect",
    "Exposure",
    "Fatigue",
    "FeedbackRule",
    "Journey",
    "Learn",
    "Match",
    "Of",
    "Offer",
    "Promise",
    "QuietHours",
    "Route",
    "Routing",
    "Secret",
    "Segment",
    "Signal",
    "Source",
    "SourceTime",
    "SourceType",
    "Step",
    "Subscription",
    "Target",
    "Then",
    "When",
    "WriteKey",
]


class Dedup(Block, frozen=True, kw_only=True):
    """How many seen ids are remembered to find duplicates; beyond, the oldest fall."""

    max_ids_per_key: AtLeastOne = 512
    """Per customer, or bucket of events without one."""
    max_ids: AtLeastOne = 5_000_000
    """Per partition."""


class Config(Block, frozen=True, kw_only=True):
    """The file."""

    version: Literal[1] = 1
    """Version of this format."""
    timezone: TimeZone = "UTC"
    """IANA zone of hours and calendars."""
    segments: Annotated[tuple[Segment, ...], Many(SegmentForm())] = ()
    """Dimensions read from the events' data: `device`, or `{region: [kyiv, lviv]}` to admit values at once."""
    journeys: dict[Name, Journey] = {}
    """The ways customers take."""
    signals: dict[Name, Signal] = {}
    """Rolling numbers over events."""
    feedback: dict[Name, FeedbackRule] = {}
    """When to ask for feedback."""
    offers: dict[Name, Offer] = {}
    """What to offer to customers who come again."""
    fatigue: Fatigue = Fatigue()
    """How long a customer is left alone after an ask."""
    quiet_hours: QuietHours | None = None
    """Hours in which nobody is asked."""
    cases: dict[Name, Case] = {}
    """When a customer must be contacted."""
    routing: Routing = Routing()
    """Who gets a case whose rule names no owner."""
    clusters: dict[Name, Cluster] = {}
    """When several customers have met the same."""
    promises: dict[Name, Promise] = {}
    """What was promised, and by when."""
    alerts: Alerts = Alerts()
    """The alarm budget."""
    subscriptions: tuple[Subscription, ...] = ()
    """Who hears of what."""
    sources: dict[Name, Source] = {}
    """How rows of files become events."""
    access: Access = Access()
    """Who gets in."""
    asks: Asks = Asks()
    """What holds for all asks."""
    calendars: dict[Name, Calendar] = {}
    """Opening hours."""
    consent: Literal["opt_out", "opt_in"] = "opt_out"
    """`opt_in`: a channel is used only when the customer granted it; else unless refused."""
    closing: Literal["lenient", "strict"] = "lenient"
    """`strict`: an incomplete closing of a case is a dead letter."""
    retain: LongDuration = 400 * DAY
    """A customer without any event for so long is forgotten."""
    allowed_lateness: Duration = 2 * SECOND
    """How much out of order events may arrive and still count where they belong."""
    max_ahead: Duration = 30 * SECOND
    """How far an event's time may be after its reception."""
    idle_after: LongDuration = 2 * SECOND
    """Silence after which time goes on by the clock."""
    dedup: Dedup = Dedup()
    """How duplicates are found."""
