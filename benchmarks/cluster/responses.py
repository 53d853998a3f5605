"""How long from an event to the ask it sets off, and from a tick to the alert decided on it, through the cluster."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Any

import msgspec

from benchmarks.cluster import feed
from benchmarks.cluster.contenders import Touchline
from benchmarks.cluster.servers import Servers
from benchmarks.embedded import quantiles
from streams.units import format_time

FILE = """
version: 1
allowed_lateness: 0s
idle_after: 500ms
segments: [channel, device, region, tier]
journeys:
  purchase:
    owner: checkout-team
    steps:
      - {name: cart, on: cart.updated}
      - {name: checkout, on: checkout.started, within: 30m}
      - {name: paid, on: order.completed, within: 30m}
feedback:
  delivery_nps: {ask: nps, after: order.delivered, channels: [email, sms]}
signals:
"""
QUEUES = 40
_QUEUE = """
  handle_time_{queue}:
    {{on: call.ended, where: {{queue: "{queue}"}}, value: duration_s, kind: interaction, min_n: 5,
      expect: {{p50: "<= 360", over: 1m}}}}
"""
SECONDS = 60.0
BATCH = 50
_KINDS = ("cart.updated", "checkout.started", "order.completed")
_DATA: dict[str, Any] = {"channel": "web", "device": "mobile", "region": "kyiv", "tier": "gold", "amount": 12.5}


def _event(number: int, subject: str, kind: str, moment: float, data: dict[str, Any]) -> bytes:
    event = {"specversion": "1.0", "id": f"e-{number}", "source": "bench", "type": kind, "subject": subject}
    return msgspec.json.encode({**event, "time": format_time(int(moment * 1e6)), "data": data})


async def latency(servers: Servers, rate: float, database: int, seconds: float = SECONDS) -> dict[str, Any]:
    """Quantiles in milliseconds, at `rate` events a second through one worker with this database of the store.

    Each of the queues' calls turn long at a moment of its own, so that its expectation is missed once.
    """
    file = FILE + "".join(_QUEUE.format(queue=queue) for queue in range(QUEUES))
    touchline = Touchline(servers, f"latency-{database}", file, database)
    await touchline.made.wait_for_topics()
    touchline.start()
    sent: dict[str, float] = {}
    number = 0
    async with feed.sender(servers.kafka, 2) as producer:
        await feed.put(producer, touchline.topic, [_event(number, "c-0", _KINDS[0], time.time(), _DATA)])
        number += 1
        await touchline.until(number)  # it is up
        async for beat in feed.beats(rate, seconds, BATCH):
            for _ in range(BATCH):
                subject, kind, data = f"c-{number % 20_000}", _KINDS[number % 3], _DATA
                moment = time.time()
                if number % 100 == 0:
                    subject, kind = f"d-{number}", "order.delivered"
                    sent[subject] = moment
                elif number % 20 == 1:
                    queue = number // 20 % QUEUES
                    turned = beat * BATCH / rate > seconds * (queue + 1) / (QUEUES + 1)
                    kind, data = "call.ended", {"queue": str(queue), "duration_s": 900.0 if turned else 30.0}
                await feed.put(producer, touchline.topic, [_event(number, subject, kind, moment, data)])
                number += 1
    await touchline.until(number)
    await asyncio.sleep(3)  # asks of the last second fall due with the time that goes on once nothing comes
    asks, alerts = [], []
    for record in await touchline.made.records(touchline.made.names.decisions):
        decision = msgspec.json.decode(record.value)
        if decision["type"] == "touchline.feedback.requested" and decision["subject"] in sent:
            asks.append(record.timestamp / 1000 - sent[decision["subject"]])
        elif decision["type"].startswith(("touchline.alert.", "touchline.signal.")):
            alerts.append(record.timestamp / 1000 - datetime.fromisoformat(decision["time"]).timestamp())
    touchline.stop()
    result = {
        "events_per_second": rate, "asks": len(asks), "asks_expected": len(sent), "alerts": len(alerts),
        "event_to_ask_milliseconds": quantiles(asks),
        "tick_to_alert_milliseconds": quantiles(alerts) if alerts else None,
    }  # fmt: skip
    print("latency", result)  # noqa: T201  # the benchmark's report
    return result
