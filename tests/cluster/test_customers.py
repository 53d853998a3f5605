"""One customer in a cluster: the story, everything as JSON, and that nothing is left after erasing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from streams.customer import Customer, encode
from streams.model import Event
from streams.partitioner import partition_of
from streams.runtime.cluster.redis_store import connect
from streams.units import format_time
from tests.cluster.conftest import Install
from tests.cluster.installation import ROOT, Installation
from tests.cluster.parity import OPENS, SECOND

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
PARTITIONS = 3
MINUTE = 60 * SECOND
FILE = """
version: 1
idle_after: 1s
allowed_lateness: 1s
timezone: Europe/Kyiv
journeys:
  purchase:
    steps:
      - {name: cart, on: cart.updated}
      - {name: paid, on: order.completed, within: 30m}
feedback:
  order: {ask: csat, after: order.completed, wait: 1m}
cases:
  complaint: {on: complaint.received, owner: support}
"""


def touchline(made: Installation, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streams", *words, "--kafka", made.kafka, "--redis", made.redis,
         "--name", made.names.name],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=120,
    )  # fmt: skip


async def listed(made: Installation, customer: str) -> bool:
    """Whether cases of the customer are kept to be listed."""
    redis = connect(made.redis)
    try:
        return any([await redis.exists(f"{{events:{number}}}:k:{customer}") for number in range(PARTITIONS)])
    finally:
        await redis.aclose()


def story(customer: str) -> list[Event]:
    """A purchase, and a complaint about it."""
    kinds = ("cart.updated", "order.completed", "complaint.received", "cart.updated")
    return [
        Event(
            id=f"{customer}-{at}",
            source="shop",
            type=kind,
            subject=customer,
            time=format_time(OPENS + at * MINUTE),
            data={"order": "o-1", "by": at},
        )
        for at, kind in enumerate(kinds)
    ]


async def test_one_customers_story_is_told_exported_and_then_erased(install: Install) -> None:
    await tell_export_and_erase(install)


async def test_the_store_of_the_story_may_be_a_redis_cluster(install_on_redis_cluster: Install) -> None:
    await tell_export_and_erase(install_on_redis_cluster)


async def tell_export_and_erase(install: Install) -> None:
    async with install(FILE, PARTITIONS) as made:
        await made.send([*story("anna"), *story("ben")])
        await made.send_raw(0, b'{"specversion":"1.0","id":"","type":"x","subject":"anna"}')
        worker = made.worker()
        try:
            await worker.until(made.done, "the stories to be processed")

            async def asked() -> bool:
                told = [json.loads(record.value) for record in await made.records(made.names.decisions)]
                return {one["subject"] for one in told if "feedback" in one["type"]} == {"anna", "ben"}

            await worker.until(asked, "both to be asked, or not")
            home = partition_of(b"anna", PARTITIONS)
            redis = connect(made.redis)
            ended = Customer(shape=0, into="anna", touched=OPENS)
            await redis.set(f"{{events:{(home + 1) % PARTITIONS}}}:c:guest-7", encode(ended))
            await redis.aclose()

            told = touchline(made, "why", "guest-7")
            assert told.returncode == 0, told.stderr
            assert "anna, last heard of" in told.stdout
            assert "Europe/Kyiv" in told.stdout
            assert "cart.updated" in told.stdout
            assert "support has it" in told.stdout
            assert "→" in told.stdout
            assert "ben" not in told.stdout

            exported = touchline(made, "export", "anna")
            assert exported.returncode == 0, exported.stderr
            found = json.loads(exported.stdout)
            assert (found["customer"], found["merged"]) == ("anna", ["guest-7"])
            assert [one["record"]["id"] for one in found["log"]] == [event.id for event in story("anna")]
            assert {one["subject"] for one in found["decisions"]} == {"anna"}
            assert len(found["decisions"]) >= 2
            assert [letter["reason"] for letter in found["dead_letters"]] == ["no_source"]
            assert found["profile"]["cases"][0]["state"] == "assigned"

            would = touchline(made, "erase", "anna", "--dry-run")
            assert (would.returncode, "would be erased" in would.stdout) == (0, True), would.stderr
            assert {"anna", "ben"} <= set(await made.customers())

            erased = touchline(made, "erase", "anna")
            assert erased.returncode == 0, erased.stdout + erased.stderr
            assert "anna (also guest-7): erased" in erased.stdout
            assert f"{made.names.events}: what was written before goes within 7d" in erased.stdout
            assert not await listed(made, "anna")
            assert await listed(made, "ben")
            left = set(await made.customers())
            assert not {"anna", "guest-7"} & left
            assert "ben" in left

            async def counted() -> bool:
                signals = await made.signals()
                return signals.totals().care.get("case_closed\0complaint\0erased", [0])[0] == 1

            await worker.until(counted, "the signals to hear of it")
        finally:
            worker.stop()
        late = touchline(made, "erase", "ben", "--wait", "1s")
        assert late.returncode == 1
        assert "waits for a worker" in late.stdout
        assert touchline(made, "why", "nobody").returncode == 1
