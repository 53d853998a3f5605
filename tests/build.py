"""Short ways to make files, events, logs and totals in tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from streams.codec import encode
from streams.config.load import load_text
from streams.effects import Partial
from streams.model import Event, Record
from streams.rules import Rules
from streams.stages.journey import JourneyStage
from streams.units import format_time

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_767_225_600 * SECOND
"""2026-01-01T00:00:00Z"""

SHOP = """
version: 1
segments: [channel, device]
journeys:
  purchase:
    value: amount
    steps:
      - {name: cart, on: cart.updated}
      - {name: checkout, on: checkout.started, within: 30m}
      - {name: paid, on: order.completed, within: 30m}
signals:
  csat: {on: survey.answered, where: {metric: csat}}
  pages: {on: page.viewed}
"""


@cache
def rules(text: str = SHOP) -> Rules:
    """The rules of a file given as text."""
    return Rules.of(load_text(text, "test.yml"))


def at(seconds: float) -> int:
    """A moment of the test's day, UTC epoch microseconds."""
    return START + round(seconds * SECOND)


def event(
    seconds: float,
    kind: str,
    subject: str | None = "c-1",
    *,
    id: str | None = None,
    source: str = "shop",
    sequence: int | None = None,
    **data: Any,
) -> Event:
    """An event `seconds` into the day; its id is made of what it says unless given."""
    return Event(
        id=id if id is not None else f"{kind}/{subject}/{seconds}",
        source=source,
        type=kind,
        time=format_time(at(seconds)),
        subject=subject,
        data=data,
        sequence=sequence,
    )


def log(events: Iterable[Event | bytes], *, start: int = 0, log_time: int | None = None) -> list[Record]:
    """Events as the records of one partition."""
    return [Record(start + n, log_time, one if isinstance(one, bytes) else encode(one)) for n, one in enumerate(events)]


def run(events: Iterable[Event | bytes], file: str = SHOP, until: float | None = None) -> list[Partial]:
    """All partials of a finished input."""
    stage = JourneyStage(rules(file), resident=True)
    partials = stage.process(log(events)).partials
    return partials + stage.finish(None if until is None else at(until)).partials


def steps(partials: Sequence[Partial]) -> dict[str, dict[str, int]]:
    """Totals per `journey/step`; counts that are zero are left out."""
    totals: dict[str, Counter[str]] = {}
    for partial in partials:
        for entered in partial.entered:
            totals.setdefault(f"{entered.journey}/{entered.step}", Counter())["entered"] += entered.count
        for outcome in partial.outcomes:
            counts = totals.setdefault(f"{outcome.journey}/{outcome.step}", Counter())
            for name in ("completed", "abandoned", "recovered", "merged"):
                counts[name] += getattr(outcome, name)
        for mark in partial.marks:
            counts = totals.setdefault(f"{mark.journey}/{mark.step}", Counter())
            for name in ("skipped", "repeated", "unattributed"):
                counts[name] += getattr(mark, name)
    return {place: {name: n for name, n in counts.items() if n} for place, counts in sorted(totals.items())}


def door(partials: Sequence[Partial]) -> dict[str, int]:
    """Totals at the door; zeros are left out."""
    totals: Counter[str] = Counter()
    for partial in partials:
        for name in partial.door.__struct_fields__:
            totals[name] += getattr(partial.door, name)
    return {name: n for name, n in totals.items() if n}
