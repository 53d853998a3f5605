"""A small shop for tests: a file, and seeded events with disorder, duplicates and some that are invalid."""

from __future__ import annotations

import json
import random

from streams.config.load import Loaded, load_text
from streams.units import format_time

START = 1_772_000_000_000_000
"""Event time of the first event, UTC epoch microseconds."""

FILE = """
version: 1
segments: [device, region]
journeys:
  purchase:
    value: amount
    steps:
      - {name: cart, on: cart.updated}
      - {name: checkout, on: checkout.started, within: 40s, expect: {conversion: ">= 70%", over: 5m}}
      - {name: paid, on: order.completed, within: 30s}
signals:
  csat: {on: survey.answered, where: {metric: csat}, value: score, scale: [1, 5], expect: {value: ">= 80%", over: 5m}}
  orders: {on: order.completed}
  amount: {on: order.completed, value: amount, as: p90}
"""
OTHER_FILE = FILE.replace("within: 40s", "within: 20s").replace("segments: [device, region]", "segments: [device]")


def shop(text: str = FILE) -> Loaded:
    """The file, loaded."""
    return load_text(text, "shop.yml")


def events(count: int, seed: int, customers: int = 40, start: int = START) -> list[bytes]:
    """Records in order of arrival: about six per second, up to 1.5 s out of order, some twice, some broken."""
    rng = random.Random(seed)
    made: list[tuple[float, bytes]] = []
    now = start
    kinds = ["cart.updated", "checkout.started", "order.completed", "survey.answered", "page.viewed"]
    for number in range(count):
        now += rng.randrange(0, 330_000)
        kind = rng.choices(kinds, [5, 4, 3, 3, 2])[0]
        data: dict[str, object] = {"device": rng.choice(["mobile", "web"]), "region": rng.choice(["kyiv", "lviv"])}
        if kind == "order.completed":
            data["amount"] = rng.randrange(100, 9_000) / 100
        if kind == "survey.answered":
            data |= {"metric": "csat", "score": rng.choice([1, 2, 3, 4, 5, 5, 5, 7])}
        event = {
            "specversion": "1.0",
            "id": f"e-{seed}-{number}",
            "source": "shop",
            "type": kind,
            "time": format_time(now),
            "subject": f"c-{rng.randrange(customers)}",
            "data": data,
        }
        if rng.random() < 0.05:
            del event["subject"]
        body = json.dumps(event, separators=(",", ":")).encode()
        if rng.random() < 0.03:
            body = body[: rng.randrange(1, len(body))]
        arrival = now + rng.randrange(0, 1_500_000)
        made.append((arrival, body))
        if rng.random() < 0.04:
            made.append((arrival + rng.randrange(0, 5_000_000), body))
    made.sort(key=lambda entry: entry[0])
    return [body for _, body in made]
