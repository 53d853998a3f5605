"""`alerts:` and `subscriptions:` – how many false alarms are acceptable, and who hears of what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from streams.config.blocks import Block, Many
from streams.config.faults import Path
from streams.config.forms import Text
from streams.config.kinds import Duration, Name, NotNegative, RateValue, RatioValue, SecretText
from streams.config.secrets import Target, TargetForm
from streams.units import DAY, HOUR, SECOND, WEEK, Rate

DIGESTS = (*(hours * HOUR for hours in (1, 2, 3, 4, 6, 8, 12)), DAY, WEEK)
"""Periods that end at the same times of every day, or of every week; microseconds."""

_MOST_SPLIT = 0.99 + 1e-9

RequiredTargets = Annotated[tuple[Target, ...], Many(TargetForm(), single=True, least=1)]
Values = Annotated[tuple[str, ...], Many(Text(), single=True)]


class Alerts(Block, frozen=True, kw_only=True):
    """The alarm budget."""

    false_alarms: RateValue = Rate(1, "week")
    """False alarms that are acceptable, in total."""
    false_share: RatioValue | None = None
    """Share of alerts that may be false, on top of the budget: the fewer alerts stand, the more evidence one needs."""
    split: dict[Name, RatioValue] = {}
    """Journeys that have a part of the budget for themselves, such as `{purchase: 50%}`; the rest is for all others."""
    page_above: NotNegative | None = None
    """Lost journey `value` per hour from which an alert is one level more severe."""

    def check(self) -> Iterator[tuple[Path, str]]:
        if self.false_alarms.count <= 0:
            yield ("false_alarms",), "without any false alarm there is no alarm; expected more than 0"
        if self.false_share == 0:
            yield ("false_share",), "without any false alarm there is no alarm; expected more than 0%"
        for name, part in self.split.items():
            if part == 0:
                yield ("split", name), "without any part there is no alarm; expected more than 0%, or `watch: off`"
        if sum(self.split.values()) > _MOST_SPLIT:
            yield ("split",), "expected at most 99% together, so that something is left for everything else"


class Match(Block, frozen=True, kw_only=True):
    """Which decisions a subscription takes; all keys must hold, of several values one."""

    others: ClassVar[str] = "segments"

    type: Values = ("alert",)
    """A family (`alert`, `case`) or one type (`alert.firing`)."""
    journey: Values = ()
    """Journeys."""
    step: Values = ()
    """Steps."""
    signal: Values = ()
    """Signals."""
    rule: Values = ()
    """Rules: names of feedback, cases, promises, offers or signals."""
    owner: Values = ()
    """Owners."""
    severity: Values = ()
    """`info`, `warning`, `critical`."""
    reason: Values = ()
    """Reasons of withheld or deferred asks."""
    segments: dict[Name, Values] = {}
    """Values of segment dimensions."""


class Subscription(Block, frozen=True, kw_only=True):
    """Who hears of which decisions."""

    name: Name | None = None
    """What the subscription is called."""
    match: Match = Match()
    """Which decisions; without it all alerts."""
    to: RequiredTargets
    """Receivers."""
    group_wait: Duration = 10 * SECOND
    """How long to collect what belongs together before the first message."""
    digest: Duration | None = None
    """Collect for 1h, 2h, 3h, 4h, 6h, 8h, 12h, 1d or 1w and tell it at the end, but for what is critical."""
    secret: SecretText | None = None
    """Key with which webhooks are signed, `whsec_…`; while it is being changed the new one, a space, the old one."""
    allow_private: bool = False
    """Webhooks may go to private, loopback and link-local addresses."""

    def check(self) -> Iterator[tuple[Path, str]]:
        if self.digest is not None and self.digest not in DIGESTS:
            yield ("digest",), "expected 1h, 2h, 3h, 4h, 6h, 8h, 12h, 1d or 1w"
