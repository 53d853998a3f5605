"""How the file's one number, the false alarms that are acceptable, is spread over time and over everything watched.

A journey may have a part of it for itself (`alerts.split`); the rest is for everything else. Of each part half goes to
whole journey steps, a quarter to their segment values, a quarter to all other signals, evenly over those that are live;
what a group does not use goes to the others of the part in proportion, and what a part does not use to the other parts.
Shares are decided before the seconds they are for, and never sum to more than the budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from streams.config.structs import Config
from streams.units import SECOND, WEEK, Rate

_WHOLES, _SEGMENTS, _OTHERS = 0.5, 0.25, 0.25
REST = ""
"""Name of the part of everything that has none of its own."""


class Shares(NamedTuple):
    """Expected false alarms per second granted to each series of a group."""

    whole: float
    segment: float
    other: float


class Live(NamedTuple):
    """Series of each group that can be given credit now."""

    wholes: int
    segments: int
    others: int


NONE = Shares(0.0, 0.0, 0.0)
NOBODY = Live(0, 0, 0)


def per_second(false_alarms: Rate) -> float:
    """A budget such as `1 per week`, per second."""
    return false_alarms.count * SECOND / false_alarms.period


def per_week(false_alarms: Rate) -> float:
    """The same per week."""
    return false_alarms.count * WEEK / false_alarms.period


def shares(budget: float, live: Live) -> Shares:
    """`budget` in false alarms per second, spread over what is live."""
    parts = (_WHOLES, _SEGMENTS, _OTHERS)
    used = sum(part for part, count in zip(parts, live, strict=True) if count)
    return Shares(*(budget * part / used / count if count else 0.0 for part, count in zip(parts, live, strict=True)))


def handed_out(granted: Shares, live: Live) -> float:
    """What all series of a part get together, per second."""
    return sum(each * count for each, count in zip(granted, live, strict=True))


class Budget:
    """The budget of one file."""

    def __init__(self, config: Config) -> None:
        alerts = config.alerts
        self.per_second = per_second(alerts.false_alarms)
        self.parts: dict[str, float] = {**alerts.split, REST: 1.0 - sum(alerts.split.values())}
        """Name of a journey, or the rest -> its part, 0…1; together 1."""
        self._share = alerts.false_share

    def part(self, journey: str | None) -> str:
        """The part that pays for what belongs to a journey, or to none."""
        return journey if journey and journey in self.parts else REST

    def shares(self, live: Mapping[str, Live]) -> dict[str, Shares]:
        """What is granted in each part; `live`: what can be given credit now, by part."""
        used = sum(part for name, part in self.parts.items() if any(live.get(name, NOBODY)))
        return {
            name: shares(self.per_second * part / used, live[name]) if any(live.get(name, NOBODY)) else NONE
            for name, part in self.parts.items()
        }

    def bar(self, standing: int) -> float:
        """The evidence that fires while so many alerts stand; at least 1, and 1 where the file says no `false_share`.

        With α the share, 1/(α·k) for the k-th alert: of those that stand then, at most α are false in expectation, for
        each false alarm of the budget that was granted meanwhile. The e-BH rule over e-detectors (Dandapanthula &
        Ramdas 2025), taking alerts one after the other.
        """
        return 1.0 if self._share is None else max(1.0, 1 / (self._share * (standing + 1)))
