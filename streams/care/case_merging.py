"""The cases of two customers who turn out to be one."""

from __future__ import annotations

from collections.abc import Iterable

from streams.care.state import CLOSED, MOST_CLOSED, Case


def merged(cases: Iterable[Case]) -> list[Case]:
    """All of both, in order of opening; of one that both had (another system's), the one further along.

    Two open cases of one rule stay two: both have been told of.
    """
    found: dict[str, Case] = {}
    for case in cases:
        other = found.get(case.id)
        if other is None or (case.since, case.state) > (other.since, other.state):
            found[case.id] = case
    return forgetting(sorted(found.values(), key=lambda case: (case.opened, case.id)))


def forgetting(cases: list[Case]) -> list[Case]:
    """All but the closed ones beyond the latest that are remembered."""
    closed = sorted((case.closed or 0, at) for at, case in enumerate(cases) if case.state == CLOSED)
    gone = {at for _, at in closed[:-MOST_CLOSED]}
    return [case for at, case in enumerate(cases) if at not in gone]
