"""A delivery: one decision for one receiver, when it is due and what became of it; the same in every store."""

from __future__ import annotations

import msgspec

from streams.units import DAY

PENDING, DELIVERED, FAILED, DISABLED = "pending", "delivered", "failed", "disabled"
STATES = (PENDING, DELIVERED, FAILED, DISABLED)
IN_ORDER = 3
"""What is newer about the same waits for what is older until that has failed so often; then it goes by itself."""
KEPT_DELIVERED = 7 * DAY
KEPT_FAILED = 30 * DAY
GIVEN_UP = 7 * DAY
"""What has been due so long, as behind a receiver that was down or has left the file, has failed."""
GIVEN_UP_REASON = "not delivered within 7 days"


class Due(msgspec.Struct, frozen=True):
    """A delivery whose time has come. Times are UTC epoch microseconds, here and below."""

    id: int
    decision: str
    attempts: int
    """So far."""
    first_at: int | None
    bundle: str
    body: bytes | None
    """The public record; None where it is no longer kept."""


class Attempted(msgspec.Struct, frozen=True):
    """A delivery after an attempt."""

    id: int
    state: str
    attempts: int
    first_at: int
    next_at: int
    ended: int | None
    last_error: str | None


class Trouble(msgspec.Struct, frozen=True, array_like=True):
    """How a receiver that fails is doing; all of it survives a restart where the store keeps it."""

    since: int
    """Its first failure after the last success."""
    failures: int
    """In a row."""
    rests_until: int
    """Nothing is sent before."""
    last_error: str
