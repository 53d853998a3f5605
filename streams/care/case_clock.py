"""The clocks of a case: when its owner is reminded, when it is too late."""

from __future__ import annotations

from collections.abc import Iterable

from streams.care.calendars import after
from streams.care.case_rules import CaseRule
from streams.care.exposure import sooner
from streams.care.state import CLOSED, Case


def start(case: Case, rule: CaseRule, now: int) -> None:
    """Both clocks run anew from `now`, in the open hours of the rule's calendar, the faster the more are exposed."""
    warn, breach = rule.warn, rule.breach
    if rule.exposure is not None:
        warn = sooner(warn, rule.exposure.warn, case.exposed)
        breach = sooner(breach, rule.exposure.breach, case.exposed)
    case.since = now
    # Nobody is reminded of what is too late already.
    case.warn = after(now, warn, rule.hours) if warn < breach else None
    case.breach = case.due = after(now, breach, rule.hours)


def stop(case: Case) -> None:
    """Nobody needs to be reminded any more."""
    case.warn = case.breach = None


def due(cases: Iterable[Case], now: int) -> list[tuple[int, Case, bool]]:
    """Clocks that have run out by `now`, in order: their time, the case, whether it is too late. They are stopped."""
    found = []
    for case in cases:
        if case.warn is not None and case.warn <= now:
            found.append((case.warn, case, False))
            case.warn = None
        if case.breach is not None and case.breach <= now:
            found.append((case.breach, case, True))
            case.breach = None
    return sorted(found, key=lambda one: one[0])


def next_due(cases: Iterable[Case]) -> int | None:
    """The earliest clock still running (UTC epoch microseconds)."""
    return min(
        (time for case in cases if case.state != CLOSED for time in (case.warn, case.breach) if time is not None),
        default=None,
    )
