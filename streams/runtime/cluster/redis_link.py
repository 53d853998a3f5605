"""Where a key's server is: one Redis, or the node of a Redis Cluster that has the key's slot.

All keys of a partition have its name as their hash tag, `{events:7}`, so that they share a slot, and a commit is one
transaction on one node. A node that does not have a slot, or not all of it while it is being moved, refuses with MOVED,
ASK or TRYAGAIN, and refuses a transaction as a whole: nothing of it was done.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import hiredis
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.cluster import ClusterNode, ClusterPipeline, RedisCluster
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AskError, MovedError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError

from streams.errors import CannotStart

Client: TypeAlias = Redis | RedisCluster
Command = Sequence[str | bytes | int]


class ClusterClient(RedisCluster):
    """redis-py's, for several tasks at once.

    Where a node fails, the task that notices closes all connections to it, those in use included. Whoever was about to
    write or read on one finds None in place of its stream; to the caller that is a closed connection like any other.
    """

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        """As redis-py's. Raises ConnectionError where another task has closed the connection."""
        with _closed_is_down():
            return await super().execute_command(*args, **kwargs)


async def executed(pipeline: Pipeline | ClusterPipeline) -> list[Any]:
    """What the commands of a pipeline give. Raises what the client does."""
    with _closed_is_down():
        return list(await pipeline.execute())


@contextmanager
def _closed_is_down() -> Iterator[None]:
    """A stream that is None is a connection that is closed."""
    try:
        yield
    except AttributeError as error:
        if error.obj is not None:
            raise
        raise RedisConnectionError("the connection was closed while it was used") from error


class SlotMoving(RedisConnectionError):
    """The slot is being moved to another node: nothing was done, and nothing will be until it is there."""


class Link:
    """A connection of one's own to the server that has a key; what WATCH and MULTI need. Not shared between tasks.

    Nobody reconnects it unnoticed: a WATCH would be gone, and a transaction unguarded.
    """

    def __init__(self, client: Client, key: str) -> None:
        self._client = client
        self._key = key
        self._connection: AbstractConnection | None = None
        self._watched = False
        """This connection has sent a WATCH."""
        self._moved: tuple[str, int] | None = None
        """Host and port that a node has named as the slot's."""
        self._stale = False
        """The last connection failed: the slot may have another node by now."""

    async def ask(self, commands: Sequence[Command], *, watching: bool = False) -> list[Any]:
        """Send commands in one packet and read all their replies; a failed connection is dropped.

        `watching`: only on the connection of the last WATCH. Raises SlotMoving, and what the client does.
        """
        try:
            return await self._exchange(commands, watching)
        except MovedError:
            if watching or not _watches(commands):
                raise
            return await self._exchange(commands, watching)

    async def _exchange(self, commands: Sequence[Command], watching: bool) -> list[Any]:
        try:
            connection = self._connection
            if watching and not self._watched:
                raise RedisConnectionError("the connection that watched is gone")
            if connection is None:
                connection = self._connection = await self._connect()
            elif not connection.is_connected:
                raise RedisConnectionError("the connection was closed")
            await connection.send_packed_command(packed(commands))
            replies = [await connection.read_response() for _ in commands]
            self._watched = self._watched or _watches(commands)
            return replies
        except BaseException as error:
            self._moved = (error.host, error.port) if isinstance(error, MovedError) else None
            self._stale = not isinstance(error, AskError | TryAgainError)
            await self._drop(nowait=True)
            if isinstance(error, AskError | TryAgainError) and not isinstance(error, MovedError):
                raise SlotMoving("the slot is being moved to another node of the Redis Cluster") from error
            raise

    async def close(self) -> None:
        """Give the connection back."""
        await self._drop(nowait=False)

    async def _connect(self) -> AbstractConnection:
        client = self._client
        if isinstance(client, Redis):
            return await client.connection_pool.get_connection()  # type: ignore[no-any-return, no-untyped-call]  # redis-py's decorator hides its types
        node = await self._node(client)
        options = node.connection_kwargs | {"retry": Retry(NoBackoff(), 0)}
        if self._moved is not None:
            options |= {"host": self._moved[0] or node.host, "port": self._moved[1]}
        connection = node.connection_class(**options)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]  # redis-py leaves it so
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection

    async def _node(self, client: RedisCluster) -> ClusterNode:
        await client.initialize()
        if self._stale:
            await client.nodes_manager.initialize()
            self._stale = False
        node = client.get_node_from_key(self._key)
        assert node is not None  # only replicas may be missing
        return node

    async def _drop(self, *, nowait: bool) -> None:
        connection, self._connection = self._connection, None
        self._watched = False
        if connection is None:
            return
        await connection.disconnect(nowait=nowait)
        if isinstance(self._client, Redis):
            await self._client.connection_pool.release(connection)


def packed(commands: Iterable[Command]) -> list[bytes]:
    """Commands as they go over the wire; by hiredis, as redis-py's own way would be a tenth of all a worker does."""
    return [hiredis.pack_command(tuple(command)) for command in commands]  # type: ignore[arg-type]  # its stub means a tuple of any length, and says one of one


def _watches(commands: Sequence[Command]) -> bool:
    return any(command[0] == "WATCH" for command in commands)


async def scan(client: Client, match: bytes, count: int, *, tagged: str | None = None) -> AsyncIterator[list[bytes]]:
    """Keys that match, in portions; `tagged`: all of them have the hash tag of this key.

    Raises CannotStart where slots of a Redis Cluster are being moved: some keys might be seen on neither node.
    """
    if isinstance(client, Redis):
        async for keys in _scan(client, match, count, {}):
            yield keys
        return
    await client.initialize()
    before = await _layout(client)
    nodes = client.get_primaries() if tagged is None else [client.get_node_from_key(tagged)]
    for node in nodes:
        async for keys in _scan(client, match, count, {"target_nodes": node}):
            yield keys
    if await _layout(client) != before:
        raise CannotStart("Redis Cluster: slots were moved meanwhile, so not all keys were seen; do it again")


async def values(client: Client, keys: Sequence[bytes]) -> list[Any]:
    """Values of keys that may be anywhere."""
    if not keys:
        return []
    if isinstance(client, Redis):
        return list(await client.mget(keys))
    with _closed_is_down():
        return list(await client.mget_nonatomic(keys))


async def _scan(client: Client, match: bytes, count: int, options: dict[str, Any]) -> AsyncIterator[list[bytes]]:
    cursor = 0
    while True:
        cursors, keys = await client.scan(cursor, match=match, count=count, **options)
        if keys:
            yield [key for key in keys if isinstance(key, bytes)]
        cursor = max(cursors.values()) if isinstance(cursors, dict) else cursors
        if not cursor:
            return


async def _layout(client: RedisCluster) -> list[tuple[str, str]]:
    """Which node has which slots, as each says of itself. Raises CannotStart where one gives or takes a slot."""
    found = []
    for node in client.get_primaries():
        told = await client.execute_command("CLUSTER NODES", target_nodes=node)
        for address, about in told.items():
            if "myself" in about["flags"]:
                if about["migrations"]:
                    raise CannotStart(
                        f"Redis Cluster: slots of {address} are being moved, so not all keys can be seen; "
                        "do it again when they have been"
                    )
                found.append((str(about["node_id"]), repr(about["slots"])))
    return sorted(found)
