"""Incidents in PagerDuty, Events API v2: `pagerduty:${PAGERDUTY_ROUTING_KEY}`.

An alert triggers under its fingerprint, is acknowledged there once somebody has acknowledged it here, and resolves. The
breach of a case triggers under the case's id and resolves once somebody has contacted the customer. PagerDuty drops
what it has had under the same key, so a repeat does nothing. `TOUCHLINE_PAGERDUTY_URL` names another region.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from connectors import prose
from connectors.poster import Poster, check_url
from connectors.sinks.contract import NotEquipped, Opening, Receiving
from streams.delivery.message import Batch, Message
from streams.delivery.outcome import Outcome, Refused, Retry
from streams.delivery.receivers import Abilities

REGION = "TOUCHLINE_PAGERDUTY_URL"
DEFAULT = "https://events.pagerduty.com"
_PATH = "/v2/enqueue"
_JSON = {"Content-Type": "application/json"}
_KEY = re.compile(r"[0-9A-Za-z]{32}")
_BEGINS = ("alert.firing", "alert.updated", "case.breached")
_SEVERITIES = ("info", "warning", "critical")
"""PagerDuty's own have these names too; between the last two it has `error`."""
_SUMMARY = 1024
"""PagerDuty's limit on letters."""


class Sink(Receiving):
    """Posts one event per decision; the routing key is in the body, so there is no secret besides."""

    abilities = Abilities(families=("alert", "case"), breaches=True, acknowledges=True)

    def __init__(self, opening: Opening) -> None:
        self._key = opening.address.strip()
        self._console = opening.console
        if not _KEY.fullmatch(self._key):
            raise ValueError("expected the routing key of an Events API v2 integration: 32 letters and digits")
        try:
            region = check_url(opening.variable(REGION) or DEFAULT).rstrip("/")
        except ValueError as error:
            raise NotEquipped(f"{REGION}: {error}") from None
        # Where it stands is up to whoever runs the machine, not to the file.
        self._poster = Poster(region + _PATH, allow_private=True)

    async def send(self, batch: Batch) -> Outcome:
        (message,) = batch.messages
        outcome = await self._poster.post(
            msgspec.json.encode(event_of(message, self._key, self._console)), _JSON, batch.at
        )
        match outcome:
            case Retry("HTTP 400"):
                return Refused("HTTP 400: PagerDuty does not know the routing key, or does not take the event")
        return outcome

    async def close(self) -> None:
        await self._poster.close()


def event_of(message: Message, key: str, console: str = "") -> dict[str, Any]:
    """The body of a request, for alerts and for a case's breach and what ends it; alerts link to `console`."""
    name = message.text("fingerprint" if message.family == "alert" else "case")
    event: dict[str, Any] = {"routing_key": key, "event_action": _action(message), "dedup_key": name}
    if event["event_action"] != "trigger":
        return event
    event |= {"client": "touchline", "payload": _payload(message)}
    page = prose.page(message, console)
    if page:
        event["client_url"] = page
    links = [(page, "Console"), (message.text("runbook"), "Runbook")]
    shown = [{"href": to, "text": name} for to, name in links if to.startswith(("http://", "https://"))]
    if shown:
        event["links"] = shown
    return event


def _action(message: Message) -> str:
    if message.kind not in _BEGINS:
        return "resolve"
    return "acknowledge" if message.family == "alert" and message.text("acknowledged_by") else "trigger"


def _payload(message: Message) -> dict[str, Any]:
    data = message.data
    details: dict[str, Any] = dict(prose.facts(message))
    details |= {key: data[key] for key in ("explanation", "incident", "rule") if data.get(key)}
    payload: dict[str, Any] = {
        "summary": prose.headline(message)[:_SUMMARY],
        "source": message.subject or "touchline",
        "severity": _severity(message),
        "timestamp": message.text("fired_at") or message.time,
        "class": message.text("signal") or message.kind,
        "custom_details": details | {"decision": message.id},
    }
    if message.text("step"):
        payload["component"] = message.text("step")
    if message.text("journey"):
        payload["group"] = message.text("journey")
    return payload


def _severity(message: Message) -> str:
    if message.family == "case":
        return "error"
    severity = message.text("severity")
    return severity if severity in _SEVERITIES else "warning"
