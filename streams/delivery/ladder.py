"""When a delivery is tried again, and how long a receiver in trouble is left alone.

The steps are those that Standard Webhooks 1.0.0 recommends: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h,
each counted from the attempt before. Read as waits they make the three days (75 h 35 min) that it speaks of.
"""

from __future__ import annotations

import hashlib

from streams.units import DAY, HOUR, MINUTE, SECOND

WAITS = (
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
)
"""Microseconds from an attempt to the next."""
ATTEMPTS = len(WAITS) + 1
"""Attempts in all, the first included."""
SPREAD = 10
"""A wait is lengthened by up to one part in so many, so that what failed together does not come back together."""
LONGEST_RETRY_AFTER = DAY
"""What a receiver asks for beyond this is not believed."""
TIMEOUT = 15 * SECOND
"""How long one attempt may take."""

FIRST_PAUSE, LONGEST_PAUSE = 5 * SECOND, 5 * MINUTE
PATIENCE = 5
"""Failures in a row after which a receiver is taken to be down."""


def next_attempt(name: str, attempts: int, now: int, retry_after: int | None = None) -> int | None:
    """When to try again (UTC epoch microseconds) after `attempts` >= 1 failures; None: never.

    `name` is the delivery's, so the spread is the same on every run. `retry_after`: what the receiver asked for,
    microseconds; it only makes the wait longer, by a day at most.
    """
    if attempts >= ATTEMPTS:
        return None
    wait = WAITS[attempts - 1]
    wait += wait * _chance(name, attempts) // (SPREAD << 32)
    return now + max(wait, min(retry_after or 0, LONGEST_RETRY_AFTER))


def pause(failures: int, throttled: bool, retry_after: int | None = None) -> int:
    """How long (microseconds) a receiver is left alone after `failures` >= 1 failures in a row; 0: not at all.

    One that says it cannot now (429, 502, 503, 504) is at once, any other after five failures: a receiver that is down
    sees one attempt at a time, and what waits for it does not climb the ladder meanwhile.
    """
    asked = min(retry_after or 0, LONGEST_RETRY_AFTER)
    if not throttled and failures < PATIENCE:
        return asked
    doublings = failures - (1 if throttled else PATIENCE)
    return max(asked, min(FIRST_PAUSE << min(doublings, 16), LONGEST_PAUSE))


def _chance(name: str, attempts: int) -> int:
    """32 bits that look random and depend on the arguments only."""
    digest = hashlib.blake2b(f"{attempts}:{name}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big")
