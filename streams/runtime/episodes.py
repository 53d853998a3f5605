"""The alerts of a run over history, each from its first firing to its end, and two runs side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from streams.effects import Decision
from streams.runtime import alert_words
from streams.units import parse_time
from streams.view import AlertView

PREFIX = "touchline.alert."
_ENDS = ("resolved", "rebaselined")


class Episode(msgspec.Struct, frozen=True):
    """One alert as it stood at its end, or at the end of the run."""

    alert: AlertView
    ended: int | None = None
    """UTC epoch microseconds; None: it still fired when the run ended."""

    @property
    def began(self) -> int:
        """Since when, UTC epoch microseconds."""
        return parse_time(self.alert.since)

    def meets(self, other: Episode) -> bool:
        """Whether it is the same change of the same number: its place, way and time."""
        if _place(self.alert) != _place(other.alert):
            return False
        after = self.ended is not None and self.ended < other.began
        return not after and not (other.ended is not None and other.ended < self.began)


class Comparison(msgspec.Struct, frozen=True):
    """Two runs over the same history."""

    only_new: list[Episode]
    only_old: list[Episode]
    both: list[Episode]
    """As the new run saw them."""


def episodes(decisions: Iterable[Decision]) -> list[Episode]:
    """The alerts among the decisions of a run, in the order in which they fired.

    One that fires again within its incident goes on as the same. What a record says last of an alert is kept.
    """
    found: list[Episode] = []
    at: dict[str, int] = {}
    for decision in decisions:
        if not decision.type.startswith(PREFIX):
            continue
        alert = msgspec.convert(decision.data, AlertView)
        known = at.get(alert.fingerprint)
        if known is None or (found[known].ended is not None and alert.fired <= 1):
            known = at[alert.fingerprint] = len(found)
            found.append(Episode(alert))
        over = decision.type.removeprefix(PREFIX) in _ENDS
        found[known] = Episode(alert, decision.time if over else None)
    return found


def compare(new: Sequence[Episode], old: Sequence[Episode]) -> Comparison:
    """Which alerts only one of the runs has. The same place and way at overlapping times is the same alert."""
    both = [one for one in new if any(one.meets(other) for other in old)]
    only_new = [one for one in new if not any(one.meets(other) for other in old)]
    only_old = [one for one in old if not any(one.meets(other) for other in new)]
    return Comparison(only_new, only_old, both)


def line(episode: Episode) -> str:
    """One alert in one line, times in UTC."""
    alert = episode.alert
    parts = (
        f"{alert.severity} {alert_words.place(alert)}",
        f"since {moment(alert.since)}, {lasted(episode)}",
        alert_words.size(alert) or "size unknown",
        alert_words.numbers(alert),
        alert_words.who(alert),
    )
    return " · ".join(parts)


def moment(time: str) -> str:
    """`2026-03-07 06:58:10`, of an RFC 3339 time in UTC."""
    return time[:19].replace("T", " ")


def lasted(episode: Episode) -> str:
    """`4m`, or that it had not ended."""
    if episode.ended is None:
        return "not over"
    return alert_words.lasting(episode.began, episode.ended)


def _place(alert: AlertView) -> tuple[str | None, ...]:
    return alert.journey, alert.step, alert.signal, alert.source, alert.direction
