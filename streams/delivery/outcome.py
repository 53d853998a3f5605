"""What became of an attempt to deliver: three plain values, which the sink returns and the ladder reads."""

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


Outcome = Delivered | Retry | Gone
