"""Quotas over the partitions of a real log: whoever is killed, each ask has one answer, that of `replay`."""

from __future__ import annotations

import random

import msgspec
import pytest

from streams.codec import decode
from streams.decisions import encode as encode_decision
from streams.model import Event
from streams.runtime.cluster.addresses import INTERNAL
from streams.stages.verdicts import JUDGED
from streams.units import format_time
from tests.cluster.conftest import Install
from tests.cluster.installation import Installation
from tests.cluster.parity import OPENS, SECOND, decisions, replayed
from tests.cluster.test_when import by_their_logs

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
PARTITIONS = 3
MINUTE = 60 * SECOND
FILE = """
version: 1
idle_after: 52w
allowed_lateness: 1s
feedback:
  few: {ask: ces, after: product.used, wait: 1m, quota: 7 per hour}
  rare: {ask: csat, after: call.ended, wait: 10s, quota: 30 per day}
fatigue: {any: 1s, ces: 1s, csat: 1s}
"""


def hour(number: int, dice: random.Random) -> list[Event]:
    """Minute by minute two customers do something, each only once: no ask waits for the answer to another."""
    found = []
    for minute in range(60 * number, 60 * (number + 1)):
        time = format_time(OPENS + minute * MINUTE + dice.randrange(30) * SECOND)
        found += [
            Event(id=f"{kind}-{minute}", source="shop", type=kind, subject=f"{kind}-{minute}", time=time)
            for kind in ("product.used", "call.ended")
        ]
    return found


async def said(made: Installation, kind: str) -> dict[int, dict[int, bytes]]:
    """Partition -> number -> what its log tells of a kind; what came twice is the same."""
    found: dict[int, dict[int, bytes]] = {number: {} for number in range(made.partitions)}
    for record in await made.records(made.names.events):
        if INTERNAL in record.headers:
            event = decode(record.value, internal=True)
            assert isinstance(event, Event)
            if event.type == kind:
                number = int((event.data or {})["number"])
                assert found[record.partition].setdefault(number, record.value) == record.value
    return found


async def test_killed_workers_leave_every_ask_its_one_answer(install: Install) -> None:
    dice = random.Random(4)
    async with install(FILE, PARTITIONS) as made:
        events: list[Event] = []
        worker = made.worker("--batch", "20", "--session", "4")
        for number in range(4):
            more = hour(number, dice)
            events += more
            await made.send(more)
            await made.advance(OPENS + (number + 1) * 60 * MINUTE)
            before = sum(map(len, (await said(made, JUDGED)).values()))

            async def more_is_said(before: int = before) -> bool:
                return sum(map(len, (await said(made, JUDGED)).values())) > before

            await worker.until(more_is_said, "quotas to say more")
            worker.kill()
            worker = made.worker("--batch", "20", "--session", "4")
        await made.advance(OPENS + 5 * 60 * MINUTE)
        await worker.until(made.done, "all to be judged")
        await made.advance(OPENS + 5 * 60 * MINUTE + MINUTE)
        await worker.until(made.done, "all to be told")
        worker.stop()

        left = await decisions(made)
        replay = replayed(made, events)
        assert left == {encode_decision(one) for one in replay.decisions}
        kinds = [msgspec.json.decode(body)["type"] for body in left]
        assert kinds.count("touchline.feedback.requested") > 30
        assert kinds.count("touchline.feedback.withheld") > 100
        made_of, _ = await by_their_logs(made)
        assert left == {encode_decision(one) for one in made_of}
        for numbers in (await said(made, JUDGED)).values():
            assert sorted(numbers) == list(range(len(numbers)))
            assert numbers
