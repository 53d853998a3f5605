"""How long a customer is left alone, whoever asked: clocks per metric and over all, and a most per year."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streams.care.state import Asked
from streams.config.structs import Fatigue

YEAR = 365 * 86_400 * 1_000_000
RESERVED = "nps"
"""The last slot of `per_year` is kept for this metric."""
CASE_METRIC = "ces"
_MOST = 1000


def tired(fatigue: Fatigue, asked: Sequence[Asked], metric: str, now: int, *, of_case: bool) -> Asked | None:
    """The ask after which it is too soon for another one for this metric; None where it is not.

    `of_case`: the CES of a case, which does not wait for the clock `any`.
    """
    own = fatigue.metrics.get(metric, 0)
    for ask in reversed(asked):
        age = now - ask.time
        if ask.metric == metric and age < own:
            return ask
        if not of_case and not ask.case and age < fatigue.any:
            return ask
    return None


def full(fatigue: Fatigue, asked: Sequence[Asked], metric: str, now: int) -> bool:
    """Whether the year has no more slot for this metric."""
    if fatigue.per_year is None:
        return False
    used = sum(now - ask.time < YEAR for ask in asked)
    return used >= fatigue.per_year - (metric != RESERVED)


def remembered(fatigue: Fatigue, asked: Sequence[Asked], now: int) -> list[Asked]:
    """Those that still matter: a year of them, more where a clock is longer."""
    longest = max([YEAR, fatigue.any, *fatigue.metrics.values()])
    return list(_young(asked, now - longest))[-_MOST:]


def _young(asked: Sequence[Asked], since: int) -> Iterator[Asked]:
    return (ask for ask in asked if ask.time > since)
