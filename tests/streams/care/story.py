"""One customer's story through JourneyStage: events in, decisions out, as a support lead would tell it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.row import Row
from streams.config.load import load_text
from streams.effects import Decision
from streams.model import Event
from streams.runtime.replay import Replay  # the very way in which users run histories
from streams.units import format_time
from tests.build import DAY, HOUR, MINUTE, START

UNITS = {"d": DAY, "h": HOUR, "m": MINUTE, "s": 1_000_000}
"""The story begins on a Thursday, 2026-01-01T00:00:00Z."""


def moment(text: str) -> int:
    """`3d2h` after the story begins, UTC epoch microseconds."""
    total, number = START, ""
    for letter in text:
        if letter.isdigit() or letter == ".":
            number += letter
        else:
            total += round(float(number) * UNITS[letter])
            number = ""
    return total


def tell(file: str, events: Iterable[tuple[Any, ...]], until: str | None = None) -> list[Decision]:
    """Decisions of a file, alerts left out, for events as `replayed` takes them."""
    return [one for one in replayed(file, events, until).decisions if "alert" not in one.type]


def replayed(file: str, events: Iterable[tuple[Any, ...]], until: str | None = None) -> Replay:
    """A finished replay of events `(when, type, data)` of customer c-1, or `(when, type, data, customer)`."""
    replay = Replay(load_text("version: 1\nallowed_lateness: 0s\n" + file, "story.yml"))
    rows = []
    for number, (when, kind, *rest) in enumerate(events):
        data = dict(rest[0]) if rest else {}
        subject = rest[1] if len(rest) > 1 else "c-1"
        name = data.pop("id", f"e-{number}")
        time = moment(when)
        event = Event(id=name, source="shop", type=kind, subject=subject, time=format_time(time), data=data)
        rows.append(Row(event, time))
    for letters in replay.feed(rows):
        assert not letters, letters
    assert not replay.finish(None if until is None else moment(until))
    return replay


def short(decisions: Iterable[Decision]) -> list[str]:
    """`3d0h withheld nps open_case`: day and hour, what, metric or rule, reason where there is one."""
    return [_short(decision) for decision in decisions]


def _short(decision: Decision) -> str:
    since = decision.time - START
    what = decision.type.removeprefix("touchline.").removeprefix("feedback.")
    data = decision.data
    parts = [f"{since // DAY}d{since % DAY // HOUR}h", what, str(data.get("metric", data["rule"]))]
    if "reason" in data:
        parts.append(str(data["reason"]))
    return " ".join(parts)
