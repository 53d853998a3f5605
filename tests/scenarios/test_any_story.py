"""Whatever happens to customers in whatever order: the service decides what replay decides."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.config.load import load_text
from streams.decisions import encode
from streams.runtime import scenarios
from streams.scenarios.story import Scenario, Told
from streams.units import DAY, HOUR, MINUTE, parse_time
from tests.scenarios.served import served

FILE = load_text(
    """
version: 1
timezone: Europe/Kyiv
feedback:
  delivery_nps:
    ask: nps
    after: order.delivered
    wait: 1d
    requires: [product.used]
    cancel_on: [order.cancelled]
    channels: [email, sms]
    quota: 2 per week
  call_csat: {ask: csat, after: call.ended, wait: 30m, priority: 2, quota: 1 per day}
  case_ces: {ask: ces, after: case.closed}
  visits: {ask: csat, after: page.viewed, count: 2 within 1d, absent: {on: chat.started, within: 2h}}
fatigue: {any: 2d, nps: 5d, per_year: 5}
quiet_hours: {from: "21:00", to: "09:00"}
cases:
  complaint: {on: complaint.received, owner: support, contact: {warn: 5h, breach: 1d}}
  low: {on: survey.answered, where: {metric: csat, score: {lte: 2}}}
promises:
  on_time: {says: "In two days", from: order.completed, until: order.delivered, within: 2d}
offers:
  third: {on: order.completed, count: 3, once: true}
""",
    "any.yml",
)
START = parse_time("2026-03-27T00:00:00Z")
KINDS: list[tuple[str, dict[str, object]]] = [
    ("order.completed", {}),
    ("order.delivered", {}),
    ("order.cancelled", {}),
    ("product.used", {}),
    ("page.viewed", {}),
    ("call.started", {}),
    ("call.ended", {}),
    ("chat.started", {}),
    ("chat.ended", {}),
    ("complaint.received", {}),
    ("complaint.resolved", {}),
    ("case.contacted", {}),
    ("case.closed", {"cause": "x", "disposition": "resolved", "communicated": True}),
    ("case.reopened", {}),
    ("survey.sent", {"metric": "nps"}),
    ("survey.answered", {"metric": "csat", "score": 1}),
    ("customer.identified", {"timezone": "America/New_York", "consent": {"email": False}}),
]
GAPS = st.sampled_from([0, MINUTE, 30 * MINUTE, HOUR, 7 * HOUR, DAY, 3 * DAY])
EVENTS = st.lists(st.tuples(GAPS, st.sampled_from(["anna", "ben"]), st.sampled_from(KINDS)), min_size=1, max_size=25)


@settings(max_examples=20, deadline=None)
@given(EVENTS)
def test_the_service_decides_what_replay_decides(
    happened: list[tuple[int, str, tuple[str, dict[str, object]]]],
) -> None:
    time, events = START, []
    for at, (gap, who, (what, data)) in enumerate(happened):
        time += gap
        events.append(Told(time, who, what, data, at, f"e{at}"))
    scenario = Scenario("any", "", START, "Europe/Kyiv", None, None, tuple(events), (), (), True, time + 40 * DAY)
    decisions, _ = scenarios.replayed(scenario, FILE)
    with tempfile.TemporaryDirectory() as folder:
        left = asyncio.run(served(scenario, FILE, Path(folder) / "any.db"))
    assert left == {encode(decision) for decision in decisions}
