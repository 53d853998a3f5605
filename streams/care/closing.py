"""How a case ends: with a cause, a disposition, and the customer told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.care.said import Said
from streams.care.state import Case
from streams.fields import text

DISPOSITIONS = ("resolved", "acknowledged", "answered", "no_action_explained")
"""How it ended for the customer."""


def lacking(data: Mapping[str, Any], *, informed: bool) -> tuple[str, ...]:
    """What a closing with this `data` lacks, for people; nothing when it is complete.

    `informed`: the customer was told before.
    """
    missing = []
    if text(data.get("cause")) is None:
        missing.append("data.cause")
    if data.get("disposition") not in DISPOSITIONS:
        missing.append(f"data.disposition (one of {' '.join(DISPOSITIONS)})")
    if not informed and data.get("communicated") is not True:
        missing.append("an earlier case.communicated or data.communicated: true")
    return tuple(missing)


class Closing:
    """The end that a `case.closed` gives to a case."""

    def __init__(self, case: Case, said: Said) -> None:
        self.informed = case.informed or said.data.get("communicated") is True
        self.missing = lacking(said.data, informed=case.informed)
        self._cause = text(said.data.get("cause"))
        stated = said.data.get("disposition")
        self._disposition = stated if stated in DISPOSITIONS else None

    def close(self, case: Case, now: int) -> dict[str, Any]:
        """Write it into the case; what the record says of it."""
        case.closed = now
        case.incomplete = bool(self.missing)
        case.root_cause, case.disposition = self._cause, self._disposition
        said: dict[str, Any] = {"incomplete": True} if case.incomplete else {}
        if self._cause is not None:
            said["cause"] = self._cause
        if self._disposition is not None:
            said["disposition"] = self._disposition
        if case.incomplete and self.informed:
            said["communicated"] = True
        return said
