"""Which events a customer has already been counted for: exact for 24 h of event time, bounded.

Two generations of 8-byte hashes per customer: an id lives in the newer one for 24 h and in the older one for
another 24 h, so it is found for certain within 24 h and perhaps up to 48 h after it was taken (exactness rule 5).
"""

from __future__ import annotations

import xxhash

from streams.customer import Customer

WINDOW = 24 * 3600 * 1_000_000
"""Microseconds of event time for which a copy is found for certain."""
WIDTH = 8
_SEED = 0x746F7563686C696E
_HOUR = 3600 * 1_000_000


def digest(source: str, event_id: str) -> bytes:
    """Eight bytes for an event's identity (source, id); two identities collide once in 2**64."""
    return xxhash.xxh3_64_digest(f"{source}\0{event_id}".encode(), _SEED)


def contains(ids: bytes, wanted: bytes) -> bool:
    """Whether a generation holds the hash, at a multiple of its width."""
    at = ids.find(wanted)
    while at >= 0:
        if at % WIDTH == 0:
            return True
        at = ids.find(wanted, at + 1)
    return False


def is_duplicate(customer: Customer, wanted: bytes) -> bool:
    """Whether this customer has been counted for the event already."""
    if customer.seen and wanted in customer.seen and contains(customer.seen, wanted):
        return True
    before = customer.seen_before
    return bool(before) and wanted in before and contains(before, wanted)


def turn(customer: Customer, time: int, floor: int) -> None:
    """Let ids expire: called before a look-up at effective `time`; ids taken before `floor` fell to the limit."""
    since = customer.seen_since
    if time - since >= WINDOW:
        customer.seen_before = customer.seen if time - since < 2 * WINDOW else b""
        customer.seen = b""
        customer.seen_since = time
    if floor > customer.seen_since:
        customer.seen_before = b""
        if floor > customer.touched:
            customer.seen = b""


def remember(customer: Customer, taken: bytes, limit: int) -> int:
    """Add an id; returns how many of the oldest fell out because the customer holds more than `limit` ids."""
    customer.seen += taken
    excess = (len(customer.seen) + len(customer.seen_before)) // WIDTH - limit
    if excess <= 0:
        return 0
    from_before = min(excess, len(customer.seen_before) // WIDTH)
    customer.seen_before = customer.seen_before[from_before * WIDTH :]
    customer.seen = customer.seen[(excess - from_before) * WIDTH :]
    return excess


class Population:
    """How many unexpired ids a partition holds, by the hour they were taken, and what falls beyond its limit."""

    def __init__(self, limit: int, hours: dict[int, int] | None = None, floor: int = 0) -> None:
        self.limit = limit
        self.hours = hours if hours is not None else {}
        self.total = sum(self.hours.values())
        self.floor = floor
        """Ids taken before this time (UTC epoch microseconds) no longer count."""

    def take(self, time: int) -> int:
        """Count one more id taken at effective `time`; returns how many of the oldest fell."""
        hour = time // _HOUR
        hours = self.hours
        if hour in hours:
            hours[hour] += 1
            self.total += 1
        else:
            hours[hour] = 1
            self.total += 1
            for old in [h for h in hours if h < hour - 24]:
                self.total -= hours.pop(old)
        fallen = 0
        while self.total > self.limit and len(hours) > 1:
            oldest = min(hours)
            gone = hours.pop(oldest)
            self.total -= gone
            fallen += gone
            self.floor = (oldest + 1) * _HOUR
        return fallen

    def covered(self, time: int) -> int:
        """Microseconds before `time` in which every copy would be found, at most 24 h."""
        return min(WINDOW, time - self.floor) if self.floor else WINDOW
