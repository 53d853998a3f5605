"""`GET /api/v1/asking`: how many of those asked answered, whose answers were followed up, and what rules learn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from aiohttp import web

from streams.estimates import Estimate, share
from streams.runtime.answers import json_answer
from streams.runtime.service import Service
from streams.view import ArmView


class Response(msgspec.Struct, frozen=True):
    """One rule on one channel, since the store was made."""

    rule: str
    channel: str
    answered: Estimate
    """Of those asked, 0…1. Who was asked just now may still answer."""


class Coverage(msgspec.Struct, frozen=True):
    """One class of answers, since the store was made."""

    metric: str
    class_: str = msgspec.field(name="class")
    followed: Estimate
    """Of the answers, 0…1: the customer was contacted in a case that the answer opened."""


class Arm(msgspec.Struct, frozen=True):
    """What a rule that learns can choose."""

    rule: str
    what: str
    """`channel`, `wait` or `time`."""
    arm: str
    answered: Estimate
    """In time, of those asked whose time to answer is over, as far back as the rule looks; 0…1."""
    chance: float
    """With which it is drawn, as last told."""


class Asking(msgspec.Struct, frozen=True):
    """Bounded by the file: rules by channels, metrics by their three classes, rules that learn by their arms."""

    responses: list[Response]
    coverage: list[Coverage]
    arms: list[Arm]


def asking(counted: Mapping[str, Sequence[int]], learning: Sequence[ArmView] = ()) -> Asking:
    """From `WHAT NUL RULE NUL DETAIL` -> [count, total], and from what rules learn."""
    return Asking(
        [Response(*place, found) for place, found in _shares(counted, "feedback_requested", "feedback_answered")],
        [Coverage(*place, found) for place, found in _shares(counted, "answered", "followed")],
        [Arm(one.rule, one.what, one.arm, share(one.answered, one.asked), one.chance) for one in learning],
    )


def _shares(counted: Mapping[str, Sequence[int]], whole: str, part: str) -> Iterator[tuple[tuple[str, str], Estimate]]:
    for key, (n, _) in sorted(counted.items()):
        what, first, second = key.split("\0")
        if what == whole:
            yield (first, second), share(counted.get(f"{part}\0{first}\0{second}", (0, 0))[0], n)


class AskingApi:
    """Handler of the address; who may call it is decided where it is routed."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def asking(self, request: web.Request) -> web.Response:
        """GET /api/v1/asking."""
        kept = self._service.internals()
        return json_answer(asking(kept.care, kept.learning))
