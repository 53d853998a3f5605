"""Decisions as entries of a Redis stream: `redis:redis://host:6379/0?stream=touchline.decisions`.

Fields: `id type time subject record`; `record` is the public record. `maxlen=N` in the address trims the stream to
about so many entries (1,000,000). The address goes to redis-py, so `rediss://` and its other options work too.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis import exceptions
from redis.asyncio import Redis

from connectors.sinks.contract import Opening, Receiving
from streams.delivery.message import Batch
from streams.delivery.outcome import Delivered, Outcome, Retry
from streams.delivery.receivers import Abilities

STREAM = "touchline.decisions"
MAXLEN = 1_000_000
_EXPECTED = "expected redis://HOST:PORT/DB?stream=NAME, with maxlen=NUMBER if need be"


class Sink(Receiving):
    """Adds the entries of a batch in one transaction."""

    abilities = Abilities(most=500)

    def __init__(self, opening: Opening) -> None:
        self._url, self._stream, self._maxlen = read_address(opening.address)
        self._client: Redis | None = None

    async def send(self, batch: Batch) -> Outcome:
        try:
            if self._client is None:
                self._client = Redis.from_url(self._url, socket_timeout=10, socket_connect_timeout=10)
            async with self._client.pipeline(transaction=True) as pipe:
                for message in batch.messages:
                    entry: dict[Any, Any] = {
                        "id": message.id,
                        "type": message.type,
                        "time": message.time,
                        "subject": message.subject,
                        "record": message.body,
                    }
                    pipe.xadd(self._stream, entry, maxlen=self._maxlen, approximate=True)
                answers = await pipe.execute(raise_on_error=False)
        except exceptions.AuthenticationError:
            return Retry("Redis refuses the user or password")
        except exceptions.ResponseError as error:
            return _refused(error)
        except (exceptions.RedisError, OSError) as error:
            return Retry(f"Redis cannot be reached ({type(error).__name__})")
        refused = [answer for answer in answers if isinstance(answer, Exception)]
        return _refused(refused[0]) if refused else Delivered()

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


def read_address(address: str) -> tuple[str, str, int]:
    """URL for redis-py, stream, longest length. Raises ValueError with words that show none of it."""
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("redis", "rediss", "unix") and bool(parts.hostname or parts.path)
        options = dict(parse_qsl(parts.query))
        stream = options.pop("stream", STREAM)
        maxlen = int(options.pop("maxlen", MAXLEN))
    except ValueError:
        raise ValueError(_EXPECTED) from None
    if not good or not stream or maxlen < 1:
        raise ValueError(_EXPECTED)
    query = f"?{urlencode(options)}" if options else ""
    return address.partition("?")[0] + query, stream, maxlen


def _refused(error: Exception) -> Retry:
    """The first word is Redis's own code, such as WRONGTYPE; what follows may quote what was sent."""
    return Retry(f"Redis refuses: {str(error).partition(' ')[0][:40]}")
