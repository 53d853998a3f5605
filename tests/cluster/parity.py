"""What a cluster must come to: the decisions, totals and customer states of `replay`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from connectors.row import Row
from streams import customer as customers
from streams.decisions import encode as encode_decision
from streams.model import Event
from streams.runtime.cluster.addresses import SEQUENCE, decode_partial
from streams.runtime.cluster.addresses import SOURCE as SOURCE_HEADER
from streams.runtime.replay import Replay
from streams.stages.signal import SignalStage
from streams.units import parse_time
from tests.cluster.installation import Installation

SECOND = 1_000_000
OPENS = parse_time("2026-03-05T09:00:00Z")
UNTIL = OPENS + 14 * 3600 * SECOND
"""Everything has matured by then; time is moved there by hand, because the log's own time is now."""
ROOT = Path(__file__).parents[2]
DEMO = re.sub(r"(?m)^idle_after:.*$", "", (ROOT / "examples" / "demo.yml").read_text(encoding="utf-8"))
DEMO += "\nidle_after: 52w\n"
OFFICE_HOURS = '["11:00", "11:15"], ["11:30", "11:40"], ["11:50", "20:00"]'
WITH_HOURS = DEMO.replace("within: 30m}", "within: 5m, calendar: depot}", 1).replace(
    "{name: paid, on: order.completed, within: 4m}", "{name: paid, on: order.completed, within: 4m, calendar: depot}"
)
WITH_HOURS += f"calendars: {{depot: {{timezone: Europe/Kyiv, open: {{thu: [{OFFICE_HOURS}]}}}}}}\n"
"""The demo's shop, where paying and packing are done by people who are away for some minutes of the hour."""


def within_lateness(events: Iterable[Event], lateness: int) -> Iterator[Event]:
    """What parity over several partitions is promised for (rule 15): nothing too late, no merges in transit."""
    latest, known = 0, set()
    for event in events:
        time = parse_time(event.time or "")
        identity = (event.source, event.id)
        if event.type == "customer.merged" or (identity not in known and time < latest - lateness):
            continue
        known.add(identity)
        latest = max(latest, time)
        yield event


def replayed(made: Installation, events: Iterable[Event]) -> Replay:
    """The same events through `replay`."""
    replay = Replay(made.loaded)
    for _ in replay.feed(Row(event, parse_time(event.time or "")) for event in events):
        pass
    replay.finish(UNTIL, silent=True)
    return replay


async def decisions(made: Installation) -> set[bytes]:
    """What left, counted once as a receiver does: by the highest number of each source."""
    found: dict[tuple[bytes, int], bytes] = {}
    for record in await made.records(made.names.decisions):
        headers = dict(record.headers)
        number = (headers[SOURCE_HEADER], int(headers[SEQUENCE]))
        assert found.setdefault(number, record.value) == record.value, "one number, two different decisions"
    for source in {source for source, _ in found}:
        numbers = [number for sent_by, number in found if sent_by == source]
        assert sorted(numbers) == list(range(len(numbers)))
    return set(found.values())


def shown(signals: SignalStage) -> Any:
    """What the signals show, but for the examples: which customers are named depends on the partitions (rule 15)."""
    view = msgspec.to_builtins(signals.view())
    for alert in view["alarms"]["alerts"]:
        del alert["examples"]
    return view


def compared(bodies: Iterable[bytes]) -> set[bytes]:
    """Decisions but for their examples."""
    found = set()
    for body in bodies:
        decision = msgspec.json.decode(body)
        decision["data"].pop("examples", None)
        found.add(msgspec.json.encode(decision, order="sorted"))
    return found


async def assert_like_replay(made: Installation, events: list[Event]) -> None:
    replay = replayed(made, events)
    signals = await made.signals()
    assert msgspec.to_builtins(signals.totals()) == msgspec.to_builtins(replay.signals.totals())
    assert shown(signals) == shown(replay.signals)
    assert compared(await decisions(made)) == compared(encode_decision(decision) for decision in replay.decisions)
    totals = replay.signals.totals()
    assert totals.door.read == len(events)
    assert totals.door.duplicate > 0
    assert replay.decisions, "a comparison of nothing with nothing"
    states = await made.customers()
    assert states == {key: customers.encode(state) for key in states if (state := replay.journeys.find(key))}
    assert len(states) > 1000


async def assert_same_under_same_number(made: Installation) -> int:
    """What left again left under the same number with the same bytes; returns how many records were copies."""
    copies = 0
    for topic in (made.names.partials, made.names.decisions):
        found: dict[tuple[bytes, int], bytes] = {}
        for record in await made.records(topic):
            headers = dict(record.headers)
            if topic == made.names.partials:
                number = (record.key, decode_partial(record.value).sequence)
            else:
                number = (headers[SOURCE_HEADER], int(headers[SEQUENCE]))
            copies += number in found
            assert found.setdefault(number, record.value) == record.value, f"{topic} {number}: two different records"
    return copies
