"""A shop whose alarms are told in the words of its owner."""

from __future__ import annotations

from typing import Any, Literal

from streams.alerts.book import AlertBook
from streams.config.load import load_text
from streams.config.structs import Config
from streams.findings import Finding, SeriesKey
from streams.units import parse_time

START = parse_time("2026-03-07T07:00:00Z") // 1_000_000
"""A Saturday morning, as a tick."""
MINUTE, HOUR = 60, 3600

FILE = """
version: 1
segments: [device, region]
journeys:
  purchase:
    owner: checkout-team
    runbook: https://wiki.example/purchase
    value: amount
    steps:
      - {name: cart, on: cart.updated}
      - {name: checkout, on: checkout.started, within: 30m}
      - {name: paid, on: order.completed, within: 30m}
  signup:
    steps:
      - {name: form, on: page.viewed}
      - {name: done, on: account.created, within: 10m}
  returns:
    steps:
      - {name: asked, on: complaint.received}
      - {name: answered, on: complaint.resolved, within: 1d}
  delivery:
    steps:
      - {name: sent, on: order.completed}
      - {name: there, on: order.delivered, within: 7d}
signals:
  csat: {on: survey.answered, where: {metric: csat}, journey: purchase, step: paid, watch: down}
  calls: {on: call.started, watch: up, severity: info}
alerts: {false_alarms: 1 per week, page_above: 1000}
"""


def shop() -> Config:
    """The file."""
    return load_text(FILE, "shop.yml").config


def book() -> AlertBook:
    """An empty one."""
    return AlertBook(shop())


def drop(step: str = "checkout", journey: str = "purchase", dimension: str = "", value: str = "") -> SeriesKey:
    """A conversion, watched downward."""
    return SeriesKey("conversion", "down", journey, step, "", dimension, value)


def silence(source: str = "payments") -> SeriesKey:
    """A source, watched for its silence."""
    return SeriesKey("source", "down", signal=source)


def score(name: str = "csat", direction: Literal["down", "up"] = "down") -> SeriesKey:
    """A signal."""
    return SeriesKey("signal", direction, signal=name)


def finding(series: SeriesKey, tick: int = START, **known: Any) -> Finding:
    """Half of what was expected since a minute before."""
    usual: dict[str, Any] = {
        "since": tick - MINUTE,
        "since_low": tick - 2 * MINUTE,
        "since_high": tick - MINUTE // 2,
        "observed": 60.0,
        "expected": 120.0,
        "size": 0.5,
        "size_low": 0.4,
        "size_high": 0.6,
        "loss": 0.5,
        "evidence": 1.5,
    }
    return Finding(series, tick, **{**usual, **known})
