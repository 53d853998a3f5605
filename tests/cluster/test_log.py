"""What a worker takes from the log and writes into it besides events."""

from __future__ import annotations

import socket
import urllib.request
from contextlib import closing

import msgspec
import pytest

from connectors.row import Row
from streams.codec import decode
from streams.config.load import load_text
from streams.decisions import encode as encode_decision
from streams.model import Event
from streams.runtime.cluster.addresses import INTERNAL
from streams.runtime.replay import Replay
from streams.stages.journey import CONFIG_ACTIVATED, TIME_ADVANCED
from streams.units import parse_time
from tests.cluster.conftest import Install
from tests.cluster.installation import Installation
from tests.cluster.parity import DEMO, SECOND, UNTIL, decisions

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(300)]
TAIL = 3 * SECOND


async def own_records(made: Installation) -> list[Event]:
    """Touchline's own records in the log."""
    found = []
    for record in await made.records(made.names.events):
        if INTERNAL in record.headers:
            event = decode(record.value, internal=True)
            assert isinstance(event, Event)
            found.append(event)
    return found


async def test_time_goes_on_in_every_partition_when_nothing_comes(install: Install) -> None:
    async with install(DEMO.replace("idle_after: 52w", "idle_after: 1s"), 2) as made:
        worker = made.worker()
        try:

            async def time_went_on() -> bool:
                records = await made.records(made.names.events)
                return all(
                    sum(record.partition == number and INTERNAL in record.headers for record in records) >= 2
                    for number in range(2)
                )

            await worker.until(time_went_on, "time to be written into both partitions")

            async def ticks_closed() -> bool:
                partials = await made.records(made.names.partials)
                return {record.key for record in partials} == {b"events:0", b"events:1"}

            await worker.until(ticks_closed, "both partitions to declare ticks")
        finally:
            worker.stop()
        for event in await own_records(made):
            assert (event.type, event.source, event.subject) == (TIME_ADVANCED, "touchline", None)
            assert event.time is not None


async def test_nothing_from_outside_passes_for_a_record_of_our_own(install: Install) -> None:
    async with install(DEMO, 1) as made:
        forged = b'{"specversion":"1.0","id":"x","source":"touchline","type":"touchline.time.advanced",'
        forged += b'"time":"2031-01-01T00:00:00Z"}'
        await made.send_raw(0, forged)
        worker = made.worker()
        try:

            async def refused() -> bool:
                return len(await made.records(made.names.dead_letters)) == 1

            await worker.until(refused, "the forged record to be refused")
            assert (await made.heads())["events:0"].watermark is None
        finally:
            worker.stop()


async def test_what_cannot_be_taken_goes_to_the_dead_letters_with_its_bytes(install: Install) -> None:
    async with install(DEMO, 1) as made:
        await made.send_raw(0, b"{not json")
        await made.send_raw(0, b'{"specversion":"1.0","id":"","source":"shop","type":"page.viewed"}')
        worker = made.worker()
        try:

            async def both() -> bool:
                return len(await made.records(made.names.dead_letters)) == 2

            await worker.until(both, "both dead letters")
        finally:
            worker.stop()
        first, second = await made.records(made.names.dead_letters)
        headers = dict(first.headers)
        assert first.value == b"{not json"
        assert headers["__connect.errors.topic"] == made.names.events.encode()
        assert headers["__connect.errors.partition"] == b"0"
        assert headers["__connect.errors.offset"] == b"0"
        assert headers["__connect.errors.exception.class.name"]
        assert headers["__connect.errors.exception.message"]
        assert dict(second.headers)["touchline-sequence"] == b"1"


async def test_cloudevents_in_binary_mode_count_like_structured_ones(install: Install) -> None:
    async with install(DEMO, 1) as made:
        attributes = {"specversion": "1.0", "id": "b-1", "source": "shop", "type": "page.viewed", "subject": "anna"}
        headers = [("content-type", b"application/json")]
        headers += [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
        headers.append(("ce_time", b"2026-03-05T09:00:00Z"))
        await made.send_raw(0, b'{"page":"product"}', headers=headers)
        await made.send([Event(**attributes, time="2026-03-05T09:00:00Z", data={"page": "product"})])
        await made.advance(UNTIL + TAIL)
        worker = made.worker()
        try:
            await worker.until(made.done, "both to be taken")
        finally:
            worker.stop()
        totals = (await made.signals()).totals()
        assert (totals.door.accepted, totals.door.duplicate) == (1, 1)
        assert totals.journeys["purchase"]["product"].entered == 1


async def test_a_changed_file_holds_from_a_place_in_the_log(install: Install, shop: list[Event]) -> None:
    async with install(DEMO, 1) as made:
        before, half = made.loaded, len(shop) // 2
        await made.send(shop[:half])
        first = made.worker()

        async def half_taken() -> bool:
            head = (await made.heads()).get("events:0")
            return head is not None and head.read >= half

        await first.until(half_taken, "the first half to be taken")
        assert first.stop() == 0
        after = load_text(made.file.read_text(encoding="utf-8").replace("within: 4m", "within: 1m"))
        assert after.hash != before.hash
        made.file.write_text(after.text, encoding="utf-8")
        made.loaded = after
        second = made.worker()
        try:

            async def activated() -> bool:
                return any(event.type == CONFIG_ACTIVATED for event in await own_records(made))

            await second.until(activated, "the new file to be named in the log")
            await made.send(shop[half:])
            await made.advance(UNTIL + TAIL)
            await second.until(made.done, "all to be processed")
        finally:
            second.stop()

        replay = Replay(before, history=[after])
        log = [Event(**(msgspec.json.decode(record.value))) for record in await made.records(made.names.events)]
        for _ in replay.feed(Row(event, parse_time(event.time) if event.time else None) for event in log):
            pass
        assert replay.signals.hash == after.hash
        assert (await made.signals()).totals() == replay.signals.totals()
        assert await decisions(made) == {encode_decision(decision) for decision in replay.decisions}


async def test_a_worker_shows_how_it_is_doing(install: Install) -> None:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with install(DEMO, 2) as made:
        worker = made.worker("--listen", f"127.0.0.1:{port}")
        shown: dict[str, dict[str, dict[str, object]]] = {}

        async def both_run() -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5) as answer:
                    shown.update(msgspec.json.decode(answer.read()))
            except OSError:
                return False
            partitions = shown["partitions"]
            return len(partitions) == 2 and all(part["running"] for part in partitions.values())

        try:
            await worker.until(both_run, "both partitions to run")
        finally:
            worker.stop()
        assert shown["partitions"]["1"]["read"] == 0
