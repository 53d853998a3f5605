"""Which log partition a key belongs to: murmur2, the default of Kafka's Java client and of aiokafka.

librdkafka's default is another one; a producer built on it must be told `partitioner=murmur2_random`.
"""

from __future__ import annotations

from streams.keys import bucket

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(key: bytes) -> int:
    """32-bit murmur2 of a key, unsigned."""
    length = len(key)
    h = (_SEED ^ length) & _MASK
    whole = length & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    if whole < length:
        h = (h ^ int.from_bytes(key[whole:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key among `partitions`."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def key_of(subject: str | None, source: str, event_id: str) -> bytes:
    """Kafka key of an event: its customer, else a bucket of its source so that one source uses all partitions."""
    return (bucket(source, event_id) if subject is None else subject).encode()
