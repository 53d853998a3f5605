"""From partials to alarms: a checkout breaks for phones and is repaired, whatever the partitions, cuts and crashes."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from streams.config.load import Loaded, load_text
from streams.effects import AlertCommand, Decision
from streams.stages.detection import hours_of_week
from streams.stages.signal import SignalStage
from streams.view import View
from tests.streams.stages.contents import START, Content, feed, interleaved, partials, stage
from tests.streams.stages.shop import END, FAULT, FILE, FIXED, LOADED, customers, happened

SECOND = 1_000_000


@cache
def story(part: float = 1.0) -> Content:
    return happened(customers(part), 1)


@cache
def told() -> tuple[list[Decision], View, dict[str, bytes]]:
    """What one partition says of it, and where it stands in the end."""
    plain = stage(1, LOADED)
    decisions = feed(plain, partials(story(), END, 1, 1, LOADED.hash)[0])
    return decisions, plain.view(), watches(plain)


def watches(one: SignalStage) -> dict[str, bytes]:
    """Pieces of the steps' watches."""
    return {name: body for name, body in one.snapshot().items() if name.startswith("watch/")}


def alerts(decisions: list[Decision]) -> list[Decision]:
    return [decision for decision in decisions if decision.type.startswith("touchline.alert.")]


def test_the_alarm_names_the_step_and_the_phones_and_is_over_after_the_repair() -> None:
    firing, *updates, resolved = alerts(told()[0])
    assert (firing.type, firing.subject) == ("touchline.alert.firing", "purchase/checkout")
    assert (firing.data["journey"], firing.data["step"], firing.data["next_step"]) == ("purchase", "checkout", "paid")
    assert firing.data["segments"] == [{"device": "mobile"}]
    assert 0 < firing.time - FAULT * SECOND <= 45 * SECOND
    since = datetime.fromisoformat(firing.data["since"]).timestamp()
    assert abs(since - FAULT) <= 4
    assert firing.data["size_low"] <= 1.0 <= firing.data["size_high"] + 1e-9
    assert firing.data["severity"] == "critical"
    assert all(one.type == "touchline.alert.updated" for one in updates)
    assert resolved.type == "touchline.alert.resolved"
    assert 0 < resolved.time - FIXED * SECOND <= 120 * SECOND


def test_who_asks_for_few_false_alerts_waits_for_more_evidence() -> None:
    file = under(FILE.replace("version: 1\n", "version: 1\nalerts: {false_share: 10%}\n"))
    one = stage(1, file)
    firing = alerts(feed(one, partials(story(), FAULT + 120, 1, 1, file.hash)[0]))[0]
    plain = alerts(told()[0])[0]
    (evidence,) = [float(fact.removeprefix("evidence=")) for fact in firing.data["because"] if "evidence" in fact]
    assert evidence >= 10
    assert 0 < firing.time - plain.time <= 15 * SECOND


def test_an_undisturbed_shop_raises_no_alarm_and_says_what_it_can_see() -> None:
    calm = stage(1, LOADED)
    until = START + 1200
    decisions = feed(calm, partials(happened(customers(0.0), 1, until), until, 1, 1, LOADED.hash)[0])
    assert alerts(decisions) == []
    alarms = calm.view().alarms
    assert alarms is not None
    assert alarms.alerts == []
    step = next(one for one in alarms.watched if one.kind == "conversion")
    assert (step.journey, step.step, step.dimension, step.state) == ("purchase", "checkout", None, "watching")
    assert step.sees.startswith("an outage within ")
    assert 0 < step.credit_per_week <= alarms.budget_per_week == 1.0
    assert alarms.credit_used <= 1200 / 604_800 + 1e-12


@pytest.mark.parametrize(("partitions", "seed"), [(4, 5), (3, 9)])
def test_partitions_cuts_and_order_of_arrival_make_no_difference(partitions: int, seed: int) -> None:
    # The same customers, their counts cut up and dealt in another way, empty ticks declared in other ranges.
    items = happened(customers(), seed)
    split = stage(partitions, LOADED)
    decisions = feed(split, interleaved(partials(items, END, seed, partitions, LOADED.hash), seed))
    assert decisions == told()[0]
    assert split.view() == told()[1]
    # To the last bit.
    assert watches(split) == told()[2]


@pytest.mark.parametrize("seed", [1, 2])
def test_crashes_anywhere_change_neither_decisions_nor_a_bit_of_what_is_stored_later(seed: int) -> None:
    random_ = random.Random(seed)
    crashing = stage(1, LOADED)
    stored: dict[str, bytes] = {}
    decisions: list[Decision] = []
    crashes = 0
    for partial in partials(story(), END, 1, 1, LOADED.hash)[0]:
        decisions += feed(crashing, [partial])
        if random_.random() < 0.03:
            stored |= crashing.changes()
            if random_.random() < 0.4:
                crashes += 1
                crashing = SignalStage.restore(LOADED.config, LOADED.hash, stored)
    assert crashes > 5
    assert decisions == told()[0]
    assert crashing.view() == told()[1]
    assert watches(crashing) == told()[2]


def test_looking_at_everything_does_not_disturb_what_is_stored_piece_by_piece() -> None:
    whole, looked = stage(1, LOADED), stage(1, LOADED)
    stored: dict[str, bytes] = {}
    until = START + 700
    made = partials([entry for entry in story() if entry[0] <= until], until, 1, 1, LOADED.hash)[0]
    for at, partial in enumerate(made):
        feed(whole, [partial])
        feed(looked, [partial])
        if at % 40 == 0:
            stored |= looked.changes()
        if at % 70 == 0:
            looked.snapshot()
    stored |= looked.changes()
    again = SignalStage.restore(LOADED.config, LOADED.hash, stored)
    assert watches(again) == watches(whole)


def test_what_changed_goes_on_where_everything_was_stored() -> None:
    whole, looked = stage(1, LOADED), stage(1, LOADED)
    until = START + 400
    made = partials([entry for entry in story() if entry[0] <= until], until, 1, 1, LOADED.hash)[0]
    feed(whole, made)
    feed(looked, made[:-120])
    looked.changes()
    feed(looked, made[-120:-60])
    stored = looked.snapshot()
    feed(looked, made[-60:])
    changes = looked.changes()
    # Its journal begins before that.
    assert "watch/purchase/checkout/journal" in changes
    assert "watch/purchase/checkout/state" not in changes
    again = SignalStage.restore(LOADED.config, LOADED.hash, stored | changes)
    assert watches(again) == watches(whole)


def test_the_end_of_the_input_is_no_outage() -> None:
    until = START + 900
    made = partials([entry for entry in story() if entry[0] <= until], until, 1, 1, LOADED.hash)[0]
    ended, silent = stage(1, LOADED), stage(1, LOADED)
    for one in (ended, silent):
        assert alerts(feed(one, made)) == []
    ended.judge_until(until)
    assert alerts(ended.finish(until + 3600)) == []
    # Else everybody in flight would be missed.
    assert [one.type for one in alerts(silent.finish(until + 290))][:1] == ["touchline.alert.firing"]


def accepted(at: int, until: int) -> list[Decision]:
    """Alerts of a shop that loses 60 % of its phones' completions for good, and somebody accepts that."""
    one, decisions = stage(1, LOADED), list[Decision]()
    for partial in partials(happened(customers(0.6, fixed=END + 10_000), 1, until), until, 1, 1, LOADED.hash)[0]:
        if partial.first_tick <= at <= partial.tick:
            name = decisions[0].data["fingerprint"]
            accept = AlertCommand(at * SECOND, "alert.accepted", name, "anna", 0, "console", "1")
            partial = structs.replace(partial, commands=(accept,))
        decisions += alerts(feed(one, [partial]))
    return decisions


def test_what_is_accepted_is_the_new_normal_and_does_not_alarm_again() -> None:
    decisions = accepted(FAULT + 300, END)
    types = [decision.type for decision in decisions if decision.type != "touchline.alert.updated"]
    assert types == ["touchline.alert.firing", "touchline.alert.rebaselined"]
    over = decisions[-1]
    assert 0 <= over.time - (FAULT + 300) * SECOND <= 10 * SECOND
    (ratio,) = [float(because.removeprefix("ratio=")) for because in over.data["because"] if "ratio=" in because]
    assert ratio == pytest.approx(0.4, abs=0.12)


def test_acceptance_waits_until_enough_is_known() -> None:
    at = FAULT + 60
    decisions = accepted(at, FAULT + 200)
    assert [decisions[0].type, decisions[-1].type] == ["touchline.alert.firing", "touchline.alert.rebaselined"]
    assert decisions[0].time < at * SECOND < decisions[-1].time


def under(text: str) -> Loaded:
    return load_text(text, "next.yml")


def changed_at(cut: int, file: Loaded, until: int = END) -> tuple[SignalStage, list[Decision], list[Decision]]:
    """The story, going on under another file from second `cut` on; decisions before and after."""
    one = stage(1, LOADED)
    before = partials([entry for entry in story() if entry[0] <= cut], cut, 1, 1, LOADED.hash)[0]
    first = alerts(feed(one, before))
    after = partials([entry for entry in story() if cut < entry[0] <= until], until, 1, 1, file.hash)[0]
    one.activate(file.config, file.hash)
    sent = [
        structs.replace(partial, sequence=len(before) + at, first_tick=max(partial.first_tick, cut + 1))
        for at, partial in enumerate(entry for entry in after if entry.tick > cut)
    ]
    return one, first, alerts(feed(one, sent))


ANOTHER_JOURNEY = (
    FILE
    + """  support:
    owner: care
    steps:
      - {name: call, on: call.started}
      - {name: answered, on: call.answered, within: 2m}
"""
)


def test_another_file_keeps_what_its_steps_have_learnt_and_their_alarms() -> None:
    one, first, after = changed_at(FAULT + 120, under(ANOTHER_JOURNEY))
    assert [decision.type for decision in first][:1] == ["touchline.alert.firing"]
    assert after[-1].type == "touchline.alert.resolved"
    assert "no longer watched" not in after[-1].data["because"]
    assert [step for _, step in one.detection.steps.steps] == ["checkout", "call"]
    assert one.detection.steps.steps["purchase", "checkout"].kappa() < 0.05


@pytest.mark.parametrize(
    "text",
    [
        FILE.replace("within: 5m", "within: 4m"),
        FILE.replace("device: [", "screen: ["),
    ],
)
def test_a_step_with_another_time_or_other_dimensions_begins_anew_and_its_alarm_is_over(text: str) -> None:
    one, _, after = changed_at(FAULT + 120, under(text), until=FAULT + 125)
    assert [decision.type for decision in after] == ["touchline.alert.resolved"]
    assert after[0].data["because"] == ["no longer watched"]
    assert one.detection.steps.steps["purchase", "checkout"].state in ("learning", "quiet", "watching")
    assert one.detection.steps.steps["purchase", "checkout"].drop.hazards.seen.sum() < 60


def test_a_step_that_is_watched_no_more_is_silent() -> None:
    one, _, after = changed_at(
        START + 600, under(FILE.replace("    owner: shop\n", "    owner: shop\n    watch: off\n"))
    )
    assert after == []
    assert one.detection.steps.steps == {}


def test_another_timezone_begins_a_new_rhythm_and_keeps_the_rest() -> None:
    kyiv = under(FILE.replace("version: 1\n", "version: 1\ntimezone: Asia/Tokyo\n"))
    one, _, _ = changed_at(START + 600, kyiv, until=START + 700)
    watch = one.detection.steps.steps["purchase", "checkout"]
    assert watch.drop.hazards.seen.sum() > 1000
    again = SignalStage.restore(kyiv.config, kyiv.hash, one.changes())
    assert watches(again) == watches(one)
    assert one.detection.steps.steps["purchase", "checkout"]._hour_of_week(START) == 3 * 24 + 9


@pytest.mark.parametrize(
    ("moment", "zone", "expected"),
    [
        ("2026-01-05T00:00:00Z", "UTC", 0),
        ("2026-01-04T23:59:59Z", "UTC", 167),
        ("2026-01-04T22:00:00Z", "Europe/Kyiv", 0),
        ("2026-01-04T18:14:59Z", "Asia/Kathmandu", 167),
        ("2026-01-04T18:15:00Z", "Asia/Kathmandu", 0),
    ],
)
def test_hours_of_the_week_begin_on_monday_in_the_files_timezone(moment: str, zone: str, expected: int) -> None:
    second = int(datetime.fromisoformat(moment).timestamp())
    assert hours_of_week(zone)(second) == expected


def test_the_hour_that_comes_twice_is_one_hour_and_the_one_that_is_left_out_never_comes() -> None:
    how = hours_of_week("Europe/Kyiv")
    back = int(datetime(2026, 10, 25, 0, 0, tzinfo=UTC).timestamp())
    # 03:30 in summer time, 03:30 in winter time, 04:30.
    assert [how(back + minutes * 60) % 24 for minutes in (30, 90, 150)] == [3, 3, 4]
    forward = int(datetime(2026, 3, 29, 0, 30, tzinfo=UTC).timestamp())
    assert [how(forward + hours * 3600) % 24 for hours in (0, 1)] == [2, 4]


def test_hours_of_the_week_agree_with_the_calendar_all_year() -> None:
    zone = ZoneInfo("America/St_Johns")
    how = hours_of_week("America/St_Johns")
    for second in range(START, START + 366 * 86_400, 86_400 * 5 + 1777):
        local = datetime.fromtimestamp(second, zone)
        assert how(second) == local.weekday() * 24 + local.hour
