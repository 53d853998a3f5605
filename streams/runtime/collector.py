"""The door: CloudEvents and Segment calls over HTTP into the log, answered only once they are durable.

What cannot be taken is told to the sender item by item and still goes into the log, wrapped, so that the stage makes
the dead letter: one path for everything, exact through a crash.
"""

from __future__ import annotations

import asyncio
import re
import uuid
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
from aiohttp import web

from connectors import cloudevents, segment
from connectors.item import Item
from streams import codec
from streams.codec import Rejection
from streams.runtime.access import Access, carried
from streams.runtime.problems import Problem
from streams.runtime.refusals import refusing

MAX_BODY_BYTES = segment.MAX_BODY_BYTES
"""Largest body of a request, sent and inflated."""
OPEN_SOURCE = "http"
"""Source of Segment calls where the door asks for no write key."""
CALLS = {call: call for call in (*segment.CALLS, "batch", "import")} | {
    "t": "track",
    "i": "identify",
    "p": "page",
    "s": "screen",
    "g": "group",
    "a": "alias",
    "b": "batch",
}
"""Last part of the path -> call; Segment's browser library says the short ones."""
BODY_SECONDS = 30.0
"""Longest time a body may take to arrive."""
_PLAIN = ("", "application/json", "text/plain", "application/octet-stream")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_encode = msgspec.json.Encoder().encode


class Fault(msgspec.Struct, frozen=True):
    """Why an item was not taken."""

    reason: str
    """One of `streams.reasons.INVALID`."""
    message: str


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one event of a CloudEvents request."""

    index: int
    id: str | None
    status: str
    """`accepted` or `rejected`."""
    error: Fault | None = None


class SegmentResult(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """What became of one Segment call."""

    index: int
    message_id: str | None
    status: str
    error: Fault | None = None


class Answer(msgspec.Struct, frozen=True):
    """The body of 200, 202 and 207."""

    success: bool
    """Whether all were accepted."""
    accepted: int
    rejected: int
    items: Sequence[Result | SegmentResult]


class Intake(Protocol):
    """Where the door's records go: all the door asks of what is behind it."""

    async def submit(self, bodies: Sequence[bytes]) -> object:
        """Append records to the log; returns once they are durable, never before. Raises Busy or Stopped."""
        ...

    def now(self) -> int:
        """UTC epoch microseconds."""
        ...


class Collector:
    """Turns requests at the door into records of the log."""

    def __init__(self, service: Intake, access: Access, new_id: Callable[[], str] | None = None) -> None:
        """`new_id` makes the id of a Segment call that brings none."""
        self._service = service
        self._access = access
        self._new_id = new_id if new_id is not None else lambda: uuid.uuid4().hex

    async def events(self, request: web.Request) -> web.StreamResponse:
        """POST /events: CloudEvents structured, batched or binary."""
        self._access.writer(request)
        media = request.headers.get("Content-Type", "")
        if not cloudevents.is_cloudevents(media, request.headers):
            raise Problem(
                415,
                "unsupported_media_type",
                f"Content-Type: expected {cloudevents.STRUCTURED}, {cloudevents.BATCHED}, or ce-* headers.",
            )
        body = await read_body(request)
        return await self._take(request, body, cloudevents.read_http(media, request.headers, body), Result, 202)

    async def segment(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/CALL: one Segment call, or a batch of them."""
        call = CALLS[request.match_info["call"]]
        carries = bool(carried(request)) or not self._access.keys
        source = self._access.writer(request) if carries else None
        media = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media not in _PLAIN:
            raise Problem(415, "unsupported_media_type", "Content-Type: expected application/json.")
        body = await read_body(request)
        if not carries:
            source = self._access.writer(request, _written_key(body))
        items = segment.read_http(
            call, body, source=source or OPEN_SOURCE, received=self._service.now(), new_id=self._new_id
        )
        return await self._take(request, body, items, SegmentResult, 200)

    async def _take(
        self,
        request: web.Request,
        body: bytes,
        items: list[Item] | Rejection,
        result: type[Result] | type[SegmentResult],
        good: int,
    ) -> web.StreamResponse:
        """Write to the log, wait until it is durable, then tell the sender."""
        if isinstance(items, Rejection):
            await self._submit([codec.refuse(body, items)])
            raise Problem(400, items.reason, items.message)
        records = [record for item in items for record in item.bodies]
        trace = request.headers.get("traceparent", "")
        if _TRACEPARENT.fullmatch(trace):
            records = [traced(record, trace) for record in records]
        if records:
            await self._submit(records)
        results: list[Any] = []
        rejected = 0
        for item in items:
            if item.rejection is None:
                results.append(result(item.index, item.id, "accepted"))
                continue
            rejected += 1
            fault = Fault(item.rejection.reason, item.rejection.message)
            results.append(result(item.index, item.id, "rejected", fault))
        if rejected and rejected == len(items):
            first = items[0].rejection
            if len(items) == 1 and first is not None:
                raise Problem(400, first.reason, first.message, items=results)
            raise Problem(400, "all_rejected", f"None of the {rejected} events could be taken.", items=results)
        answer = Answer(not rejected, len(items) - rejected, rejected, results)
        return web.Response(status=207 if rejected else good, body=_encode(answer), content_type="application/json")

    async def _submit(self, records: Sequence[bytes]) -> None:
        with refusing("taken"):
            await self._service.submit(records)


async def read_body(request: web.Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """The body, inflated where it came as gzip; never holds more than the limit. Raises Problem 400, 408, 413, 415."""
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip"):
        raise Problem(
            415, "unsupported_encoding", "Content-Encoding: expected gzip or none.", headers={"Accept-Encoding": "gzip"}
        )
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    chunks = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                size += len(chunk)
                if size > limit:
                    raise _too_large(limit)
                chunks.append(chunk)
    except TimeoutError:
        raise Problem(
            408, "too_slow", f"body: expected all of it within {BODY_SECONDS:g} s.", headers={"Connection": "close"}
        ) from None
    body = b"".join(chunks)
    return body if coding == "identity" else inflate(body, limit)


def inflate(body: bytes, limit: int) -> bytes:
    """A gzip body's content. Raises Problem 413 as soon as it is longer than the limit, 400 where it is broken."""
    stream = zlib.decompressobj(wbits=31)
    try:
        inflated = stream.decompress(body, limit + 1)
    except zlib.error:
        raise Problem(400, "bad_encoding", "body: expected gzip, as Content-Encoding says.") from None
    if len(inflated) > limit:
        raise _too_large(limit)
    if not stream.eof or stream.unused_data:
        raise Problem(400, "bad_encoding", "body: expected one whole gzip member.")
    return inflated


def traced(record: bytes, trace: str) -> bytes:
    """The record with the request's W3C trace context as CloudEvents extension, where it has none of its own."""
    if b'"traceparent"' in record or not record.endswith(b"}"):
        return record
    return b'%b,"traceparent":"%b"}' % (record[:-1], trace.encode())


class _Keyed(msgspec.Struct, rename="camel"):
    write_key: str | None = None


_decode_keyed = msgspec.json.Decoder(_Keyed).decode


def _written_key(body: bytes) -> str | None:
    try:
        return _decode_keyed(body).write_key
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _too_large(limit: int) -> Problem:
    return Problem(
        413,
        "too_large",
        f"body: expected at most {limit} bytes, inflated; split the batch.",
        headers={"Connection": "close"},
    )
