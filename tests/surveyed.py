"""A shop whose customers answer what they are asked, some channels and hours more often than others."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from connectors.row import Row
from streams.care.chance import fraction
from streams.config.load import Loaded
from streams.effects import Decision, Lesson
from streams.model import Event
from streams.runtime.cluster.addresses import lesson_out
from streams.runtime.replay import Replay
from streams.units import HOUR, MINUTE, format_time
from tests.build import START

Rate = Callable[[dict[str, Any]], float]
"""The data of an ask -> how likely it is answered."""


def delivered(number: int, time: int) -> Event:
    """An order is delivered to a customer of its own."""
    name = f"d-{number}"
    subject = f"c-{number}"
    return Event(id=name, source="shop", type="order.delivered", subject=subject, time=format_time(time), data={})


def answer(ask: Decision, time: int) -> Event:
    """The customer answers an ask."""
    data = {"metric": ask.data["metric"], "score": 5, "request": ask.data["request"]}
    return Event(
        id=f"a-{ask.id}", source="form", type="survey.answered", subject=ask.subject, time=format_time(time), data=data
    )


def surveyed(
    loaded: Loaded, hours: int, per_hour: int, rate: Rate, *, every: int = 1, after: int = 3 * HOUR, seed: str = ""
) -> tuple[list[Event], Replay]:
    """A history, and its replay: orders spread over `every` n-th hour, answers `after` the asks.

    Whether an ask is answered is a hash of it, so that the history comes out the same each time.
    """
    replay = Replay(loaded)
    history: list[Event] = []
    coming: list[tuple[int, int, Event]] = []
    asked = number = 0
    for hour in range(hours):
        begin = START + hour * HOUR
        for at in range(0 if hour % every else per_hour):
            time = begin + (at * HOUR) // per_hour + 7 * MINUTE // per_hour
            heappush(coming, (time, number, delivered(number, time)))
            number += 1
        now = []
        while coming and coming[0][0] < begin + HOUR:
            time, _, event = heappop(coming)
            history.append(event)
            now.append(Row(event, time))
        for letters in replay.feed(now):
            assert not letters
        for ask in replay.decisions[asked:]:
            if ask.type == "touchline.feedback.requested" and fraction(seed, ask.id) < rate(ask.data):
                heappush(coming, (ask.time + after, number, answer(ask, ask.time + after)))
                number += 1
        asked = len(replay.decisions)
    replay.finish()
    return history, replay


def told(lesson: Lesson) -> bytes:
    """A lesson as a partition's log has it."""
    return lesson_out(lesson, "partials:0", "events", 0).body
