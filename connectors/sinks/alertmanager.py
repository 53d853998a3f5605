"""Alerts for Prometheus Alertmanager, API v2: `alertmanager:http://alertmanager:9093`.

Grouping, inhibition, silences and routing are its business. Labels say which alert it is and never change while it
fires, but for the severity, which is what routes look at; numbers are annotations. What fires is told again every
minute, and says that it ends four minutes later: if Touchline dies, Alertmanager clears it by itself.
"""

from __future__ import annotations

from typing import Any

import msgspec

from connectors import prose
from connectors.poster import Poster, check_url
from connectors.sinks.contract import Opening, Receiving
from streams.delivery.grouping import LEVELS
from streams.delivery.message import Batch, Message
from streams.delivery.outcome import Outcome
from streams.delivery.receivers import Abilities
from streams.units import MINUTE, format_time

REPEAT = MINUTE
LASTS = 4 * MINUTE
"""`endsAt` is so long after the attempt while the alert fires: more than three times REPEAT."""
_JSON = {"Content-Type": "application/json"}
_PATH = "/api/v2/alerts"
_LABELS = ("journey", "step", "signal", "source", "direction", "quantity")
_OVER = ("alert.resolved", "alert.rebaselined", "signal.recovered")
_NAMES = {
    "conversion": "TouchlineConversion",
    "arrivals": "TouchlineArrivals",
    "silence": "TouchlineSourceSilent",
}


class Sink(Receiving):
    """Posts alerts and breaches of signals; private addresses are where an Alertmanager stands."""

    abilities = Abilities(groups=True, most=100, families=("alert", "signal"), repeats=REPEAT)

    def __init__(self, opening: Opening) -> None:
        address = check_url(opening.address).rstrip("/")
        self._poster = Poster(address if address.endswith(_PATH) else address + _PATH, allow_private=True)
        self._console = opening.console

    async def send(self, batch: Batch) -> Outcome:
        alerts = [alert for message in batch.messages for alert in alerts_of(message, batch.at, self._console)]
        return await self._poster.post(msgspec.json.encode(alerts), _JSON, batch.at)

    async def repeat(self, batch: Batch) -> Outcome:
        alerts = [alert_of(message, batch.at, self._console) for message in batch.messages]
        return await self._poster.post(msgspec.json.encode(alerts), _JSON, batch.at)

    async def close(self) -> None:
        await self._poster.close()


def alerts_of(message: Message, now: int, console: str = "") -> list[dict[str, Any]]:
    """The alert of the v2 API, and the end of what it was under another severity; `now` is UTC epoch microseconds."""
    alert = alert_of(message, now, console)
    if message.family != "alert" or message.kind == "alert.firing":
        return [alert]
    others = [level for level in LEVELS if level != alert["labels"]["severity"]]
    ended = [{"labels": alert["labels"] | {"severity": level}, "endsAt": message.time} for level in others]
    return [alert, *ended]


def alert_of(message: Message, now: int, console: str = "") -> dict[str, Any]:
    """One alert; `now` is UTC epoch microseconds, `console` where people open it."""
    data = message.data
    over = message.kind in _OVER
    alert: dict[str, Any] = {
        "labels": _labels(message),
        "annotations": _annotations(message),
        "startsAt": data.get("fired_at") or data.get("since") or message.time,
        "endsAt": message.time if over else format_time(now + LASTS),
    }
    if over and not data.get("fired_at"):
        alert.pop("startsAt")  # Alertmanager knows when it began
    page = prose.page(message, console)
    if page:
        alert["generatorURL"] = page
    runbook = message.text("runbook")
    if runbook:
        alert["annotations"]["runbook_url"] = runbook
    return alert


def _labels(message: Message) -> dict[str, str]:
    signal = message.text("signal")
    name = _NAMES.get(signal, "TouchlineSignal") if message.family == "alert" else "TouchlineTarget"
    labels = {"alertname": name, "severity": message.text("severity") or "warning"}
    labels |= {key: message.text(key) for key in _LABELS if message.text(key)}
    if message.text("owner"):
        labels["team"] = message.text("owner")
    if message.text("fingerprint"):
        labels["fingerprint"] = message.text("fingerprint")
    return labels


def _annotations(message: Message) -> dict[str, str]:
    found = {name: text for name, text in prose.facts(message) if name not in ("owner", "runbook", "time")}
    description = "\n".join(f"{name}: {text}" for name, text in found.items())
    explanation = message.text("explanation")
    if explanation:
        description = f"{explanation}\n{description}"
    return {"summary": prose.headline(message), "description": description, "decision": message.id, **found}
