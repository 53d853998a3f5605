"""A short story for tests, with room for what is tried."""

from __future__ import annotations

from streams.config.load import load_text
from streams.runtime import scenarios
from streams.scenarios.compare import Outcome
from streams.scenarios.reading import read_scenario

FILE = """
name: A delivery
file:
  feedback:
    delivery: {ask: csat, after: order.delivered, wait: 1d, channels: [email], cancel_on: [order.cancelled]}
"""
EVENTS = """
events:
  - 0d 10:00 order.delivered: {order: o-1}
"""


def outcome(rest: str, events: str = EVENTS, file: str = FILE) -> Outcome:
    """What comes of the story with these expectations."""
    scenario = read_scenario(file + events + rest)
    return scenarios.run(scenario, load_text(scenario.text or ""))


def lines(rest: str, events: str = EVENTS, file: str = FILE) -> list[str]:
    """The same as lines, notes behind them."""
    return [
        "; ".join([f"{row.mark} {' '.join(row.text.split())}", *row.notes]) for row in outcome(rest, events, file).rows
    ]
