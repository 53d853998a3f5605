"""Which states a batch asks for, and what the first event of a customer leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

from hypothesis import example, given
from hypothesis import strategies as st

from streams.codec import encode
from streams.config.load import load_text
from streams.effects import Partial
from streams.model import Event, Record
from streams.partitioner import partition_of
from streams.rules import Rules
from streams.stages.applying import Applying
from streams.stages.head import Changes
from streams.stages.journey import JourneyStage
from streams.stages.waiting import Waiting
from streams.tally import ACCEPTED
from streams.units import format_time, parse_time

FILE = """
version: 1
allowed_lateness: 0s
segments: [device]
journeys:
  purchase:
    value: amount
    steps:
      - {name: cart, on: cart.updated}
      - {name: checkout, on: checkout.started, within: 30m}
      - {name: paid, on: order.completed, within: 30m}
  call:
    steps:
      - {name: called, on: [call.started, cart.updated]}
      - {name: helped, on: call.ended, within: 1s}
signals:
  visits: {on: page.viewed, as: session, kind: interaction}
"""
MOMENT = parse_time("2026-03-07T07:00:00Z")
TYPES = ["cart.updated", "checkout.started", "order.completed", "call.started", "page.viewed", "order.cancelled"]


def rules() -> Rules:
    return Rules.of(load_text(FILE, "shop.yml"))


def record(
    offset: int,
    subject: str,
    kind: str,
    seconds: float,
    data: dict[str, Any],
    name: str | None = None,
    source: str = "shop",
) -> Record:
    time = format_time(MOMENT + int(seconds * 1e6))
    event = Event(id=name or f"e-{offset}", source=source, type=kind, time=time, subject=subject, data=data)
    return Record(offset, None, encode(event))


def load_all(stage: JourneyStage, batch: list[Record], stored: Mapping[str, bytes | None]) -> list[set[str]]:
    """What is asked for, question by question."""
    asked = []
    while wanted := stage.needs(batch):
        asked.append(wanted)
        stage.load({key: stored.get(key) for key in wanted})
    return asked


def test_an_ended_id_asks_for_one_address_after_the_other() -> None:
    stage = JourneyStage(rules())
    first = [
        record(0, "a", "customer.merged", 0, {"into": "b"}),
        record(1, "b", "customer.merged", 1, {"into": "c"}),
        record(2, "d", "page.viewed", 2, {}),
    ]
    load_all(stage, first, {})
    stage.process(first)
    stored = stage.changes().states
    stage.evict(0)
    later = [record(3, "a", "cart.updated", 3, {}), record(4, "d", "page.viewed", 4, {})]
    assert load_all(stage, later, stored) == [{"a", "d"}, {"b"}, {"c"}]


def test_what_was_dropped_after_the_question_is_asked_for_again() -> None:
    stage = JourneyStage(rules())
    batch = [record(0, "a", "cart.updated", 0, {}), record(1, "b", "cart.updated", 1, {})]
    assert load_all(stage, batch, {}) == [{"a"}]
    stage.evict(0)
    assert stage.needs(batch) == {"a"}


def test_a_new_customer_of_another_partition_is_sent_on_though_many_come_at_once() -> None:
    stage = JourneyStage(rules(), partition=1, partitions=3)
    subjects = [f"c-{number}" for number in range(100)]
    warm = [record(0, "w", "page.viewed", 0, {}), record(1, "w", "page.viewed", 0.5, {})]
    load_all(stage, warm, {})
    stage.process(warm)
    batch = [
        record(number, subject, "cart.updated", 1 + number / 1000, {}) for number, subject in enumerate(subjects, 2)
    ]
    batch.append(record(102, "w", "page.viewed", 2, {}))
    load_all(stage, batch, {})
    sent = [parcel.target for _, parcel in stage.process(batch).parcels]
    assert [one for one in sent if one != "w"] == [one for one in subjects if partition_of(one.encode(), 3) != 1]


class Long(Applying):
    """Takes a customer's first event the long way, as any other."""

    def _welcome(self, entry: Waiting, key: str) -> int:
        source, tally = entry[2], self._tally
        counts, last = list(tally.sources[source]), tally.last_seen[source]
        self.apply(entry, entry[0])
        # Whoever calls counts them all at once, and what their source says.
        tally.door[ACCEPTED] -= 1
        tally.sources[source], tally.last_seen[source] = counts, last
        self._population.room += 1
        customer = self._residents.find(key)
        assert customer is not None
        assert customer.due is not None
        return customer.due


class OneByOne(Applying):
    """Takes every event the long way."""

    def apply_all(self, entries: list[Waiting]) -> int:
        for count, entry in enumerate(entries, 1):
            self.apply(entry, entry[0])
            timers = self._residents.timers
            if timers and timers[0][0] < entries[-1][0]:
                return count
        return len(entries)


def taking(applying: type[Applying]) -> JourneyStage:
    """A stage that applies events this way."""
    with patch("streams.stages.journey.Applying", applying):
        return JourneyStage(rules())


_event = st.tuples(
    st.sampled_from("abcdef"), st.sampled_from(TYPES), st.integers(0, 20), st.sampled_from([{}, {"device": "phone"}])
)


def run(stage: JourneyStage, *pieces: list[Record]) -> tuple[Changes, list[Partial]]:
    """What is left after the pieces of a log, and what was counted."""
    partials: list[Partial] = []
    for piece in pieces:
        load_all(stage, piece, {})
        partials += stage.process(piece).partials
    partials += stage.finish().partials
    return stage.changes(), partials


@given(events=st.lists(_event, min_size=1, max_size=30))
def test_the_short_way_of_a_first_event_leaves_what_the_long_way_leaves(
    events: list[tuple[str, str, int, dict[str, Any]]],
) -> None:
    warm = [record(0, "w", "page.viewed", 0, {}), record(1, "w", "page.viewed", 1, {})]
    batch = [
        record(number, subject, kind, 2 + tenths / 10, {**data, "amount": number})
        for number, (subject, kind, tenths, data) in enumerate(sorted(events, key=lambda one: one[2]), 2)
    ]
    assert run(JourneyStage(rules()), warm, batch) == run(taking(Long), warm, batch)


_seen = st.tuples(
    st.sampled_from("abc"),
    st.sampled_from(TYPES),
    st.integers(0, 20),
    st.sampled_from(["shop", "app", "till"]),
    st.integers(0, 12),
)


_LONG_SILENCE = [
    ("a", "page.viewed", 9, "shop", 0), ("a", "page.viewed", 10, "shop", 1), ("b", "page.viewed", 18, "shop", 2),
    ("a", "page.viewed", 19, "app", 3), ("b", "page.viewed", 35, "shop", 4),
]  # fmt: skip


@example(events=_LONG_SILENCE, in_order=True)
@given(events=st.lists(_seen, min_size=1, max_size=40), in_order=st.booleans())
def test_events_taken_together_leave_what_they_leave_one_by_one(
    events: list[tuple[str, str, int, str, int]], in_order: bool
) -> None:
    if in_order:
        events = sorted(events, key=lambda one: one[2])
    warm = [record(0, "w", "page.viewed", 0, {}), record(1, "w", "page.viewed", 1, {}, source="app")]
    batch = [
        record(number, subject, kind, 2 + tenths / 10, {"device": "phone"}, f"e-{name}", source)
        for number, (subject, kind, tenths, source, name) in enumerate(events, 2)
    ]
    assert run(JourneyStage(rules()), warm, batch) == run(taking(OneByOne), warm, batch)
