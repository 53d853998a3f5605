"""Which case an event is about: the one it names, else the one that must be meant."""

from __future__ import annotations

from collections.abc import Sequence

from streams.care.said import Said
from streams.care.state import CLOSED, Case
from streams.fields import identity

REOPENED = "case.reopened"
_LONGEST_NAME = 128


def named(said: Said) -> str | None:
    """The case that an event names in `data.case`; a name of more than 128 characters keeps its end and a hash."""
    name = identity(said.data.get("case"))
    return name if name is None else name[-_LONGEST_NAME:]


def unclosed(cases: Sequence[Case]) -> list[Case]:
    """Cases in any state before `closed`, in order of opening."""
    return [case for case in cases if case.state != CLOSED]


def meant(cases: Sequence[Case], said: Said) -> Case | None:
    """Of a customer's cases the one that a case event names, else the only open one.

    With none open, `case.reopened` means the one closed last.
    """
    name = named(said)
    if name is not None:
        return next((case for case in reversed(cases) if case.id == name), None)
    running = unclosed(cases)
    if len(running) == 1:
        return running[0]
    if not running and said.kind == REOPENED and cases:
        return max(cases, key=lambda case: case.closed or 0)
    return None
