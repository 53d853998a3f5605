"""Customers who merge across partitions of a real log, and records in the wrong one, while a worker is killed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable

import msgspec
import pytest

from connectors.cloudevents import from_kafka
from streams import customer as customers
from streams.codec import encode
from streams.customer import Customer
from streams.model import Event, Record
from streams.partitioner import key_of, partition_of
from streams.rules import Rules
from streams.runtime.cluster.addresses import INTERNAL, decode_partial
from streams.stages.journey import JourneyStage
from streams.stages.parcels import ABSORBED, FORWARDED, record_of
from tests.cluster.conftest import Install
from tests.cluster.installation import Installation
from tests.cluster.load import Load
from tests.cluster.parity import DEMO, SECOND, UNTIL, within_lateness
from tests.cluster_of_stages import balance, in_flight

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
PARTITIONS = 4


def with_merges(events: list[Event], dice: random.Random) -> Iterable[Event]:
    """The same shop, where now and then a customer turns out to be another one whom the shop knows, too."""
    known: list[str] = []
    for number, event in enumerate(events):
        yield event
        if event.subject is not None:
            known.append(event.subject)
        if number % 40 == 39:
            old, new = dice.choice(known), dice.choice(known)
            if old != new:
                yield Event(
                    id=f"merge-{number}", source="shop", type="customer.merged", subject=old, time=event.time,
                    data={"into": new},
                )  # fmt: skip


async def test_merges_across_partitions_lose_and_double_nothing(install: Install, shop: list[Event]) -> None:
    async with install(DEMO, PARTITIONS) as made:
        dice = random.Random(3)
        plain = list(within_lateness(shop, made.loaded.config.allowed_lateness))[:8000]
        events = list(with_merges(plain, dice))
        load = Load(made, events, 3)
        misplaced = 0
        pair = [made.worker("--batch", "100", "--session", "4"), made.worker("--batch", "100", "--session", "4")]
        async with load.running():
            await load.more(pair[0])
            for event in dice.sample(plain[:2000], 50):  # once more, and in the wrong place
                key = key_of(event.subject, event.source, event.id)
                wrong = (partition_of(key, PARTITIONS) + 1) % PARTITIONS
                await made.send_raw(wrong, encode(event))
                misplaced += 1
            pair[1].kill()
            await load.more(pair[0])
            pair[1] = made.worker("--batch", "100", "--session", "4")
            await load.rest()
            for more in range(9):  # what arrives at this moment takes effect in the next one, and may go on from there
                await load.advance(UNTIL + more * 60 * SECOND)
                await pair[0].until(made.done, "all to be processed")
        waiting = {name: (head.read, head.low) for name, head in (await made.heads()).items() if head.low < head.read}
        assert not waiting
        totals = (await made.signals()).totals()
        read = len(events) + misplaced
        assert totals.door.read == read
        assert totals.door.accepted + totals.door.duplicate + totals.door.invalid == read
        crossed = await assert_each_partition_is_exact_for_its_own_log(made)
        assert crossed[ABSORBED] > 20
        assert crossed[FORWARDED] > misplaced
        merges = sum(event.type == "customer.merged" for event in events)
        assert totals.door.accepted >= len(events) - totals.door.duplicate + misplaced - merges
        partials = [decode_partial(record.value) for record in await made.records(made.names.partials)]
        once = {(partial.partition, partial.sequence): partial for partial in partials}
        everyone = {key: customers.decode(body) for key, body in (await made.customers()).items()}
        assert balance(once.values()) == in_flight({key: one for key, one in everyone.items() if one.into is None})
        assert sum(1 for one in everyone.values() if one.into is not None) > 20
        assert_nobody_is_asked_under_an_id_that_ended(everyone)


async def assert_each_partition_is_exact_for_its_own_log(made: Installation) -> Counter[str]:
    """What left is what the stage makes of each partition's log at once; returns how many parcels of each kind."""
    logs: dict[int, list[Record]] = {number: [] for number in range(PARTITIONS)}
    parcels: set[bytes] = set()
    for entry in await made.records(made.names.events):
        internal = INTERNAL in entry.headers
        body = from_kafka(entry.headers, entry.value)
        logs[entry.partition].append(Record(entry.offset, entry.timestamp * 1000, body, internal))
        if internal and b"touchline.time." not in entry.value:
            parcels.add(entry.value)
    left = {
        (partial.partition, partial.sequence): partial
        for partial in (decode_partial(record.value) for record in await made.records(made.names.partials))
    }
    for number, log in logs.items():
        stage = JourneyStage(Rules.of(made.loaded), partition=number, partitions=PARTITIONS, resident=True)
        effects = stage.process(log)
        assert {partial.sequence: partial for partial in effects.partials} == {
            sequence: partial for (partition, sequence), partial in left.items() if partition == number
        }
        for receiver, parcel in effects.parcels:
            parcels.remove(record_of(parcel, receiver))
    assert not parcels, "a parcel that nobody should have sent"
    return Counter(
        msgspec.json.decode(entry.body)["type"]
        for log in logs.values()
        for entry in log
        if isinstance(entry.body, bytes)
    )


def assert_nobody_is_asked_under_an_id_that_ended(everyone: dict[str, Customer]) -> None:
    """Asks still to come belong to ids that live."""
    for key, one in everyone.items():
        if one.into is not None:
            assert one.care is None or not one.care.asks, key
