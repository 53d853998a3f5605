"""What a service that knows cases shows of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol, runtime_checkable

import msgspec

from streams.runtime.service import Page

Order = Literal["newest", "due", "urgent"]
"""The one opened last first; the one due first; the highest priority, then the greatest worth, then the one due."""


class CaseView(msgspec.Struct, frozen=True):
    """One case as of the last commit. Times are event times, RFC 3339."""

    id: str
    rule: str
    """Name under `cases:`, or `external`."""
    customer: str
    state: str
    owner: str | None
    opened_at: str
    due_at: str
    """When the customer must have been contacted at the latest."""
    changed_at: str
    """Of its latest decision."""
    warned: bool
    """The owner was reminded since the last opening."""
    breached: bool
    """`due_at` passed without contact since the last opening."""
    informed: bool
    """The customer was told since the last opening."""
    priority: float
    worth: float
    because: list[str]
    """Of its opening: `source/id` of the event, then facts."""
    incomplete: bool = False
    """Closed without cause, disposition or word to the customer."""
    cause: str | None = None
    disposition: str | None = None


class CaseQuery(msgspec.Struct, frozen=True):
    """Which cases; every condition that is given holds."""

    state: str | None = None
    owner: str | None = None
    rule: str | None = None
    customer: str | None = None
    open: bool = False
    """In any state before `closed`."""
    since: int | None = None
    """Opened then or later, UTC epoch microseconds."""
    order: Order = "newest"
    changed_before: int | None = None
    """Nothing was decided about it since then, UTC epoch microseconds."""


@runtime_checkable
class CaseReader(Protocol):
    """A service that can show cases; without it there is no `/api/v1/cases`."""

    async def cases(self, query: CaseQuery, limit: int, cursor: str | None) -> Page:
        """CaseViews. Raises BadCursor."""
        ...

    async def case(self, case_id: str) -> CaseView | None:
        """One; None when there is none of that id."""
        ...


@runtime_checkable
class CaseAges(Protocol):
    """A service that can say how old its open cases are; without it `/metrics` has no oldest case."""

    async def oldest_cases(self) -> Mapping[str, int]:
        """Rule -> when its oldest case that is not closed was opened, event time, UTC epoch microseconds."""
        ...
