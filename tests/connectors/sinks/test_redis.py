"""Decisions as entries of a stream in a real Redis."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from connectors.sinks.redis import MAXLEN, STREAM, Sink, read_address
from streams.delivery.outcome import Delivered, Retry
from tests.connectors.peers import batch, http, opening
from tests.streams.delivery.messages import alert, decision

ASK = decision("feedback.requested", rule="nps", metric="nps")


@pytest.mark.redis
async def test_each_decision_is_an_entry(redis_db: str) -> None:
    sink = Sink(opening(f"{redis_db}?stream=asks"))
    assert await sink.send(batch(ASK, alert())) == Delivered()
    await sink.close()
    client = Redis.from_url(redis_db)
    found: Any = await client.xrange("asks")
    entries = [fields for _, fields in found]
    await client.aclose()
    assert [fields[b"id"].decode() for fields in entries] == [ASK.id, alert().id]
    assert entries[0] == {
        b"id": ASK.id.encode(),
        b"type": b"touchline.feedback.requested",
        b"time": b"2026-03-07T07:00:00.000Z",
        b"subject": b"c-1",
        b"record": ASK.body,
    }


@pytest.mark.redis
async def test_a_key_that_is_no_stream_is_tried_again_and_nothing_of_the_batch_is_added(redis_db: str) -> None:
    client = Redis.from_url(redis_db)
    await client.set("asks", "text")
    sink = Sink(opening(f"{redis_db}?stream=asks"))
    assert await sink.send(batch(ASK, ASK)) == Retry("Redis refuses: WRONGTYPE")
    await client.delete("asks")
    assert await sink.send(batch(ASK)) == Delivered()
    await sink.close()
    assert await client.xlen("asks") == 1
    await client.aclose()


@pytest.mark.redis
async def test_a_stream_is_kept_to_its_length(redis_db: str) -> None:
    sink = Sink(opening(f"{redis_db}?maxlen=100"))
    for _ in range(3):
        await sink.send(batch(*([ASK] * 200)))
    await sink.close()
    client = Redis.from_url(redis_db)
    assert 100 <= await client.xlen(STREAM) < 300
    await client.aclose()


async def test_a_redis_that_is_not_there_is_a_reason_without_its_address() -> None:
    async with http() as peer:
        port = peer.port
    sink = Sink(opening(f"redis://:S3CRET@127.0.0.1:{port}/0"))
    outcome = await sink.send(batch(ASK))
    await sink.close()
    assert isinstance(outcome, Retry)
    assert "cannot be reached" in outcome.reason
    assert not any(part in outcome.reason for part in ("S3CRET", "127.0.0.1", str(port)))


@pytest.mark.parametrize(
    ("address", "read"),
    [
        ("redis://localhost:6379/0?stream=asks&maxlen=10", ("redis://localhost:6379/0", "asks", 10)),
        ("rediss://u:p@h/1?protocol=3&stream=a%20b", ("rediss://u:p@h/1?protocol=3", "a b", MAXLEN)),
        ("redis://localhost", ("redis://localhost", STREAM, MAXLEN)),
        ("unix:///run/redis.sock?db=1&stream=s", ("unix:///run/redis.sock?db=1", "s", MAXLEN)),
    ],
)
def test_the_address_names_server_stream_and_length(address: str, read: tuple[str, str, int]) -> None:
    assert read_address(address) == read


@pytest.mark.parametrize("address", ["localhost:6379", "redis://", "redis://h?maxlen=0", "redis://h?maxlen=many"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="expected redis://"):
        read_address(address)
