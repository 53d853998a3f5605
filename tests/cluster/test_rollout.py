"""A file that is rolled out worker by worker: each partition goes over to it once, at one place of its log."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from streams.codec import decode
from streams.config.load import Loaded, load_text
from streams.decisions import encode as encode_decision
from streams.model import Event, Record
from streams.rules import Rules
from streams.runtime.clock import SystemClock
from streams.runtime.cluster.addresses import INTERNAL
from streams.runtime.cluster.heard import WORKERS
from streams.runtime.cluster.redis_store import connect
from streams.stages.journey import CONFIG_ACTIVATED, JourneyStage
from streams.units import format_time
from tests.cluster.conftest import Install
from tests.cluster.installation import Installation
from tests.cluster.parity import OPENS, SECOND, decisions
from tests.cluster.test_status import overview

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
PARTITIONS = 4
MINUTE = 60 * SECOND
FILE = """
version: 1
idle_after: 52w
allowed_lateness: 1s
feedback:
  used: {ask: ces, after: product.used}
"""


def users(minute: int) -> list[Event]:
    """Customers of all partitions who use the product."""
    return [
        Event(
            id=f"e-{minute}-{n}",
            source="shop",
            type="product.used",
            subject=f"c-{minute}-{n}",
            time=format_time(OPENS + minute * MINUTE + n * SECOND),
        )
        for n in range(20)
    ]


async def turns(made: Installation) -> list[list[str]]:
    """By partition, the files its log names, one after the other."""
    found: list[list[str]] = [[] for _ in range(PARTITIONS)]
    for record in await made.records(made.names.events):
        if INTERNAL in record.headers:
            event = decode(record.value, internal=True)
            assert isinstance(event, Event)
            named = (event.data or {}).get("hash")
            if event.type == CONFIG_ACTIVATED and found[record.partition][-1:] != [named]:
                found[record.partition].append(named)
    return found


async def by_their_logs(made: Installation, first: Loaded, *others: Loaded) -> set[bytes]:
    """Decisions of each partition's log, read once, in which files hold from where it says so."""
    rules = {one.hash: Rules.of(one) for one in (first, *others)}
    found: set[bytes] = set()
    for number in range(PARTITIONS):
        log = [
            Record(one.offset, one.timestamp * 1000, one.value, INTERNAL in one.headers)
            for one in await made.records(made.names.events)
            if one.partition == number
        ]
        stage = JourneyStage(rules[first.hash], partition=number, resident=True, rules_by_hash=rules.__getitem__)
        found |= {encode_decision(one) for one in stage.process(log).decisions}
    return found


async def somebody_runs(loaded: Loaded, made: Installation) -> None:
    """A worker without partitions says so, an hour ahead: however slow the others are, the file stays in use."""
    client = connect(made.redis)
    told = {"worker": "elsewhere", "time": SystemClock().now() + 60 * MINUTE, "config": loaded.hash}
    await client.hset(WORKERS, "elsewhere", msgspec.json.encode(told))
    await client.aclose()


async def test_a_partition_that_comes_back_to_a_worker_with_the_older_file_stays_with_the_newer(
    install: Install,
) -> None:
    async with install(FILE, PARTITIONS) as made:
        old = made.loaded
        new = load_text(FILE.replace("ask: ces", "ask: csat"))
        first = made.worker()
        await made.send(users(0))
        await made.advance(OPENS + 2 * MINUTE)
        await first.until(made.done, "the first minute to be processed")
        made.file.write_text(new.text, encoding="utf-8")
        second = made.worker("--session", "4")

        async def some_turned() -> bool:
            return any(await turns(made))

        await second.until(some_turned, "the second worker to have partitions and name its file")
        await made.send(users(5))
        await made.advance(OPENS + 7 * MINUTE)
        await second.until(made.done, "the next minute to be processed")
        turned = await turns(made)
        assert any(not named for named in turned), "nothing was left to the first worker"

        async def shown() -> bool:
            return "different files" in (await asyncio.to_thread(overview, made)).stdout

        await second.until(shown, "both files to be shown")
        await somebody_runs(new, made)
        second.kill()

        async def superseded() -> bool:
            return "file_superseded" in first.log

        await first.until(superseded, "the first worker to get them back")
        await made.send(users(10))
        await made.advance(OPENS + 12 * MINUTE)
        await first.until(made.done, "one minute more to be processed")
        third = made.worker()
        await third.until(some_turned, "the third worker to start")
        assert first.stop() == 0

        async def all_turned() -> bool:
            return all(await turns(made))

        await third.until(all_turned, "all partitions to follow the new file")
        await made.send(users(20))
        await made.advance(OPENS + 22 * MINUTE)
        await third.until(made.done, "all to be processed")
        third.stop()
        assert await turns(made) == [[new.hash]] * PARTITIONS
        left = await decisions(made)
        assert left == await by_their_logs(made, old, new)
        asked = [msgspec.json.decode(body)["data"]["metric"] for body in left]
        assert {"ces", "csat"} == set(asked)
        assert len(asked) == 80
