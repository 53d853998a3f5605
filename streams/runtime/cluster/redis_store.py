"""One partition's state, timers, outbox and position in Redis, committed together by compare-and-swap on its head.

WATCH / MULTI / EXEC on one connection per partition. The packet of an EXEC also re-arms the WATCH and reads the head,
so that a commit is one round trip and the watch is armed before the next batch's states are loaded.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode
from redis.exceptions import (
    AskError,
    ClusterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from streams.errors import CannotStart
from streams.runtime import commit as heads
from streams.runtime.cluster import security
from streams.runtime.cluster.redis_link import Client, ClusterClient, Command, Link, SlotMoving, executed
from streams.runtime.commit import Head

T = TypeVar("T")
DOWN = (
    RedisConnectionError,
    RedisTimeoutError,
    OutOfMemoryError,
    ReadOnlyError,
    AskError,
    TryAgainError,
    ClusterDownError,
    RedisClusterException,
    OSError,
)
"""What a store raises that does not answer, or takes no writes now; the cluster's are about the slot's node."""
_PIECE = 10_000
_RESP2 = 2
"""Replies as flat lists on every server version."""
OUTBOX = "outbox"
"""Key of the head's sequences: number of the outbox's next entry; Redis streams begin at 1."""


class Outcome(enum.Enum):
    """How a commit ended."""

    DONE = "done"
    RELOAD = "reload"
    """Not done, still ours: drop the cache, load what is stored, read again."""
    LOST = "lost"
    """Another owner has raised the epoch: stop this partition."""


class Outgoing(msgspec.Struct, frozen=True, array_like=True):
    """An effect on its way to a topic."""

    topic: str
    key: bytes | None
    body: bytes
    sequence: int
    """n-th effect of the partition towards the destination."""
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None
    """Of the topic; None: the one its key belongs to."""
    kind: str = ""
    """Of effects towards one place that are numbered apart from the others; empty for the rest."""

    @property
    def destination(self) -> str:
        """What its number counts towards: the topic, or one partition of it, or one kind of effects there."""
        place = self.topic if self.partition is None else f"{self.topic}/{self.partition}"
        return f"{place}/{self.kind}" if self.kind else place


class Commit(msgspec.Struct, frozen=True):
    """What goes in together."""

    stage: bytes
    read: int
    low: int
    watermark: int | None
    config: str
    states: Mapping[str, bytes | None]
    timers: Mapping[str, int | None]
    """UTC epoch microseconds; exact as a double until the year 2255."""
    effects: Sequence[Outgoing]
    """Their sequence numbers go on from the head's, destination by destination."""
    cases: Mapping[str, Mapping[str, bytes]] = {}
    """Customer -> `CASE/VERB` -> the latest decision of that kind about the case, to be listed; forgotten with the
    customer's state."""


_effect_decoder = msgspec.msgpack.Decoder(Outgoing)


def connect(url: str) -> Client:
    """A client for the address of a Redis or a Redis Cluster. Raises CannotStart for one that is no address."""
    plain = url.replace("+cluster:", ":", 1)
    try:
        options: dict[str, Any] = {"protocol": _RESP2, "socket_timeout": 10, "socket_connect_timeout": 5}
        options |= security.redis(plain, os.environ)
        if plain == url:
            return Redis.from_url(url, **options)
        parts = urlsplit(plain)
        if parts.path.strip("/") not in ("", "0"):
            raise ValueError(f"a Redis Cluster has database 0 only, not {parts.path.strip('/')}")
        login, at, hosts = parts.netloc.rpartition("@")
        first, *others = [urlsplit(f"redis://{host}") for host in hosts.split(",")]
        address = parts._replace(netloc=f"{login}{at}{first.netloc}", path="").geturl()
        nodes = [ClusterNode(other.hostname or "", other.port or 6379) for other in others]
        return ClusterClient.from_url(address, startup_nodes=nodes, require_full_coverage=False, **options)
    except (ValueError, TypeError, RedisClusterException) as error:
        raise CannotStart(
            f"--redis: {error}; expected redis://HOST:PORT/DB or rediss://HOST:PORT/DB, or for a Redis Cluster "
            "redis+cluster://HOST:PORT[,HOST:PORT…] or rediss+cluster://…"
        ) from None


class PartitionStore:
    """The store of one partition, e.g. `events:7`; not shared between tasks."""

    def __init__(self, redis: Client, name: str, *, item: str = "c") -> None:
        self.name = name
        self._redis = redis
        self._head_key = f"{{{name}}}:head"
        self._timers_key = f"{{{name}}}:timers"
        self._outbox_key = f"{{{name}}}:out"
        self._item = f"{{{name}}}:{item}:"
        self._case = f"{{{name}}}:k:"
        self._cases_key = f"{{{name}}}:cases"
        self._head: Head | None = None
        self._link = Link(redis, self._head_key)
        self._trimming = Link(redis, self._head_key)

    @property
    def head(self) -> Head:
        """The head as this owner last saw it; only after `claim`."""
        if self._head is None:
            raise RuntimeError(f"{self.name}: no head before claim()")
        return self._head

    @property
    def next_entry(self) -> int:
        """Number the next outbox entry will get."""
        return self.head.sequences.get(OUTBOX, 1)

    async def peek(self) -> Head | None:
        """The stored head, without claiming anything."""
        body = await self._redis.get(self._head_key)
        return None if body is None else heads.decode(_bytes(body))

    async def claim(self, *, partitions: int, start: int, config: str) -> Head:
        """Become the owner: raise the epoch. A partition never seen begins at offset `start` under rules `config`.

        Raises CannotStart when the store was made for another number of partitions.
        """
        while True:
            body = (await self._link.ask([("UNWATCH",), ("WATCH", self._head_key), ("GET", self._head_key)]))[-1]
            if body is None:
                known = Head(heads.FORMAT, 0, 0, b"", partitions, start, start, None, config)
            else:
                known = heads.decode(body)
                if known.partitions != partitions:
                    raise CannotStart(
                        f"{self.name}: its state was made for {known.partitions} partitions, the topic has "
                        f"{partitions}; "
                        "restore the topic's partition count or see docs/how-to/upgrade.md"
                    )
            mine = msgspec.structs.replace(
                known,
                format=heads.FORMAT,
                epoch=known.epoch + 1,
                commit=known.commit + 1,
                token=os.urandom(8),
                owner=os.urandom(8),
            )
            if await self._exec([("SET", self._head_key, heads.encode(mine))]):
                self._head = mine
                return mine

    async def reload(self) -> Outcome:
        """Look at the stored head after trouble: RELOAD when it is still ours (then `head` is it), else LOST."""
        body = (await self._link.ask([("UNWATCH",), ("WATCH", self._head_key), ("GET", self._head_key)]))[-1]
        if body is None:
            return Outcome.LOST
        stored = heads.decode(body)
        if not self._is_mine(stored):
            return Outcome.LOST
        self._head = stored
        return Outcome.RELOAD

    async def states(self, keys: Iterable[str]) -> dict[str, bytes | None]:
        """Stored states of these keys, in one MGET; None where nothing is stored."""
        wanted = list(keys)
        if not wanted:
            return {}
        (bodies,) = await self._link.ask([("MGET", *[self._item + key for key in wanted])])
        return dict(zip(wanted, bodies, strict=True))

    async def cases(self) -> list[bytes]:
        """What commits have told of cases, in no order. Asks in portions, as readers do beside the owner."""
        subjects = sorted(_bytes(one).decode() for one in await self._redis.smembers(self._cases_key))
        found: list[bytes] = []
        for start in range(0, len(subjects), _PIECE // 10):
            pipeline = self._redis.pipeline(transaction=False)
            for subject in subjects[start : start + _PIECE // 10]:
                pipeline.hvals(self._case + subject)
            for bodies in await executed(pipeline):
                found += bodies
        return found

    async def glance(self, keys: Sequence[str]) -> list[bytes | None]:
        """Stored states that never change, read beside the connection of the commits, so at any time."""
        bodies = await self._redis.mget([self._item + key for key in keys])
        return [None if body is None else _bytes(body) for body in bodies]

    async def timers(self) -> list[tuple[str, int]]:
        """Customers with a timer and when it is due, earliest first."""
        found: list[tuple[str, int]] = []
        while True:
            at = len(found)
            (flat,) = await self._link.ask([("ZRANGE", self._timers_key, at, at + _PIECE - 1, "WITHSCORES")])
            found.extend((flat[i].decode(), int(float(flat[i + 1]))) for i in range(0, len(flat), 2))
            if len(flat) < 2 * _PIECE:
                return found

    async def outbox(self) -> list[tuple[int, Outgoing]]:
        """Committed effects that were not trimmed, in order, each with its outbox number."""
        found: list[tuple[int, Outgoing]] = []
        after = "-"
        while True:
            (entries,) = await self._link.ask([("XRANGE", self._outbox_key, after, "+", "COUNT", _PIECE)])
            for entry_id, fields in entries:
                found.append((int(entry_id.split(b"-")[0]), _effect_decoder.decode(fields[1])))
            if len(entries) < _PIECE:
                return found
            after = f"({entries[-1][0].decode()}"

    async def commit(self, commit: Commit) -> Outcome:
        """All of it or nothing. Raises one of DOWN when the store does not answer and cannot be asked again."""
        before = self.head
        sequences = dict(before.sequences)
        commands: list[Command] = []
        outbox = self.next_entry
        for effect in commit.effects:
            expected = sequences.get(effect.destination, 0)
            if effect.sequence != expected:
                raise RuntimeError(
                    f"{self.name}: effect {effect.sequence} towards {effect.destination}, expected {expected}"
                )
            sequences[effect.destination] = expected + 1
            commands.append(("XADD", self._outbox_key, f"{outbox}-0", "e", msgspec.msgpack.encode(effect)))
            outbox += 1
        written: list[str | bytes | int] = []
        gone: list[str] = []
        gone_keys: list[str] = []
        for key, body in commit.states.items():
            if body is None:
                gone.append(self._item + key)
                gone_keys.append(key)
            else:
                written += (self._item + key, body)
        scores: list[str | bytes | int] = []
        ended: list[str] = []
        for key, due in commit.timers.items():
            if due is None:
                ended.append(key)
            else:
                scores += (due, key)
        if written:
            commands.append(("MSET", *written))
        if gone:
            commands.append(("UNLINK", *gone, *[self._case + key for key in gone_keys]))
            commands.append(("SREM", self._cases_key, *gone_keys))
        if scores:
            commands.append(("ZADD", self._timers_key, *scores))
        if ended:
            commands.append(("ZREM", self._timers_key, *ended))
        for key, told in commit.cases.items():
            fields: list[str | bytes | int] = [part for pair in told.items() for part in pair]
            commands.append(("HSET", self._case + key, *fields))
        if commit.cases:
            commands.append(("SADD", self._cases_key, *commit.cases))
        mine = Head(
            format=heads.FORMAT,
            epoch=before.epoch,
            commit=before.commit + 1,
            token=os.urandom(8),
            partitions=before.partitions,
            read=commit.read,
            low=commit.low,
            watermark=commit.watermark,
            config=commit.config,
            sequences=sequences | {OUTBOX: outbox},
            stage=commit.stage,
            owner=before.owner,
        )
        commands.append(("SET", self._head_key, heads.encode(mine)))
        try:
            if await self._exec(commands):
                self._head = mine
                return Outcome.DONE
        except SlotMoving:
            raise  # a no, and the next would be one too
        except DOWN:
            pass  # no answer is not a no: the head tells
        outcome = await self.reload()
        return Outcome.DONE if outcome is Outcome.RELOAD and self.head.token == mine.token else outcome

    async def trim(self, through: int) -> None:
        """Forget outbox entries up to a number; they were acknowledged. Nothing happens once another owner is there.

        Its entries may have the same numbers, where the store came back older meanwhile.
        """
        try:
            await self._trim(through)
        except RedisConnectionError:  # it may have been idle for long
            await self._trim(through)

    async def _trim(self, through: int) -> None:
        trim = ("XTRIM", self._outbox_key, "MINID", f"{through + 1}-0")
        while True:
            _, body = await self._trimming.ask([("WATCH", self._head_key), ("GET", self._head_key)])
            if body is None or not self._is_mine(heads.decode(body)):
                await self._trimming.ask([("UNWATCH",)])
                return
            if (await self._trimming.ask([("MULTI",), trim, ("EXEC",)], watching=True))[-1] is not None:
                return  # else a commit of ours came between

    def _is_mine(self, stored: Head) -> bool:
        return (stored.epoch, stored.owner) == (self.head.epoch, self.head.owner)

    async def close(self) -> None:
        """Give the connections back."""
        await self._link.close()
        await self._trimming.close()

    async def _exec(self, commands: Sequence[Command]) -> bool:
        """MULTI … EXEC, and in the same packet WATCH and GET head for the next round; whether it was done."""
        replies = await self._link.ask(
            [("MULTI",), *commands, ("EXEC",), ("WATCH", self._head_key), ("GET", self._head_key)], watching=True
        )
        done = replies[len(commands) + 1]
        if done is None:
            return False
        for reply in done:
            if isinstance(reply, Exception):
                raise RuntimeError(f"{self.name}: Redis refused part of a commit: {reply}") from reply
        return True


def _bytes(reply: bytes | str) -> bytes:
    """A reply's bytes; redis-py's types allow for text, which we never ask for."""
    assert isinstance(reply, bytes)
    return reply
