"""Annotations in Grafana: `grafana:https://grafana.example.org`.

When an alert fires, an annotation of the organisation is made, which any dashboard can show by its tags; when the alert
is over, it becomes a region. The token of a service account comes from the subscription's `secret`, or from
`TOUCHLINE_GRAFANA_TOKEN`. What is there already is looked up first, so a repeat makes no second one.
"""

from __future__ import annotations

import html
from typing import Any
from urllib.parse import urlsplit

import msgspec

from connectors import prose
from connectors.poster import Answer, Poster, check_url
from connectors.sinks.contract import NotEquipped, Opening, Receiving
from streams.delivery.answers import outcome_of
from streams.delivery.message import Batch, Message
from streams.delivery.outcome import Delivered, Outcome, Refused, Retry
from streams.delivery.receivers import Abilities
from streams.units import parse_time

TOKEN = "TOUCHLINE_GRAFANA_TOKEN"
_PATH = "api/annotations"
_TAGS = ("journey", "step", "signal", "source", "severity")
_LETTERS = 100
"""Grafana's limit on a tag."""
_MILLISECOND = 1_000
_OVER = ("alert.resolved", "alert.rebaselined")
_STRANGE = "its answer is not one of Grafana's annotations API"


class Found(msgspec.Struct, frozen=True):
    """An annotation as Grafana lists it."""

    id: int
    time: int
    """UTC epoch milliseconds."""


class Sink(Receiving):
    """Looks for the alert's annotation, then makes or changes it; private addresses are where a Grafana stands."""

    abilities = Abilities(families=("alert",))

    def __init__(self, opening: Opening) -> None:
        address = check_url(opening.address)
        parts = urlsplit(address)
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("expected a URL such as https://grafana.example.org, without user and query")
        token = (opening.secret or opening.variable(TOKEN)).strip()
        if not token:
            raise NotEquipped(f"there is no `secret`, and {TOKEN} is not set: a token of a service account")
        if not token.isascii() or not token.isprintable():
            raise ValueError("secret: expected a token of a Grafana service account")
        self._console = opening.console
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._poster = Poster(address.rstrip("/"), allow_private=True)

    async def send(self, batch: Batch) -> Outcome:
        (message,) = batch.messages
        wanted = annotation_of(message, self._console)
        query = [("tags", "touchline"), ("tags", _name(message)), ("type", "annotation"), ("limit", "100")]
        query += [("from", str(wanted["time"])), ("to", str(wanted["time"]))]
        answer = await self._poster.ask("GET", _PATH, query, None, self._headers)
        if isinstance(answer, Retry) or answer.status != 200:
            return _judged(answer, batch.at)
        try:
            found = sorted(one.id for one in _decode(answer.body) if one.time == wanted["time"])
        except msgspec.DecodeError:
            return Retry(_STRANGE)
        if found and message.kind == "alert.firing":
            return Delivered()
        method, path = ("PATCH", f"{_PATH}/{found[0]}") if found else ("POST", _PATH)
        return _judged(await self._poster.ask(method, path, (), msgspec.json.encode(wanted), self._headers), batch.at)

    async def close(self) -> None:
        await self._poster.close()


_decode = msgspec.json.Decoder(list[Found]).decode


def annotation_of(message: Message, console: str = "") -> dict[str, Any]:
    """An annotation at the time when the alert fired; of one that is over a region, up to its end."""
    data = message.data
    text = [html.escape(prose.headline(message))]
    text += [f"{name}: {html.escape(said)}" for name, said in prose.facts(message) if name not in ("runbook", "time")]
    for to, name in ((prose.page(message, console), "Console"), (message.text("runbook"), "Runbook")):
        if to.startswith(("http://", "https://")):
            text.append(f'<a href="{html.escape(to)}">{name}</a>')
    tags = [f"{key}:{data[key]}"[:_LETTERS] for key in _TAGS if data.get(key)]
    annotation: dict[str, Any] = {
        "time": _milliseconds(message.text("fired_at") or message.time),
        "tags": ["touchline", _name(message), *tags],
        "text": "\n".join(text),
    }
    if message.kind in _OVER:
        annotation["timeEnd"] = max(annotation["time"], _milliseconds(message.text("resolved_at") or message.time))
    return annotation


def _name(message: Message) -> str:
    """The tag by which an alert's annotations are found again; which of them it is, the time tells."""
    return f"alert:{message.text('fingerprint')}"


def _milliseconds(text: str) -> int:
    return parse_time(text) // _MILLISECOND


def _judged(answer: Answer | Retry, now: int) -> Outcome:
    if isinstance(answer, Retry):
        return answer
    if answer.status in (401, 403):
        return Retry(f"HTTP {answer.status}: Grafana does not let the token read and write annotations")
    if answer.status in (400, 422):
        return Refused(f"HTTP {answer.status}: Grafana does not take the annotation")
    return outcome_of(answer.status, answer.retry_after, now)
