"""A replay delivers nothing, unless it is told to."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest

from streams.cli import main
from streams.config.load import load_text
from streams.decisions import decision_id
from streams.effects import Decision
from streams.runtime.clock import VirtualClock
from streams.runtime.deliver_history import PATIENCE, deliver_history
from streams.units import SECOND
from tests.streams.delivery.messages import TIME
from tests.streams.runtime.outpost import subscribed
from tests.streams.runtime.receiver import listening

EVENTS = [
    {
        "specversion": "1.0",
        "id": f"o-{number}",
        "source": "shop",
        "type": "order.completed",
        "time": f"2026-03-07T07:00:{number:02}Z",
        "subject": f"c-{number}",
    }
    for number in range(5)
]


def asks(count: int) -> list[Decision]:
    kind = "touchline.feedback.requested"
    return [
        Decision(decision_id(kind, "nps", f"c-{n}", f"shop/e-{n}", TIME), kind, TIME, f"c-{n}", {"rule": "nps"})
        for n in range(count)
    ]


class Standing(VirtualClock):
    """Time stands still, however slow the machine is; whoever looks again in a moment looks at once."""

    async def sleep(self, duration: int) -> None:
        if duration < SECOND:
            await asyncio.sleep(0)
        else:
            await super().sleep(duration)


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    (tmp_path / "events.ndjson").write_text("".join(json.dumps(event) + "\n" for event in EVENTS))
    (tmp_path / "shop.yml").write_text(
        f"offers: {{coffee: {{on: order.completed, to: 'ndjson:{tmp_path / 'delivered.ndjson'}'}}}}\n"
    )
    out = str(tmp_path / "out.ndjson")
    return ["replay", "-c", str(tmp_path / "shop.yml"), str(tmp_path / "events.ndjson"), "--out", out, "-q"]


def test_a_replay_delivers_nothing(command: list[str], tmp_path: Path) -> None:
    assert main(command) == 0
    assert len((tmp_path / "out.ndjson").read_bytes().splitlines()) == 5
    assert not (tmp_path / "delivered.ndjson").exists()


def test_told_to_it_delivers_what_it_decided(command: list[str], tmp_path: Path) -> None:
    assert main([*command, "--deliver"]) == 0
    delivered = (tmp_path / "delivered.ndjson").read_bytes().splitlines()
    assert sorted(delivered) == sorted((tmp_path / "out.ndjson").read_bytes().splitlines())
    assert len(delivered) == 5


async def test_more_than_one_portion_is_delivered_once_each() -> None:
    async with listening() as peer:
        decisions = asks(1_200)
        (receiver,) = await deliver_history(subscribed(peer.url), decisions, Standing(TIME))
        assert Counter(peer.accepted) == Counter(one.id for one in decisions)
        assert (receiver.delivered, receiver.pending) == (1_200, 0)


async def test_what_nobody_takes_for_a_minute_is_left() -> None:
    async with listening() as peer:
        peer.status(500)
        clock = VirtualClock(TIME)
        task = asyncio.create_task(deliver_history(subscribed(peer.url), asks(3), clock))
        await peer.until(3)
        while not task.done():
            clock.advance(SECOND)
            for _ in range(10):
                await asyncio.sleep(0)
        (receiver,) = task.result()
        assert (receiver.delivered, receiver.pending, receiver.last_error) == (0, 3, "HTTP 500")
        assert clock.now() - TIME >= PATIENCE


async def test_a_receiver_that_cannot_be_used_is_not_waited_for() -> None:
    loaded = load_text("subscriptions: [{name: ops, match: {type: feedback}, to: '${HOOK}'}]\n")
    (receiver,) = await deliver_history(loaded, asks(2), VirtualClock(TIME))
    assert (receiver.state, receiver.pending) == ("unusable", 2)


async def test_a_digest_of_history_does_not_wait_for_the_end_of_its_day() -> None:
    async with listening() as peer:
        text = f"to: 'slack:{peer.url}', allow_private: true"
        file = f"subscriptions: [{{name: ops, match: {{type: feedback}}, digest: 1d, {text}}}]\n"
        (ops,) = await deliver_history(load_text(file, "shop.yml", environ={}), asks(30), Standing(TIME))
        assert (ops.delivered, ops.pending) == (30, 0)
        assert [json.loads(request.body)["text"] for request in peer.requests] == ["Digest: 30 decisions"]
