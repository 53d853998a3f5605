"""Webhooks as Standard Webhooks 1.0.0 wants them: `webhook:https://example.org/hook`.

One decision per request. The body is `{"type", "timestamp", "data"}`, `data` the whole public record, and `link`, the
page of an alert, where the file says where the console is. The header
`webhook-id` is the decision's id, the same at every attempt. Each attempt has its own timestamp and signature.
"""

from __future__ import annotations

import msgspec

from connectors import prose
from connectors.poster import Poster
from connectors.sinks.contract import Opening, Receiving
from connectors.standard_webhooks import read_keys, sign
from streams.delivery.message import Batch, Message
from streams.delivery.outcome import Outcome
from streams.units import SECOND


class Sink(Receiving):
    """Posts to a URL; signs where the file has a `secret`."""

    def __init__(self, opening: Opening) -> None:
        self._poster = Poster(opening.address, allow_private=opening.allow_private)
        self._console = opening.console
        self._keys = read_keys(opening.secret or "")

    async def send(self, batch: Batch) -> Outcome:
        (message,) = batch.messages
        body = body_of(message, self._console)
        timestamp = batch.at // SECOND
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
        }
        if self._keys:
            headers["webhook-signature"] = sign(self._keys, message.id, timestamp, body)
        return await self._poster.post(body, headers, batch.at)

    async def close(self) -> None:
        await self._poster.close()


def body_of(message: Message, console: str = "") -> bytes:
    """The request's body: the same bytes at every attempt."""
    # Types and times are of our own making and need no escaping; the record is taken as it is.
    page = prose.page(message, console)
    link = b',"link":%b' % msgspec.json.encode(page) if page else b""
    parts = (message.type.encode(), message.time.encode(), message.body, link)
    return b'{"type":"%b","timestamp":"%b","data":%b%b}' % parts
