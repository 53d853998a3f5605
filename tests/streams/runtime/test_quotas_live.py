"""Quotas in the service: what they say comes back through the log, and a crash anywhere changes nothing."""

from __future__ import annotations

import asyncio
import random
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.codec import encode
from streams.config.load import load_text
from streams.customer import decode
from streams.model import Event
from streams.runtime.clock import VirtualClock
from streams.runtime.embedded import Embedded, Limits
from streams.runtime.store.store import Store
from streams.stages.verdicts import JUDGED
from streams.units import MINUTE, SECOND, format_time, parse_time
from tests.streams.runtime.lives import lives
from tests.streams.runtime.reference import log_of, stored, undisturbed

FILE = load_text(
    """
version: 1
feedback:
  call_csat: {ask: csat, after: call.ended, wait: 3s, quota: 2 per hour, priority: 2}
  order_nps: {ask: nps, after: order.delivered, quota: 5 per hour, requires: [product.used]}
  chat_ces: {ask: ces, after: chat.ended, cancel_on: [order.cancelled]}
cases:
  complaint: {on: complaint.received, owner: support}
fatigue: {any: 1m}
""",
    "quotas.yml",
)
START = parse_time("2026-03-02T08:00:00Z")
KINDS = ["call.ended"] * 4 + ["order.delivered", "product.used"] * 2 + ["chat.ended", "complaint.received"]
KINDS += ["case.closed", "order.cancelled", "customer.merged"]


def events(randomness: random.Random, count: int) -> list[Event]:
    """What some customers do within about an hour and a half."""
    time, found = START, []
    for number in range(count):
        time += randomness.choice([0, SECOND // 3, 2 * SECOND, MINUTE])
        kind, subject = randomness.choice(KINDS), f"c-{randomness.randrange(40)}"
        data: dict[str, Any] = {}
        if kind == "case.closed":
            data = {"cause": "x", "disposition": "resolved", "communicated": True}
        elif kind == "customer.merged":
            data = {"into": f"c-{randomness.randrange(40, 45)}"}
        found.append(
            Event(id=f"e-{number}", source="shop", type=kind, subject=subject, time=format_time(time), data=data)
        )
    return found


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32))
def test_crashes_anywhere_change_no_verdict_and_every_ask_has_one_end(seed: int) -> None:
    randomness = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "quotas.db")
        asyncio.run(lives(FILE, path, events(randomness, 120), randomness, start=START, crashes=0.04))
        log = log_of(path)
        left = stored(path, {FILE.hash: FILE})
        assert left == undisturbed(log, FILE)
    asked = [msgspec.json.decode(body) for _, body in left.decisions if b'"touchline.feedback.requested"' in body]
    for rule, most in (("call_csat", 2), ("order_nps", 5)):
        times = sorted(parse_time(one["time"]) for one in asked if one["data"]["rule"] == rule)
        for at, time in enumerate(times):
            assert sum(time - 60 * MINUTE < other <= time for other in times[: at + 1]) <= most
    cares = [customer.care for customer in map(decode, left.states.values()) if customer.care is not None]
    assert not any(care.nominees for care in cares)


def test_a_verdict_that_is_said_twice_is_heard_once(tmp_path: Path) -> None:
    async def story() -> None:
        clock = VirtualClock(START)
        path = tmp_path / "quotas.db"
        service = Embedded(FILE, Store(path), clock, limits=Limits(commit_seconds=0))
        await service.start()
        await service.submit(
            [encode(Event(id="1", source="s", type="call.ended", subject="anna", time=format_time(START)))]
        )
        clock.advance(20 * SECOND)
        await service.drain()
        await service.stop()
        said = [
            record
            for record in log_of(path)
            if record.internal and isinstance(record.body, bytes) and JUDGED.encode() in record.body
        ]
        assert len(said) == 1
        twice = [*log_of(path), msgspec.structs.replace(said[0], offset=log_of(path)[-1].offset + 1)]
        assert undisturbed(twice, FILE).decisions == undisturbed(log_of(path), FILE).decisions

    asyncio.run(story())
