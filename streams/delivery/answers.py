"""What a receiver's HTTP answer means for the delivery (Standard Webhooks 1.0.0)."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

from streams.delivery.ladder import LONGEST_RETRY_AFTER
from streams.delivery.outcome import Delivered, Gone, Outcome, Retry
from streams.units import SECOND

GONE = 410
THROTTLING = frozenset((429, 502, 503, 504))
"""The receiver, or what stands before it, is overloaded."""


def outcome_of(status: int, retry_after: str | None, now: int) -> Outcome:
    """`status` of the answer, its Retry-After header, and the time now (UTC epoch microseconds).

    2xx is success and nothing else is; a redirection is a failure, for it would carry what was signed for one address
    to another.
    """
    if 200 <= status < 300:
        return Delivered()
    if status == GONE:
        return Gone("HTTP 410: the receiver is gone")
    wait = None if retry_after is None else parse_retry_after(retry_after, now)
    reason = f"HTTP {status}"
    if 300 <= status < 400:
        reason += ": redirections are not followed"
    return Retry(reason, wait, status in THROTTLING)


def parse_retry_after(text: str, now: int) -> int | None:
    """Microseconds to wait by a Retry-After header: seconds or an HTTP date; a day at most, None where it is neither.

    `now` is UTC epoch microseconds; a date that has passed is 0.
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]) * SECOND, LONGEST_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0, min(round(date.timestamp()) * SECOND - now, LONGEST_RETRY_AFTER))
