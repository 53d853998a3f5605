"""Timers outlive the process: a service killed with a thousand asks waiting asks each of them once, at its time."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.served import BATCH, Served, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

RULES = """
version: 1
allowed_lateness: 0s
idle_after: 1s
feedback:
  delivery: {ask: nps, after: order.delivered, wait: 1h}
fatigue: {any: 14d}
"""
CUSTOMERS = 1000
TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


def delivered(number: int, time: datetime) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"e-{number}",
        "source": "shop",
        "type": "order.delivered",
        "time": time.strftime(TIME),
        "subject": f"c-{number}",
        "data": {},
    }


def decisions(service: Served) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = service.get(f"/api/v1/decisions?limit=500{cursor}")
        found += page["items"]
        if not page["next"]:
            return found
        cursor = f"&cursor={page['next']}"


def test_a_killed_service_asks_everybody_once_at_the_time_it_had_promised(tmp_path: Path) -> None:
    # Deliveries of nearly an hour ago: their asks come due within the next seconds, one after the other.
    first = datetime.now(UTC) - timedelta(hours=1) + timedelta(seconds=8)
    due = {f"c-{n}": first + timedelta(hours=1, milliseconds=10 * n) for n in range(CUSTOMERS)}
    events = [delivered(n, first + timedelta(milliseconds=10 * n)) for n in range(CUSTOMERS)]
    with serving(tmp_path, RULES) as service:
        for at in range(0, CUSTOMERS, 200):
            assert service.ask("POST", "/events", events[at : at + 200], BATCH).status == 202
        service.kill()
    for least in (100, 400):
        # Killed again while they leave.
        with serving(tmp_path, RULES) as service:
            service.until(lambda least=least: len(decisions(service)) >= least)  # type: ignore[misc]  # bound now
            service.kill()
    with serving(tmp_path, RULES) as service:
        service.until(lambda: len(decisions(service)) >= CUSTOMERS)
        found = decisions(service)
    assert Counter(one["type"] for one in found) == {"touchline.feedback.requested": CUSTOMERS}
    assert len({one["id"] for one in found}) == CUSTOMERS
    for one in found:
        assert abs(datetime.fromisoformat(one["time"]) - due[one["subject"]]) < timedelta(milliseconds=1)
        assert one["data"]["scheduled_for"] == one["time"]
