"""Every file a partition may still stand under, by hash: kept in Redis, because the log names rules by hash only."""

from __future__ import annotations

from streams.config.load import Loaded, load_text
from streams.errors import CannotStart
from streams.rules import Rules
from streams.runtime.cluster.connections import Connections

FILES = "touchline:files"
"""Hash: hash of a file -> its text."""


class Rulebook:
    """Files seen by this cluster. `refresh` exchanges them with the others; look-ups need no round trip."""

    def __init__(self, connections: Connections, current: Loaded) -> None:
        self._connections = connections
        self.current = current
        self._files: dict[str, Loaded] = {current.hash: current}
        self._rules: dict[str, Rules] = {}

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
