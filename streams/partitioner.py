"""Which log partition a key belongs to: murmur2, the default of Kafka's Java client and of aiokafka.

librdkafka's default is another one; a producer built on it must be told `partitioner=murmur2_random`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from streams.keys import bucket

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF
_FEW = 16
"""Keys of one length that are hashed one by one as fast."""


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


def partitions_of(keys: Sequence[bytes], partitions: int) -> list[int]:
    """`partition_of` each of many keys: those of one length together."""
    places = [0] * len(keys)
    by_length: dict[int, list[int]] = {}
    for at, key in enumerate(keys):
        by_length.setdefault(len(key), []).append(at)
    for length, group in by_length.items():
        if len(group) < _FEW or length == 0:
            for at in group:
                places[at] = partition_of(keys[at], partitions)
        else:
            hashes = _murmur2_all(b"".join([keys[at] for at in group]), length)
            for at, place in zip(group, ((hashes & 0x7FFFFFFF) % partitions).tolist(), strict=True):
                places[at] = place
    return places


def _murmur2_all(joined: bytes, length: int) -> npt.NDArray[np.uint32]:
    """`murmur2` of keys of one length, written one after the other."""
    letters = np.frombuffer(joined, np.uint8).reshape(-1, length)
    whole = length & ~3
    m = np.uint32(_M)
    h = np.full(len(letters), (_SEED ^ length) & _MASK, np.uint32)
    words = np.ascontiguousarray(letters[:, :whole]).view("<u4").astype(np.uint32, copy=False)
    for at in range(whole // 4):
        k = words[:, at] * m
        k = (k ^ k >> np.uint32(24)) * m
        h = h * m ^ k
    if whole < length:
        rest = np.zeros(len(letters), np.uint32)
        for at in range(whole, length):
            rest |= letters[:, at].astype(np.uint32) << np.uint32(8 * (at - whole))
        h = (h ^ rest) * m
    h = (h ^ h >> np.uint32(13)) * m
    return h ^ h >> np.uint32(15)


def key_of(subject: str | None, source: str, event_id: str) -> bytes:
    """Kafka key of an event: its customer, else a bucket of its source so that one source uses all partitions."""
    return (bucket(source, event_id) if subject is None else subject).encode()
