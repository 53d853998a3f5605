"""Learning in the service: what was learnt comes back through the log, and a crash anywhere changes nothing."""

from __future__ import annotations

import asyncio
import random
import tempfile
from pathlib import Path

import msgspec
import pytest

from streams.config.load import load_text
from streams.stages.lessons import LESSON
from streams.units import MINUTE, parse_time
from tests.build import START
from tests.streams.runtime.lives import lives
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


@pytest.mark.parametrize("seed", [3])
def test_the_service_draws_as_replay_does_and_crashes_anywhere_change_nothing(seed: int) -> None:
    history, replay = surveyed(FILE, 10, 12, lambda data: RATES[data["channel"]], after=60 * MINUTE, seed=str(seed))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "learning.db")
        asyncio.run(lives(FILE, path, history, random.Random(seed), start=START, crashes=0.02))
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
    asyncio.run(lives(FILE, path, history, random.Random(1), start=START, crashes=0.0))
    log = log_of(path)
    said = [one for one in log if one.internal and isinstance(one.body, bytes) and LESSON.encode() in one.body]
    assert len(said) >= 2
    twice = [*log, *(msgspec.structs.replace(one, offset=log[-1].offset + 1 + at) for at, one in enumerate(said))]
    assert undisturbed(twice, FILE).decisions == undisturbed(log, FILE).decisions
