"""`when:` across partitions: what the signals say reaches every customer, once, and stays the same through a crash."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from streams.codec import decode
from streams.decisions import encode as encode_decision
from streams.effects import Decision, Partial
from streams.journeys import TICK
from streams.model import Event, Record
from streams.rules import Rules
from streams.runtime.cluster.addresses import INTERNAL, decode_partial
from streams.stages.journey import STOOD, JourneyStage
from streams.stages.signal import SignalStage
from streams.units import format_time
from tests.cluster.conftest import Install
from tests.cluster.installation import Installation
from tests.cluster.parity import OPENS, SECOND, decisions

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
PARTITIONS = 3
MINUTE = 60 * SECOND
FILE = """
version: 1
idle_after: 52w
allowed_lateness: 1s
feedback:
  slow: {ask: ces, after: product.used, wait: 1m, when: {signal: waiting, value: "> 60"}}
signals:
  waiting: {on: call.ended, value: waited, min_n: 5}
"""


def calls(minute: int, waited: int) -> list[Event]:
    """Twenty customers who waited so long on the phone."""
    return [_event("call.ended", f"caller-{n}", minute, n, waited=waited) for n in range(20)]


def users(minute: int) -> list[Event]:
    """Twenty customers who use the product, of whom some live in each partition."""
    return [_event("product.used", f"user-{minute}-{n}", minute, n) for n in range(20)]


def _event(kind: str, customer: str, minute: int, second: int, **data: int) -> Event:
    time = OPENS + minute * MINUTE + second * SECOND
    name = f"{kind}-{minute}-{second}"
    return Event(id=name, source="shop", type=kind, subject=customer, time=format_time(time), data=data or None)


async def standings(made: Installation) -> dict[int, list[tuple[int, list[str], str | None]]]:
    """Partition -> number, rules and time of each standing in its log, in order, those that came twice once."""
    found: dict[int, list[tuple[int, list[str], str | None]]] = {number: [] for number in range(PARTITIONS)}
    for record in await made.records(made.names.events):
        if INTERNAL in record.headers:
            event = decode(record.value, internal=True)
            assert isinstance(event, Event)
            if event.type == STOOD:
                data = event.data or {}
                one = (int(data["number"]), list(data["rules"]), event.time)
                if one not in found[record.partition]:
                    found[record.partition].append(one)
    return found


async def by_their_logs(made: Installation) -> tuple[list[Decision], list[list[Partial]]]:
    """What JourneyStage makes of each partition's own log, read once from its beginning."""
    rules = Rules.of(made.loaded)
    made_of: list[Decision] = []
    partials: list[list[Partial]] = []
    for number in range(PARTITIONS):
        log = [
            Record(one.offset, one.timestamp * 1000, one.value, INTERNAL in one.headers)
            for one in await made.records(made.names.events)
            if one.partition == number
        ]
        effects = JourneyStage(rules, partition=number, resident=True).process(log)
        made_of += effects.decisions
        partials.append(effects.partials)
    return made_of, partials


def told_by(made: Installation, partials: Sequence[Partial]) -> list[tuple[int, list[str], str | None]]:
    """The standings that follow from the partials in the order of their topic."""
    stage = SignalStage(made.loaded.config, made.loaded.hash, partitions=PARTITIONS)
    told: list[tuple[int, list[str], str | None]] = []
    last: frozenset[str] = frozenset()
    for partial in partials:
        if partial.sequence == stage.positions.get(partial.partition, 0):
            stage.process(partial)
        if stage.standing != last and stage.tick is not None:
            last = stage.standing
            told.append((len(told), sorted(last), format_time((stage.tick + 1) * TICK)))
    return told


async def test_a_rule_asks_while_its_signal_stands_as_each_partitions_log_says(install: Install) -> None:
    async with install(FILE, PARTITIONS) as made:
        await made.send([*calls(0, 30), *users(1)])
        await made.advance(OPENS + 3 * MINUTE)
        first = made.worker()

        async def told(times: int) -> bool:
            return all(len(one) >= times for one in (await standings(made)).values())

        try:
            await first.until(made.done, "the quiet morning to be processed")
            await made.send(calls(5, 600))
            await made.advance(OPENS + 6 * MINUTE)
            await first.until(lambda: told(1), "every partition to hear that callers wait")
        finally:
            first.kill()
        await made.send(users(10))
        await made.advance(OPENS + 12 * MINUTE)
        second = made.worker()
        try:
            await second.until(made.done, "the busy hour to be processed")
            await made.send(calls(80, 10))
            await made.advance(OPENS + 82 * MINUTE)
            await second.until(lambda: told(2), "every partition to hear that nobody waits any more")
            await made.send(users(90))
            await made.advance(OPENS + 95 * MINUTE)
            await second.until(made.done, "all to be processed")
        finally:
            second.stop()

        left = await decisions(made)
        asked = {
            record["subject"]
            for record in map(msgspec.json.decode, left)
            if record["type"] == "touchline.feedback.requested"
        }
        assert asked == {event.subject for event in users(10)}
        made_of, partials = await by_their_logs(made)
        asks = {body for body in left if b'"touchline.feedback' in body}
        assert asks == {encode_decision(decision) for decision in made_of}
        topic = [decode_partial(record.value) for record in await made.records(made.names.partials)]
        expected = told_by(made, topic)
        assert [rules for _, rules, _ in expected] == [["slow"], []]
        assert await standings(made) == dict.fromkeys(range(PARTITIONS), expected)
        counted = {(one.partition, one.sequence): one for one in topic}
        assert counted == {(one.partition, one.sequence): one for each in partials for one in each}
