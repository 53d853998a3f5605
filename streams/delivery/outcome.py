"""What became of an attempt to deliver: plain values, which the sink returns and the ladder reads."""

from __future__ import annotations

import msgspec


class Delivered(msgspec.Struct, frozen=True):
    """The receiver has it."""


class Retry(msgspec.Struct, frozen=True):
    """Not this time."""

    reason: str
    """One line for people; never an address, a secret or the receiver's own text."""
    retry_after: int | None = None
    """The receiver asks to be left alone for so long, microseconds."""
    throttle: bool = False
    """It is the receiver that cannot, whatever the message: the others wait as well."""


class Gone(msgspec.Struct, frozen=True):
    """The receiver wants nothing more: it is disabled until somebody says otherwise."""

    reason: str


class Refused(msgspec.Struct, frozen=True):
    """It will not do, now or later: this delivery has failed, the receiver is well. Only for one message at a time."""

    reason: str
    """As Retry's."""


Outcome = Delivered | Retry | Gone | Refused
