"""Every file a partition may still stand under, by hash: kept in Redis, because the log names rules by hash only.

Files have an order there: that in which they came into use. A worker whose file is older than the one its partition
stands under does not bring it back, until nobody runs the newer one any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from streams.config.load import Loaded, load_text
from streams.errors import CannotStart
from streams.rules import Rules
from streams.runtime.cluster.connections import Connections
from streams.runtime.cluster.heard import files_running

FILES = "touchline:files"
"""Hash: hash of a file -> its text."""
ORDER = "touchline:files:order"
"""ZSET: hash of a file -> one more than that of the file that came into use before it."""

UNUSED_SECONDS = 30.0
"""For so long no worker runs a file before an older one may take its place: a worker that restarts is back by then."""


class Rulebook:
    """Files seen by this cluster. `refresh` exchanges them with the others; look-ups need no round trip."""

    def __init__(
        self, connections: Connections, current: Loaded, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._connections = connections
        self.current = current
        self._files: dict[str, Loaded] = {current.hash: current}
        self._rules: dict[str, Rules] = {}
        self._order: dict[str, float] = {}
        self._monotonic = monotonic
        self._unused: dict[str, tuple[float, float]] = {}
        """Files newer than ours that no worker was seen to run: since when, and when that was seen last."""

    async def refresh(self) -> None:
        """Read files that are not known here, and leave ours for whoever meets its hash in the log."""
        redis = self._connections.redis
        stored = {_text(name) for name in await redis.hkeys(FILES)}
        if self.current.hash not in stored:
            await redis.hset(FILES, self.current.hash, self.current.text)
        for name in stored - self._files.keys():
            text = await redis.hget(FILES, name)
            if text is not None:
                self._files[name] = load_text(_text(text), f"file {name}")
        await self._read_order()
        if self.current.hash not in self._order:
            await self._put_last()

    async def _read_order(self) -> None:
        names = [_text(name) for name in await self._connections.redis.zrange(ORDER, 0, -1) if isinstance(name, bytes)]
        scores = await self._connections.redis.zmscore(ORDER, names) if names else []
        self._order = {name: score for name, score in zip(names, scores, strict=True) if score is not None}

    async def _put_last(self) -> None:
        """Ours is the file that came into use last. Two workers who say so at once of one file say the same."""
        newest = max(self._order.values(), default=0.0)
        await self._connections.redis.zadd(ORDER, {self.current.hash: newest + 1})
        await self._read_order()

    async def gives_way(self, file_hash: str, now: int) -> bool:
        """Whether what stands under a file goes over to ours; `now` is UTC epoch microseconds.

        An older file gives way to a newer one, and a newer one to an older when no worker has run it for a while.
        """
        await self._read_order()
        if self._rank(self.current.hash) > self._rank(file_hash):
            return True
        if file_hash in await files_running(self._connections.redis, now):
            self._unused.pop(file_hash, None)
            return False
        seen = self._monotonic()
        since, before = self._unused.get(file_hash, (seen, seen))
        if seen - before > UNUSED_SECONDS:
            since = seen  # nobody has looked meanwhile
        self._unused[file_hash] = since, seen
        if seen - since < UNUSED_SECONDS:
            return False
        await self._put_last()
        return True

    def _rank(self, file_hash: str) -> tuple[float, str]:
        """A file of a release that kept no order came before all that are in it."""
        return self._order.get(file_hash, 0.0), file_hash

    def knows(self, file_hash: str) -> bool:
        """Whether the file of a hash is here."""
        return file_hash in self._files

    def file(self, file_hash: str) -> Loaded:
        """The file of a hash. Raises CannotStart when no worker ever published it."""
        try:
            return self._files[file_hash]
        except KeyError:
            raise CannotStart(
                f"rules {file_hash}: the log or the store names them, but Redis does not hold their file; "
                "start one worker with the file they came from"
            ) from None

    def rules(self, file_hash: str) -> Rules:
        """The compiled rules of a hash. Raises CannotStart."""
        rules = self._rules.get(file_hash)
        if rules is None:
            rules = self._rules[file_hash] = Rules.of(self.file(file_hash))
        return rules


def _text(reply: bytes | str) -> str:
    return reply.decode() if isinstance(reply, bytes) else reply
