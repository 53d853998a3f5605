"""Learning over the partitions of a real log: whoever is killed, each ask is drawn as `replay` draws it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from streams.decisions import encode as encode_decision
from streams.model import Event
from streams.stages.lessons import LESSON
from streams.units import HOUR, MINUTE, SECOND, parse_time
from tests.build import START
from tests.cluster.conftest import Install
from tests.cluster.installation import Installation
from tests.cluster.parity import UNTIL, decisions, replayed, shown
from tests.cluster.test_quotas import said
from tests.cluster.test_when import by_their_logs
from tests.surveyed import surveyed

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(600)]
PARTITIONS = 3
HOURS = 7
DEADLY = (2, 4, 5)
"""Hours at whose end the worker is killed while it tells what was learnt."""
FILE = """
version: 1
idle_after: 52w
allowed_lateness: 1s
feedback:
  csat: {ask: csat, after: order.delivered, channels: [email, sms, web], wait: 5m,
         learn: {channel: true, explore: 20%, within: 1h}}
"""
RATES = {"email": 0.3, "sms": 0.7, "web": 0.4}


def by_the_hour(history: Sequence[Event]) -> list[list[Event]]:
    """Events of each hour of the story."""
    hours: list[list[Event]] = [[] for _ in range(HOURS)]
    for event in history:
        hours[(parse_time(event.time or "") - START) // HOUR].append(event)
    return hours


async def lessons(made: Installation) -> list[dict[int, bytes]]:
    """By partition: number -> what its log tells of what was learnt."""
    return list((await said(made, LESSON)).values())


async def test_killed_workers_draw_every_ask_as_replay_does(install: Install) -> None:
    async with install(FILE, PARTITIONS) as made:
        history, _ = surveyed(made.loaded, HOURS, 12, lambda data: RATES[data["channel"]], after=30 * MINUTE)
        worker = made.worker("--batch", "20", "--session", "4")
        for number, events in enumerate(by_the_hour(history)):
            before = sum(map(len, await lessons(made)))
            await made.send(events)
            await made.advance(START + (number + 1) * HOUR + 3 * SECOND)
            if number in DEADLY:

                async def some_are_told(before: int = before) -> bool:
                    return sum(map(len, await lessons(made))) > before

                await worker.until(some_are_told, "a partition to hear what was learnt")
                worker.kill()
                worker = made.worker("--batch", "20", "--session", "4")
            # What was learnt holds an hour later: every partition has heard it by then.
            await worker.until(made.done, f"hour {number} to be processed, and all to hear what follows from it")
        await made.advance(UNTIL + 2 * SECOND)
        await worker.until(made.done, "all to be processed")
        assert worker.stop() == 0, worker.log

        left, replay = await decisions(made), replayed(made, history)
        assert left == {encode_decision(one) for one in replay.decisions}
        assert shown(await made.signals()) == shown(replay.signals)
        asked = [msgspec.json.decode(body)["data"] for body in left if b'"touchline.feedback.requested"' in body]
        drawn = [data["learnt"]["channel"] for data in asked]
        assert len(drawn) == 12 * HOURS
        assert sum(not one["explored"] for one in drawn) > 20
        made_of, _ = await by_their_logs(made)
        assert left == {encode_decision(one) for one in made_of}
        first, *others = await lessons(made)
        assert sorted(first) == list(range(len(first)))
        assert len(first) >= HOURS - 1
        assert others == [first] * (PARTITIONS - 1)
