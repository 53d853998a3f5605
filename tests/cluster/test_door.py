"""The cluster's door: what is answered as taken is in Kafka, keyed by customer, and counts as `replay` counts it."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiokafka.errors import KafkaTimeoutError  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families as read_text

from connectors.row import Row
from streams import codec, reasons
from streams.codec import Rejection
from streams.config.load import load_text
from streams.model import Event
from streams.partitioner import key_of, partition_of
from streams.runtime.clock import SystemClock
from streams.runtime.cluster.addresses import INTERNAL
from streams.runtime.cluster.door import Door
from streams.runtime.cluster.door_metrics import METRICS
from streams.runtime.cluster.intake import CONTENT_TYPE, Intake, Limits
from streams.runtime.cluster.topics import Names
from streams.runtime.replay import Replay
from streams.units import format_time, parse_time
from tests.cluster.conftest import Install
from tests.cluster.installation import Installation
from tests.cluster.memory_producer import MemoryProducer
from tests.cluster.parity import OPENS, SECOND, UNTIL
from tests.servers.base import ServerMissing, skip_or_fail
from tests.servers.kafka import KafkaServer

ROOT = Path(__file__).parents[2]
FILE = """
version: 1
idle_after: 52w
segments: [channel]
journeys:
  purchase:
    steps:
      - {name: cart, on: cart.updated}
      - {name: paid, on: order.completed, within: 30m}
signals:
  csat: {on: survey.answered, where: {metric: csat}, value: score, scale: [1, 5], min_n: 2}
"""
ACCESS = "access: {write_keys: [{name: shop, token: wk-1}], console: [{name: ops, role: viewer, token: ct-1}]}\n"
BATCHED = {"Content-Type": "application/cloudevents-batch+json"}
BAD = b'{"type":"track","messageId":"m-bad","event":"Product Added"}'


def canonical(name: str, subject: str | None = "c-17", kind: str = "cart.updated") -> dict[str, Any]:
    """A CloudEvent as sent."""
    event = {"specversion": "1.0", "id": name, "source": "shop", "type": kind, "time": "2026-03-05T09:00:00Z"}
    return event if subject is None else {**event, "subject": subject}


# -- without a Kafka -----------------------------------------------------------------------------------------------


@asynccontextmanager
async def opened(producer: MemoryProducer, access: str = "", limits: Limits | None = None) -> AsyncIterator[str]:
    """The address of a door whose Kafka is in memory."""
    intake = Intake(lambda: producer, "touchline.events", SystemClock(), limits)
    door = Door(intake, load_text(FILE + access, "shop.yml"), Names())
    await intake.start()
    try:
        await door.start("127.0.0.1", 0)
        yield f"http://127.0.0.1:{door.port}"
    finally:
        await door.stop()
        await intake.stop()


async def test_each_item_of_a_batch_is_answered_and_the_refused_one_is_sent_wrapped() -> None:
    producer = MemoryProducer()
    batch = [canonical("e-1"), {**canonical("e-2"), "specversion": "0.3"}]
    async with opened(producer) as address, aiohttp.ClientSession(address) as client:
        answer = await client.post("/events", json=batch, headers=BATCHED)
        assert answer.status == 207
        assert [item["status"] for item in (await answer.json())["items"]] == ["accepted", "rejected"]
    assert [INTERNAL in sent.headers for sent in producer.sent] == [False, True]
    taken = codec.decode(producer.sent[1].body)
    assert isinstance(taken, Rejection)
    assert (taken.reason, json.loads(taken.body or b"")) == (reasons.BAD_SPECVERSION, batch[1])


async def test_a_body_that_cannot_be_read_at_all_is_kept_whole() -> None:
    producer = MemoryProducer()
    async with opened(producer) as address, aiohttp.ClientSession(address) as client:
        assert (await client.post("/v1/batch", data=b"{")).status == 400
    assert [INTERNAL in sent.headers for sent in producer.sent] == [True]


async def test_a_kafka_that_goes_away_is_told_to_senders_and_to_whoever_asks_for_readiness() -> None:
    producer = MemoryProducer()
    limits = Limits(probe_seconds=0.001)
    async with opened(producer, limits=limits) as address, aiohttp.ClientSession(address) as client:
        assert (await client.get("/readyz")).status == 200
        producer.there = False
        while (ready := await client.get("/readyz")).status == 200:
            await asyncio.sleep(0.001)
        assert await ready.text() == "Kafka does not answer\n"
        answer = await client.post("/events", json=[canonical("e-1")], headers=BATCHED)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert "Nothing was taken" in (await answer.json())["detail"]
        assert (await client.get("/livez")).status == 200
    assert not producer.sent


async def test_a_failing_hand_over_is_no_success() -> None:
    producer = MemoryProducer()
    producer.refuses = KafkaTimeoutError()
    async with opened(producer) as address, aiohttp.ClientSession(address) as client:
        answer = await client.post("/v1/track", json={"userId": "c-1", "event": "Product Added"})
        assert answer.status == 503
        assert answer.headers["Retry-After"]
        assert (await answer.json())["type"] == "urn:touchline:problem:unacknowledged"


@pytest.mark.parametrize("path", ["/", "/api/v1/journeys", "/api/v1/dlq/1", "/app.js"])
async def test_there_is_no_console_and_no_api_and_the_answer_says_where_they_are(path: str) -> None:
    async with opened(MemoryProducer()) as address, aiohttp.ClientSession(address) as client:
        answer = await client.get(path)
        assert answer.status == 404
        assert answer.content_type == "application/problem+json"
        detail = (await answer.json())["detail"]
        assert "touchline run" in detail
        assert "touchline.events.dlq" in detail
        assert (await client.get("/events")).status == 405


async def test_write_keys_and_tokens_hold_here_too() -> None:
    producer = MemoryProducer()
    async with opened(producer, ACCESS) as address, aiohttp.ClientSession(address) as client:
        call = {"userId": "c-1", "event": "Product Added"}
        assert (await client.post("/v1/track", json=call)).status == 401
        assert (await client.get("/metrics")).status == 401
        assert not producer.sent
        keyed = await client.post("/v1/track", json=call, headers={"Authorization": "Bearer wk-1"})
        assert keyed.status == 200
        assert (await client.get("/metrics", headers={"Authorization": "Bearer ct-1"})).status == 200
        assert (await client.options("/v1/track")).headers["Access-Control-Allow-Origin"] == "*"
    assert json.loads(producer.sent[0].body)["source"] == "shop"


async def test_a_page_elsewhere_cannot_send_through_a_browser_of_this_machine() -> None:
    producer = MemoryProducer()
    async with opened(producer) as address, aiohttp.ClientSession(address) as client:
        for headers in ({"Host": "shop.example"}, {"Origin": "http://shop.example"}):
            assert (await client.post("/v1/track", json={}, headers=headers)).status == 403
        assert (await client.get("/metrics", headers={"Host": "shop.example"})).status == 403
    assert not producer.sent


async def test_the_doors_counters_are_shown_as_declared() -> None:
    producer = MemoryProducer()
    batch = [canonical("e-1"), canonical("e-2"), {}]
    async with opened(producer) as address, aiohttp.ClientSession(address) as client:
        await client.post("/events", json=batch, headers=BATCHED)
        families = {family.name: family for family in read_text(await (await client.get("/metrics")).text())}
    for metric in METRICS:
        family = families[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
    records = {sample.labels["outcome"]: sample.value for sample in families["touchline_door_records"].samples}
    assert records == {"accepted": 2, "refused": 1}
    (answered,) = (
        sample for sample in families["touchline_http_requests"].samples if sample.labels["route"] == "/events"
    )
    assert (answered.labels["status"], answered.value) == ("207", 1)
    assert families["touchline_ready"].samples[0].value == 1


def test_the_page_about_clusters_names_every_metric_of_the_door() -> None:
    page = (ROOT / "docs" / "how-to" / "cluster.md").read_text(encoding="utf-8")
    assert not [metric.name for metric in METRICS if f"`{metric.name}`" not in page]


# -- with a real one -----------------------------------------------------------------------------------------------


class DoorProcess:
    """`touchline run --kafka` as a process, in the installation's folder."""

    def __init__(self, made: Installation) -> None:
        self._log = made.folder / "door.log"
        command = [
            sys.executable, "-m", "streams", "run", "-c", str(made.file), "--kafka", made.kafka,
            "--name", made.names.name, "--listen", "127.0.0.1:0",
        ]  # fmt: skip
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=made.folder)

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    async def address(self) -> str:
        """Where it listens, once it does."""
        while True:
            for line in self.log.splitlines():
                if '"http_started"' in line:
                    return f"http://127.0.0.1:{json.loads(line)['port']}"
            assert self.process.poll() is None, self.log
            await asyncio.sleep(0.05)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(90)


@contextmanager
def door_of(made: Installation) -> Iterator[DoorProcess]:
    door = DoorProcess(made)
    try:
        yield door
    finally:
        door.process.kill()
        door.process.wait()


def at(second: int) -> str:
    return format_time(OPENS + second * SECOND)


def calls(customers: int) -> bytes:
    """A Segment batch: a cart for each customer, and a call without a customer in the middle."""
    made = [
        {
            "type": "track", "messageId": f"m-{n}", "userId": f"c-{n}", "event": "Product Added", "timestamp": at(n),
            "properties": {"channel": "web"},
        }
        for n in range(customers)
    ]  # fmt: skip
    written = [json.dumps(call).encode() for call in made]
    written.insert(customers // 2, BAD)
    return b'{"batch":[' + b",".join(written) + b"]}"


def events(customers: int) -> list[dict[str, Any]]:
    """An order of every second customer, one of them twice, answers to a survey, and what concerns nobody."""
    made = [
        {**canonical(f"o-{n}", f"c-{n}", "order.completed"), "time": at(customers + n)} for n in range(0, customers, 2)
    ]
    made.append(made[-1])
    late = 3 * customers
    made += [
        {
            **canonical(f"s-{n}", f"c-{n}", "survey.answered"),
            "time": at(late + n),
            "data": {"metric": "csat", "score": 1 + n % 5},
        }
        for n in range(customers)
    ]
    made += [{**canonical(f"n-{n}", None, "store.opened"), "time": at(late + customers + n)} for n in range(30)]
    return made


def replayed(made: Installation, customers: int) -> Replay:
    """The same through `replay`, with the calls written out as the events they mean."""
    rows = []
    for n in range(customers):
        data = {"channel": "web", "event": "Product Added"}
        event = Event(id=f"m-{n}", source="http", type="cart.updated", subject=f"c-{n}", time=at(n), data=data)
        rows.append(Row(event, OPENS + n * SECOND))
    wrapped = codec.refuse(BAD, Rejection(reasons.NO_SUBJECT, "userId: expected userId or anonymousId"))
    rows.insert(customers // 2, Row(wrapped))
    rows += [Row(json.dumps(sent).encode(), parse_time(sent["time"])) for sent in events(customers)]
    replay = Replay(made.loaded)
    for _ in replay.feed(rows):
        pass
    replay.finish(UNTIL, silent=True)
    return replay


@pytest.mark.kafka
@pytest.mark.redis
@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_what_was_posted_is_in_the_topic_and_a_worker_counts_it_as_replay_does(install: Install) -> None:
    customers, partitions = 60, 4
    async with install(FILE, partitions) as made:
        with door_of(made) as door:
            async with aiohttp.ClientSession(await door.address()) as client:
                answer = await client.post("/v1/batch", data=calls(customers))
                said = await answer.json()
                assert (answer.status, said["accepted"], said["rejected"]) == (207, customers, 1)
                answer = await client.post("/events", json=events(customers), headers=BATCHED)
                assert answer.status == 202
            assert door.stop() == 0, door.log
        assert not list(made.folder.glob("*.db*"))
        records = await made.records(made.names.events)
        assert len(records) == customers + 1 + len(events(customers))
        for record in records:
            assert partition_of(record.key, partitions) == record.partition
            taken = codec.decode(record.value)
            if isinstance(taken, Rejection):
                assert record.headers == (CONTENT_TYPE, INTERNAL)
                assert taken.body == BAD
            else:
                assert record.headers == (CONTENT_TYPE,)
                assert record.key == key_of(taken.subject, taken.source, taken.id)
        assert {record.partition for record in records if b"store.opened" in record.value} == set(range(partitions))

        worker = made.worker()
        await made.advance(UNTIL + made.loaded.config.allowed_lateness + SECOND)
        await worker.until(made.done, "all to be processed")
        assert worker.stop() == 0, worker.log
        signals, replay = await made.signals(), replayed(made, customers)
        totals = signals.totals()
        assert msgspec.to_builtins(totals) == msgspec.to_builtins(replay.signals.totals())
        assert msgspec.to_builtins(signals.view()) == msgspec.to_builtins(replay.signals.view())
        assert (totals.door.invalid, totals.door.duplicate) == (1, 1)
        (letter,) = await made.records(made.names.dead_letters)
        assert letter.value == BAD
        assert dict(letter.headers)["__connect.errors.exception.class.name"] == reasons.NO_SUBJECT.encode()


@pytest.fixture
def mortal_kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    """A broker of this test's own, which it may kill."""
    try:
        server = KafkaServer(tmp_path / "kafka")
        server.start(limit_s=90)
    except ServerMissing as missing:
        skip_or_fail(str(missing))
    yield server
    server.stop()


class Sender:
    """Posts batches and remembers which ids it was told are taken."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client
        self._count = 0
        self.taken: set[str] = set()
        self.refusals: list[aiohttp.ClientResponse] = []

    async def post(self) -> int:
        """Ten events of ten customers; the status."""
        names = [f"e-{self._count + n}" for n in range(10)]
        self._count += 10
        batch = [canonical(name, f"c-{name[-1]}") for name in names]
        answer = await self._client.post("/events", json=batch, headers=BATCHED)
        if answer.status == 202:
            self.taken.update(names)
        else:
            self.refusals.append(answer)
        return answer.status

    async def until(self, wanted: set[int], limit_s: float = 90.0) -> None:
        """Post, two at a time, until one is answered so."""
        limit = time.monotonic() + limit_s
        while not wanted & set(await asyncio.gather(self.post(), self.post())):
            if time.monotonic() > limit:
                raise TimeoutError(f"waited {limit_s:.0f} s in vain: an answer that is one of {wanted}")
            await asyncio.sleep(0.1)


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_broker_that_dies_makes_refusals_and_loses_nothing_that_was_answered(
    mortal_kafka: KafkaServer, tmp_path: Path
) -> None:
    server = mortal_kafka
    made = Installation(server.bootstrap, "", tmp_path, FILE, 4)
    assert made.create_topics().returncode == 0
    await made.wait_for_topics()
    with door_of(made) as door:
        async with aiohttp.ClientSession(await door.address()) as client:
            sender = Sender(client)
            for _ in range(20):
                assert await sender.post() == 202
            posting = asyncio.create_task(sender.until({429, 503}))
            await asyncio.to_thread(server.kill)
            await posting
            assert all(answer.headers["Retry-After"] for answer in sender.refusals)
            while (await client.get("/readyz")).status != 503:
                await asyncio.sleep(0.05)
            before = len(sender.taken)
            await asyncio.to_thread(server.start, 90)
            await sender.until({202})
            assert len(sender.taken) > before
            while (await client.get("/readyz")).status != 200:
                await asyncio.sleep(0.05)
            records = await made.records(made.names.events)
            await asyncio.to_thread(server.kill)
            await sender.until({429, 503})
        assert door.stop() == 0, door.log
    assert {answer.status for answer in sender.refusals} <= {429, 503}
    assert sender.taken <= {json.loads(record.value)["id"] for record in records}


@pytest.mark.kafka
def test_topics_that_are_not_there_are_said_at_the_start(kafka_bootstrap: str, tmp_path: Path) -> None:
    made = Installation(kafka_bootstrap, "", tmp_path, FILE, 4)
    with door_of(made) as door:
        assert door.process.wait(240) == 3
    assert "touchline topics" in door.log
