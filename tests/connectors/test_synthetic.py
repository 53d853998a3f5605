"""The simulated shop: the same world on every run, plausible shapes, and incidents that are really there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.synthetic.incidents import Schedule
from connectors.synthetic.rhythm import Rhythm
from connectors.synthetic.traffic import Traffic
from streams.model import Event

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
NOON = 1_795_000_000 * SECOND
"""A Wednesday in November 2026, 13:06 in Kyiv."""


def paid_share(events: Iterable[Event], device: str) -> float:
    """Orders per started checkout."""
    counts = Counter(event.type for event in events if event.data is not None and event.data.get("device") == device)
    return counts["order.completed"] / counts["checkout.started"]


@pytest.mark.parametrize("disorder", [False, True])
@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(1, 3 * MINUTE - 1), max_size=12))
def test_the_boundaries_of_the_calls_do_not_change_the_events(disorder: bool, cuts: list[int]) -> None:
    def world() -> Traffic:
        schedule = Schedule(first=NOON + MINUTE, lasts=MINUTE)
        return Traffic(7, rate=20, opens=NOON - 5 * MINUTE, schedule=schedule, disorder=disorder)

    whole = list(world().events(NOON, NOON + 3 * MINUTE))
    pieces: list[Event] = []
    traffic = world()
    edges = [NOON, *(NOON + cut for cut in sorted(cuts)), NOON + 3 * MINUTE]
    for since, until in zip(edges, edges[1:], strict=False):
        pieces += traffic.events(since, until)
    assert pieces == whole


def test_any_interval_can_be_asked_for_again() -> None:
    traffic = Traffic(3, rate=10)
    first = list(traffic.events(NOON, NOON + MINUTE))
    list(traffic.events(NOON + MINUTE, NOON + 2 * MINUTE))
    assert list(traffic.events(NOON, NOON + MINUTE)) == first


def test_another_seed_is_another_world() -> None:
    one, two = (list(Traffic(seed, rate=10).events(NOON, NOON + MINUTE)) for seed in (1, 2))
    assert len(one) > 100
    assert one != two


def test_events_come_in_order_and_inside_the_interval_with_unique_ids() -> None:
    events = list(Traffic(5, rate=50).events(NOON, NOON + 5 * MINUTE))
    times = [event.time or "" for event in events]
    assert times == sorted(times)
    assert times[0] >= "2026-11-18T11:06:40"
    assert times[-1] < "2026-11-18T11:11:40"
    assert len({(event.source, event.id) for event in events}) == len(events)


def test_the_mean_rate_is_the_one_asked_for() -> None:
    rhythm, expected, made = Rhythm("Europe/Kyiv"), 0.0, 0
    traffic = Traffic(11, rate=20)
    for hour in range(0, 24, 6):
        since = NOON + hour * HOUR
        made += sum(1 for _ in traffic.events(since, since + 10 * MINUTE))
        expected += 20 * 600 * rhythm.factor(since)
    assert made == pytest.approx(expected, rel=0.08)


def test_the_night_is_quieter_than_the_evening_and_a_week_averages_to_one() -> None:
    rhythm = Rhythm("Europe/Kyiv")
    week = [rhythm.factor(NOON + hour * HOUR) for hour in range(168)]
    assert sum(week) / 168 == pytest.approx(1, abs=0.01)
    assert rhythm.factor(NOON + 14 * HOUR) < 0.5 * rhythm.factor(NOON + 6 * HOUR)  # 03:06 and 19:06


def test_every_journey_reaches_its_goal_and_segments_have_realistic_shares() -> None:
    events = list(Traffic(1, rate=50).events(NOON, NOON + 20 * MINUTE))
    types = Counter(event.type for event in events)
    for goal in ("order.completed", "product.used", "call.ended", "chat.ended", "account.confirmed", "survey.answered"):
        assert types[goal] > 20, goal
    assert types["customer.merged"] > 20
    devices = Counter(event.data["device"] for event in events if event.type == "checkout.started" and event.data)
    assert 0.5 < devices["mobile"] / devices.total() < 0.66
    metrics = Counter(event.data["metric"] for event in events if event.type == "survey.answered" and event.data)
    assert metrics.keys() == {"nps", "csat", "ces"}


def test_customers_come_back_and_their_traits_stay() -> None:
    seen: dict[str, set[str]] = {}
    for event in Traffic(1, rate=50, customers=500).events(NOON, NOON + 10 * MINUTE):
        if event.subject is not None and event.type == "checkout.started" and event.data is not None:
            seen.setdefault(event.subject, set()).add(event.data["region"])
    assert len(seen) > 100
    assert all(len(regions) == 1 for regions in seen.values())


def test_a_scheduled_incident_lowers_mobile_conversion_and_nothing_else() -> None:
    schedule = Schedule(first=NOON + 5 * MINUTE, lasts=3 * MINUTE)
    traffic = Traffic(2, rate=150, schedule=schedule)
    calm = list(traffic.events(NOON, NOON + 5 * MINUTE))
    broken = list(traffic.events(NOON + 5 * MINUTE, NOON + 8 * MINUTE))
    after = list(traffic.events(NOON + 9 * MINUTE, NOON + 13 * MINUTE))
    assert paid_share(broken, "mobile") < 0.35 * paid_share(calm, "mobile")
    assert paid_share(broken, "desktop") == pytest.approx(paid_share(calm, "desktop"), abs=0.1)
    assert paid_share(after, "mobile") == pytest.approx(paid_share(calm, "mobile"), abs=0.1)
    reasons = Counter(event.data["reason"] for event in broken if event.type == "payment.failed" and event.data)
    assert reasons["gateway_timeout"] > 5 * reasons["declined"]


def test_nothing_is_delivered_that_an_incident_kept_from_being_paid() -> None:
    traffic = Traffic(2, rate=60, opens=NOON, schedule=Schedule(first=NOON + MINUTE, every=HOUR, lasts=HOUR))
    events = list(traffic.events(NOON, NOON + HOUR))
    paid = {event.data["order"] for event in events if event.type == "order.completed" and event.data}
    packed = {event.data["order"] for event in events if event.type == "order.packed" and event.data}
    assert packed
    assert packed <= paid


def test_an_incident_by_hand_starts_at_once_and_is_part_of_the_truth() -> None:
    traffic = Traffic(2, rate=150)
    list(traffic.events(NOON, NOON + 2 * MINUTE))
    incident = traffic.trigger_incident(NOON + 2 * MINUTE)
    broken = list(traffic.events(NOON + 2 * MINUTE, NOON + 4 * MINUTE))
    assert broken[0].type == "change.deployed"
    assert paid_share(broken, "mobile") < 0.35
    assert traffic.trigger_incident(NOON + 3 * MINUTE) == incident
    assert traffic.incidents(NOON, NOON + HOUR) == [incident]
    assert (incident.step, incident.segment) == ("checkout", {"device": "mobile"})


def test_the_schedule_lists_each_incident_that_touches_the_interval() -> None:
    schedule = Schedule(first=NOON, every=10 * MINUTE, lasts=3 * MINUTE)
    starts = [(incident.start - NOON) // MINUTE for incident in schedule.between(NOON + 2 * MINUTE, NOON + 21 * MINUTE)]
    assert starts == [0, 10, 20]
    assert schedule.between(NOON + 3 * MINUTE, NOON + 10 * MINUTE) == []
    assert schedule.between(NOON - HOUR, NOON) == []


def test_disorder_delays_and_repeats_events_without_changing_what_happened() -> None:
    until = NOON + 10 * MINUTE
    calm = {event.id: event for event in Traffic(4, opens=NOON).events(NOON, until)}
    arrived = list(Traffic(4, opens=NOON, disorder=True).events(NOON, until + MINUTE))
    repeats = [count for count in Counter(event.id for event in arrived).values() if count > 1]
    assert 0.003 < len(repeats) / len(arrived) < 0.008
    times = [event.time or "" for event in arrived]
    assert times != sorted(times)
    by_id = {event.id: event for event in arrived}
    assert all(by_id[name] == event for name, event in calm.items())


def test_before_it_opens_the_shop_is_empty_and_every_customer_is_seen_from_the_start() -> None:
    events = list(Traffic(6, rate=40, opens=NOON + MINUTE).events(NOON, NOON + 10 * MINUTE))
    assert (events[0].time or "") >= "2026-11-18T11:07:40"
    begun = {event.data["session"] for event in events if event.type == "cart.updated" and event.data}
    assert {event.data["session"] for event in events if event.type == "checkout.started" and event.data} <= begun


def test_a_senseless_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="rate must be in"):
        Traffic(1, rate=0)
