"""A customer who is to be forgotten: nothing of them stays but the counts, whatever crashes in between."""

from __future__ import annotations

import pytest

from streams.codec import encode
from streams.effects import Effects
from streams.model import Event, Record
from streams.notices import ERASED
from streams.stages.journey import JourneyStage
from streams.stages.signal import SignalStage
from streams.units import format_time
from tests.build import at, event, rules
from tests.partition import Partition

FILE = """
version: 1
allowed_lateness: 2s
journeys:
  purchase:
    steps:
      - {name: cart, on: cart.updated}
      - {name: paid, on: order.completed, within: 30m}
cases:
  complaint: {on: complaint.received, owner: support}
"""
RULES = rules(FILE)


def erase(seconds: float, subject: str | None) -> Event:
    return Event(id=f"erase-{seconds}", source="touchline", type=ERASED, subject=subject, time=format_time(at(seconds)))


def records(*events: Event) -> list[Record]:
    return [
        Record(offset, None, encode(one), internal=one.type.startswith("touchline."))
        for offset, one in enumerate(events)
    ]


STORY = (
    event(0, "cart.updated", "anna"),
    event(1, "cart.updated", "ben"),
    event(2, "complaint.received", "anna"),
    erase(5, "anna"),
    event(9, "cart.updated", "ben", id="again"),
)


def ran(*events: Event) -> tuple[JourneyStage, Effects]:
    stage = JourneyStage(RULES)
    batch = records(*events)
    while wanted := stage.needs(batch):
        stage.load(dict.fromkeys(wanted))
    return stage, stage.process(batch)


def test_state_and_timers_go_and_the_others_stay() -> None:
    stage, _ = ran(*STORY)
    changes = stage.changes()
    assert changes.states["anna"] is None
    assert changes.timers["anna"] is None
    assert changes.states["ben"] is not None
    assert stage.pending_timers == 1


def test_the_counts_add_up_as_if_the_way_had_merged_into_another_and_the_case_closed() -> None:
    _, effects = ran(*STORY)
    signals = SignalStage(RULES.config, RULES.hash)
    for partial in effects.partials:
        signals.process(partial)
    totals = signals.totals()
    cart = totals.journeys["purchase"]["cart"]
    assert (cart.entered, cart.abandoned, cart.merged, cart.in_flight) == (2, 0, 1, 1)
    assert totals.care["case_closed\0complaint\0erased"][0] == 1
    assert totals.door.accepted == totals.door.read - 1, "the last event still waits"
    assert "touchline" not in totals.sources


def test_nobody_names_the_customer_as_an_example_any_more() -> None:
    _, effects = ran(*STORY)
    signals = SignalStage(RULES.config, RULES.hash)
    for partial in effects.partials:
        signals.process(partial)
        if partial.erased:
            assert partial.erased == ("anna",)
    (watch,) = signals.detection.steps.steps.values()
    assert watch.journal.examples() == ("ben",)
    stored = signals.snapshot()
    assert not any(b"anna" in body for body in stored.values())


def test_what_waited_before_it_takes_effect_first_and_what_comes_later_begins_anew() -> None:
    stage, _ = ran(
        event(0, "cart.updated", "anna"),
        event(4, "cart.updated", "anna", id="late", amount=3),
        erase(5, "anna"),
        event(6, "order.completed", "anna"),
        event(20, "cart.updated", "ben"),
    )
    anna = stage.find("anna")
    assert anna is not None
    assert not anna.instances
    assert len(anna.seen) == 8


def test_one_nobody_knows_and_one_without_a_subject_change_nothing() -> None:
    stage, effects = ran(erase(1, "nobody"), erase(2, None), event(9, "cart.updated", "ben"))
    assert not effects.dead_letters
    assert set(stage.changes().states) == set()


def test_no_door_takes_it() -> None:
    stage = JourneyStage(RULES)
    effects = stage.process([Record(0, None, encode(erase(1, "anna")))])
    assert [letter.reason for letter in effects.dead_letters] == ["reserved_type"]


def test_an_id_that_ended_in_another_goes_alone() -> None:
    merged = event(1, "customer.merged", "old", into="anna", force=True)
    stage, _ = ran(event(0, "cart.updated", "anna"), merged, erase(5, "old"), event(9, "cart.updated", "ben"))
    changes = stage.changes()
    assert changes.states["old"] is None
    assert changes.states["anna"] is not None


@pytest.mark.parametrize("stop", range(1, len(STORY)))
def test_a_crash_anywhere_changes_nothing(stop: int) -> None:
    whole, broken = Partition(RULES, records(*STORY)), Partition(RULES, records(*STORY))
    while whole.step(len(STORY)):
        pass
    whole.commit()
    broken.step(stop)
    broken.commit()
    broken.step(1)
    broken.crash()
    while broken.step(len(STORY)):
        pass
    broken.commit()
    assert (broken.states, broken.timers) == (whole.states, whole.timers)
    assert broken.partials == whole.partials
