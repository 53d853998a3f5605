"""Learning in the service: what was learnt comes back through the log, and a crash anywhere changes nothing."""

from __future__ import annotations

import asyncio
import random
import tempfile
from pathlib import Path

import msgspec
import pytest

from streams.codec import encode
from streams.config.load import load_text
from streams.model import Event
from streams.runtime.clock import VirtualClock
from streams.runtime.embedded import Embedded, Limits
from streams.runtime.store.store import Store
from streams.stages.lessons import LESSON
from streams.units import MINUTE, parse_time
from tests.build import START
from tests.streams.runtime.reference import log_of, stored, undisturbed
from tests.surveyed import surveyed

FILE = load_text(
    """
version: 1
feedback:
  csat: {ask: csat, after: order.delivered, channels: [email, sms, web], wait: 5m,
         learn: {channel: true, explore: 20%, within: 2h}}
""",
    "learning.yml",
)
RATES = {"email": 0.1, "sms": 0.8, "web": 0.1}


async def lives(path: Path, story: list[Event], randomness: random.Random, *, crashes: float = 0.02) -> None:
    """Lives of the service, each with other batches, each but the last ended by a crash at any moment."""
    clock = VirtualClock(START)
    waiting = list(story)
    while True:
        limits = Limits(
            batch=randomness.choice([1, 7, 500]),
            cache=randomness.choice([1, 1_000]),
            commit_seconds=0,
            pieces_seconds=randomness.choice([0, 1_000]),
        )
        service = Embedded(FILE, Store(path), clock, limits=limits)
        await service.start()
        crashed = False
        while waiting and not crashed:
            now = parse_time(waiting[0].time or "")
            clock.advance(max(0, now - clock.now()))
            await service.submit([encode(waiting.pop(0))])
            for _ in range(randomness.choice([0, 1, 30])):
                await asyncio.sleep(0)
            crashed = randomness.random() < crashes
        if crashed:
            await service.abandon()
            continue
        clock.advance(6 * MINUTE)
        await service.drain()
        await service.stop()
        return


@pytest.mark.parametrize("seed", [3])
def test_the_service_draws_as_replay_does_and_crashes_anywhere_change_nothing(seed: int) -> None:
    history, replay = surveyed(FILE, 10, 12, lambda data: RATES[data["channel"]], after=60 * MINUTE, seed=str(seed))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "learning.db")
        asyncio.run(lives(path, history, random.Random(seed)))
        log = log_of(path)
        left = stored(path, {FILE.hash: FILE})
        assert left == undisturbed(log, FILE)
    lessons = [one for one in log if one.internal and isinstance(one.body, bytes) and LESSON.encode() in one.body]
    assert lessons
    last = parse_time(history[-1].time or "")
    asked = {
        record["id"]: record["data"]
        for record in (msgspec.json.decode(body) for _, body in left.decisions)
        if record["type"] == "touchline.feedback.requested" and parse_time(record["time"]) <= last
    }
    replayed = {
        one.id: one.data for one in replay.decisions if one.type == "touchline.feedback.requested" and one.time <= last
    }
    assert asked == replayed
    assert any(not data["learnt"]["channel"]["explored"] for data in asked.values())


def test_a_lesson_that_is_said_twice_is_heard_once(tmp_path: Path) -> None:
    history, _ = surveyed(FILE, 8, 12, lambda data: RATES[data["channel"]], after=60 * MINUTE)
    path = tmp_path / "learning.db"
    asyncio.run(lives(path, history, random.Random(1), crashes=0.0))
    log = log_of(path)
    said = [one for one in log if one.internal and isinstance(one.body, bytes) and LESSON.encode() in one.body]
    assert len(said) >= 2
    twice = [*log, *(msgspec.structs.replace(one, offset=log[-1].offset + 1 + at) for at, one in enumerate(said))]
    assert undisturbed(twice, FILE).decisions == undisturbed(log, FILE).decisions
