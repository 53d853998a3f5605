"""The door of a service elsewhere, as simulated traffic sees it: events leave over HTTP and are sent until taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import aiohttp
import msgspec
import structlog

from streams.errors import CannotStart
from streams.runtime.clock import Clock

_PORTION = 500
"""Events of one request, at most."""
_PATIENCE = aiohttp.ClientTimeout(total=30)
_RETRY_SECONDS = 2
_LONGEST_WAIT_SECONDS = 60
_TRANSIENT = frozenset({429, 500, 502, 503, 504})
_log = structlog.get_logger("simulate")


class RemoteDoor:
    """Posts batches of events and repeats them, with the same ids, until the door says it has them.

    Parameters
    ----------
    url
        Of the door, such as http://127.0.0.1:8427. Raises ValueError for what is no URL.
    key
        Its write key, where it asks for one.
    """

    def __init__(self, url: str, key: str | None, clock: Clock) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"expected a URL such as http://127.0.0.1:8427, got {url!r}")
        self._url = url.rstrip("/")
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._headers: Mapping[str, str] = {
            "Content-Type": "application/cloudevents-batch+json",
            **({} if key is None else {"Authorization": f"Bearer {key}"}),
        }
        self.accepted = 0
        self.rejected = 0
        self.trouble: str | None = None
        """Why the door takes nothing; None while it does."""

    async def submit(self, bodies: Sequence[bytes]) -> None:
        """Returns once the door has answered for every event. Raises CannotStart where it never will."""
        for start in range(0, len(bodies), _PORTION):
            await self._send(b"[" + b",".join(bodies[start : start + _PORTION]) + b"]")

    def now(self) -> int:
        """UTC epoch microseconds."""
        return self._clock.now()

    async def close(self) -> None:
        """Let go of the connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _send(self, body: bytes) -> None:
        while (wait_s := await self._attempt(body)) is not None:
            await self._clock.sleep(wait_s * 1_000_000)

    async def _attempt(self, body: bytes) -> int | None:
        """Seconds to wait before the next attempt; None when it was taken."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_PATIENCE, trust_env=False)
        try:
            async with self._session.post(f"{self._url}/events", data=body, headers=self._headers) as answer:
                said = await answer.read()
                if answer.status in (200, 202, 207):
                    self._count(said)
                    return None
                if answer.status not in _TRANSIENT:
                    raise CannotStart(f"{self._url} answered {answer.status}: {_detail(said)}")
                self._complain(f"it answers {answer.status}")
                asked = answer.headers.get("Retry-After", "")
        except (aiohttp.ClientError, TimeoutError) as error:
            self._complain(f"it does not answer ({type(error).__name__})")
            return _RETRY_SECONDS
        return min(int(asked), _LONGEST_WAIT_SECONDS) if asked.isdigit() else _RETRY_SECONDS

    def _complain(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            _log.warning("door_refuses", url=self._url, reason=trouble)

    def _count(self, body: bytes) -> None:
        try:
            said = msgspec.json.decode(body, type=_Said)
        except msgspec.DecodeError:
            raise CannotStart(f"{self._url} does not answer as Touchline's door does; check --to") from None
        self.accepted += said.accepted
        if said.rejected:
            self.rejected += said.rejected
            _log.warning("events_rejected", events=said.rejected)
        if self.trouble is not None:
            self.trouble = None
            _log.info("door_answers", url=self._url)


class _Said(msgspec.Struct):
    """What a door says of a batch, as far as it is needed."""

    accepted: int
    rejected: int


class _Trouble(msgspec.Struct):
    """What an error of the door says of itself."""

    detail: str = ""
    title: str = ""


def _detail(body: bytes) -> str:
    try:
        said = msgspec.json.decode(body, type=_Trouble)
    except msgspec.DecodeError:
        return "not an answer of Touchline's door; check --to"
    return said.detail or said.title or "no reason given"
