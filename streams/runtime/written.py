"""What people say over HTTP becomes an ordinary event in the log."""

from __future__ import annotations

import uuid
from typing import Any

from aiohttp import web

from streams.codec import encode
from streams.model import Event
from streams.runtime.answers import json_answer
from streams.runtime.refusals import refusing
from streams.runtime.service import Service
from streams.units import format_time

SOURCE = "touchline-api"
"""Source of the events that the API writes."""


async def write(service: Service, kind: str, subject: str, data: dict[str, Any]) -> web.Response:
    """202 with the event's id once it is durable. Raises Problem 429 or 503, and nothing was written then."""
    name = uuid.uuid4().hex
    event = Event(id=name, source=SOURCE, type=kind, time=format_time(service.now()), subject=subject, data=data)
    with refusing("written"):
        await service.submit([encode(event)])
    return json_answer({"id": name}, status=202)
