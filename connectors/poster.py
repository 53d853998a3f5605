"""HTTP to a receiver: no redirections, no proxies, no cookies, only public addresses unless told otherwise."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from connectors.public_addresses import PrivateAddress, PublicResolver, is_public
from streams.delivery.answers import outcome_of
from streams.delivery.outcome import Outcome, Retry

_ANSWER = 64 * 1024
"""Bytes of an answer that are read, so that the connection can be used again."""
_WHOLE_ANSWER = 1024 * 1024
"""Bytes of an answer that somebody wants to see."""
_CONNECTIONS = 8
REFUSED = "not a public address; allow_private: true would let it pass"


def check_url(text: str) -> str:
    """The URL, if it is one to post to. Raises ValueError with words that do not show it."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good:
        raise ValueError("expected a URL such as https://example.org/hook")
    return text


class Answer(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    retry_after: str | None
    body: bytes
    """A megabyte of it at most."""


class Poster:
    """Posts to one URL, or asks what is under it; the connection stays open in between.

    Parameters
    ----------
    url
        Of scheme http or https. Raises ValueError for another.
    allow_private
        Also private, loopback and link-local addresses.
    resolver
        Does the resolving; the operating system's without one.
    """

    def __init__(self, url: str, *, allow_private: bool, resolver: AbstractResolver | None = None) -> None:
        self._url = URL(check_url(url))
        self._allow_private = allow_private
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def post(self, body: bytes, headers: Mapping[str, str], now: int) -> Outcome:
        """One attempt. `now` is UTC epoch microseconds, for an answer that names a date."""
        answer = await self._exchange("POST", self._url, body, headers, whole=False)
        return answer if isinstance(answer, Retry) else outcome_of(answer.status, answer.retry_after, now)

    async def ask(
        self, method: str, path: str, query: Sequence[tuple[str, str]], body: bytes | None, headers: Mapping[str, str]
    ) -> Answer | Retry:
        """One request to a path under the URL, and its answer whatever the status; Retry where there is none."""
        url = (self._url / path).with_query(list(query))
        return await self._exchange(method, url, body, headers, whole=True)

    async def close(self) -> None:
        """Let go of the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(
        self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str], *, whole: bool
    ) -> Answer | Retry:
        try:
            if not self._allow_private and self._forbidden_literal():
                raise PrivateAddress(REFUSED)
            async with self._opened().request(
                method, url, data=body, headers=dict(headers), allow_redirects=False
            ) as answer:
                found = await answer.content.read(_ANSWER)
                while whole and len(found) < _WHOLE_ANSWER and (part := await answer.content.read(_ANSWER)):
                    found += part
                return Answer(answer.status, answer.headers.get("Retry-After"), found)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Retry(reason_of(error))

    def _forbidden_literal(self) -> bool:
        """An address that is written as such is never resolved, so the resolver does not see it."""
        host = self._url.raw_host or ""
        literal = ":" in host or host.replace(".", "").isdigit()
        return literal and not is_public(host)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = self._resolver or ThreadedResolver()
            connector = aiohttp.TCPConnector(
                resolver=resolver if self._allow_private else PublicResolver(resolver),
                use_dns_cache=False,
                limit=_CONNECTIONS,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),  # whoever calls has a clock and cancels
                headers={"User-Agent": "touchline"},
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


def reason_of(error: BaseException) -> str:
    """What went wrong in words that show neither address nor answer: the library's own texts may show both."""
    chain: list[BaseException] = []
    seen: BaseException | None = error
    while seen is not None and len(chain) < 8:
        chain.append(seen)
        seen = getattr(seen, "os_error", None) or seen.__cause__ or seen.__context__
    for kind, words in _REASONS:
        if any(isinstance(one, kind) for one in chain):
            return words
    return f"failed ({type(error).__name__})"


_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (PrivateAddress, REFUSED),
    (ssl.SSLCertVerificationError, "TLS: its certificate is not valid"),
    (ssl.SSLError, "TLS: no secure connection"),
    (aiohttp.ClientConnectorDNSError, "its name cannot be resolved"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, "connection reset"),
    (aiohttp.ServerDisconnectedError, "closed the connection without an answer"),
    (aiohttp.ClientConnectorError, "cannot connect"),
    (aiohttp.InvalidURL, "its address is no URL"),
    (aiohttp.ClientPayloadError, "its answer ended early"),
    (aiohttp.ClientResponseError, "its answer is not HTTP"),
    (TimeoutError, "timed out"),
)
