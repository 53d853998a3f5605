"""Keys go where Kafka's own clients send them."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import DefaultPartitioner  # type: ignore[import-untyped]
from aiokafka.partitioner import murmur2 as reference
from hypothesis import given
from hypothesis import strategies as st

from streams.keys import bucket
from streams.model import Event
from streams.partitioner import key_of, murmur2, partition_of, partitions_of


@pytest.mark.parametrize(
    ("key", "expected"),
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536), (b"abc", 479470107)],
)
def test_the_hash_is_the_one_of_kafkas_java_client(key: bytes, expected: int) -> None:
    assert murmur2(key) == expected & 0xFFFFFFFF


@given(key=st.binary(max_size=64), partitions=st.integers(1, 64))
def test_a_key_goes_where_the_producer_sends_it(key: bytes, partitions: int) -> None:
    assert murmur2(key) == reference(key) & 0xFFFFFFFF
    assert partition_of(key, partitions) == DefaultPartitioner()(key, list(range(partitions)), [])


@given(keys=st.lists(st.binary(max_size=9), max_size=200), partitions=st.integers(1, 64))
def test_many_keys_go_where_each_of_them_goes(keys: list[bytes], partitions: int) -> None:
    assert partitions_of(keys, partitions) == [partition_of(key, partitions) for key in keys]


@given(length=st.integers(0, 20), seed=st.binary(min_size=20, max_size=20))
def test_keys_of_one_length_are_hashed_together_and_right(length: int, seed: bytes) -> None:
    keys = [bytes((letter * (at + 1)) & 0xFF for letter in seed[:length]) for at in range(40)]
    assert partitions_of(keys, 32) == [partition_of(key, 32) for key in keys]


def test_a_customer_is_a_key_and_the_rest_share_the_buckets_of_their_source() -> None:
    assert key_of("олена", "shop", "e-1") == "олена".encode()
    event = Event(id="e-1", source="shop", type="change.deployed")
    assert key_of(None, "shop", "e-1").decode() == bucket(event.source, event.id)
