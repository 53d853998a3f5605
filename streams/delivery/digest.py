"""Digests: what a receiver wants to hear of later is collected, and told together at the end of its period.

A period ends on the wall clock of the file's zone: at midnight, on Monday at midnight for a week, or at whole multiples
of the period since midnight. What is critical is never held back.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from streams.care.quiet import moment_of, zone_of
from streams.delivery.grouping import Addressed
from streams.delivery.message import Message
from streams.delivery.receivers import Receiver
from streams.units import DAY, SECOND, WEEK

PREFIX = "digest/"
"""Bundles of digests begin with it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def in_digest(one: Addressed, receiver: Receiver, message: Message, now: int, holds: bool = True) -> Addressed:
    """The decision as it leaves: with the receiver's digest where it has one and this may wait, else as it was.

    `now` is when it was decided, UTC epoch microseconds of the machine. A held decision holds up no other about the
    same: what is critical overtakes it. Without `holds` it is collected with what leaves at the same time only.
    """
    if not receiver.digest or message.text("severity") == "critical":
        return one
    end = end_of_period(now, receiver.digest, receiver.zone)
    return msgspec.structs.replace(one, about="", bundle=f"{PREFIX}{end}", wait=end - now if holds else 0)


def is_digest(bundle: str) -> bool:
    """Whether what leaves together is a digest."""
    return bundle.startswith(PREFIX)


def end_of_period(now: int, period: int, zone: str) -> int:
    """The first end of a period after `now`; all three in microseconds, times since the UTC epoch.

    `period` is a week, a day, or goes into a day without a rest; `zone` an IANA name, UTC where nobody knows it.
    """
    place = zone_of(zone)
    if place is None:
        place = zone_of("UTC")
        assert place is not None
    local = (_EPOCH + timedelta(microseconds=now)).astimezone(place).replace(tzinfo=None)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if period == WEEK:
        step, begin = timedelta(days=7), midnight - timedelta(days=midnight.weekday())
    elif period == DAY:
        step, begin = timedelta(days=1), midnight
    else:
        step = timedelta(seconds=period // SECOND)
        begin = midnight + (local - midnight) // step * step
    end = begin + step
    while (moment := moment_of(end, place)) <= now:  # an hour that comes twice has ended already
        end += step
    return moment
