"""The life of an alert, told as an owner of the shop would."""

from __future__ import annotations

import pytest

from streams.alerts.book import AlertBook
from streams.config.load import load_text
from streams.effects import Decision
from streams.findings import SeriesKey
from streams.units import SECOND
from streams.view import AlertView
from tests.streams.alerts.shop import FILE, HOUR, MINUTE, START, book, drop, finding, score, silence

MOBILE = drop(dimension="device", value="mobile")
KYIV = drop(dimension="region", value="kyiv")


def kinds(decisions: list[Decision]) -> list[str]:
    return [decision.type.removeprefix("touchline.alert.") for decision in decisions]


def only(views: list[AlertView]) -> AlertView:
    assert len(views) == 1
    return views[0]


# Firing


def test_a_series_that_fires_opens_an_alert() -> None:
    alerts = book()
    (decision,) = alerts.fire(finding(drop()))
    assert decision.type == "touchline.alert.firing"
    assert decision.subject == "purchase/checkout"
    assert decision.time == (START + 1) * SECOND
    assert decision.data["state"] == "firing"
    view = only(alerts.views(START))
    assert (view.state, view.fired, view.fired_at) == ("firing", 1, "2026-03-07T07:00:01.000Z")
    assert view.fingerprint == decision.data["fingerprint"]


def test_its_segments_and_the_whole_are_one_alert() -> None:
    alerts = book()
    opened = alerts.fire(finding(MOBILE, segments=({"device": "mobile"},)))
    assert alerts.fire(finding(drop(), START + 5, segments=({"device": "mobile"},))) == []
    assert alerts.fire(finding(KYIV, START + 6)) == []
    view = only(alerts.views(START))
    assert view.fingerprint == opened[0].data["fingerprint"]


def test_each_direction_has_its_own_alert() -> None:
    alerts = book()
    rise = SeriesKey("conversion", "up", "purchase", "checkout")
    assert kinds(alerts.fire(finding(drop()))) == ["firing"]
    assert kinds(alerts.fire(finding(rise))) == ["firing"]
    assert len(alerts.views(START)) == 2


def test_the_whole_speaks_for_its_segments_once_it_fires() -> None:
    alerts = book()
    alerts.fire(finding(MOBILE, observed=1.0, expected=10.0, segments=({"device": "mobile"},), loss=0.08))
    (told,) = alerts.fire(finding(drop(), START + 60, observed=50.0, expected=120.0, segments=(), loss=0.2))
    assert told.type == "touchline.alert.updated"
    assert (told.data["observed"], told.data["expected"]) == (50, 120)
    assert (told.data["segments"], told.data["severity"]) == ([], "warning")
    assert "changed=segments" in told.data["because"]
    assert "changed=severity" in told.data["because"]


def test_two_segments_without_the_whole_are_their_union() -> None:
    alerts = book()
    alerts.fire(finding(MOBILE, segments=({"device": "mobile"},)))
    alerts.fire(finding(KYIV, START + 1, segments=({"region": "kyiv"}, {"device": "mobile"})))
    assert only(alerts.views(START)).segments == [{"device": "mobile"}, {"region": "kyiv"}]


def test_not_enough_to_tell_is_not_everywhere() -> None:
    alerts = book()
    (decision,) = alerts.fire(finding(drop(), segments=None))
    assert decision.data["segments"] is None
    (decision,) = alerts.fire(finding(drop("cart"), segments=()))
    assert decision.data["segments"] == []


def test_nothing_comes_of_what_the_file_does_not_have() -> None:
    alerts = book()
    assert alerts.fire(finding(drop("gone"))) == []
    assert alerts.views(START) == []


# Updates


def test_nothing_new_is_no_record() -> None:
    alerts = book()
    alerts.fire(finding(drop()))
    for tick in range(START + 1, START + 600):
        assert alerts.update(finding(drop(), tick, since=START - 60, observed=60.0 + tick - START)) == []


def test_the_final_size_replaces_the_early_one_once() -> None:
    alerts = book()
    alerts.fire(finding(drop(), early=True))
    told = [
        decision
        for tick in range(START + 1, START + 300)
        for decision in alerts.update(finding(drop(), tick, since=START - 60, early=tick < START + 20))
    ]
    (decision,) = told
    assert decision.type == "touchline.alert.updated"
    assert decision.time == (START + 61) * SECOND
    assert decision.data["early"] is False
    assert decision.data["because"][-1] == "changed=size"
    assert decision.data["timeline"][-1]["text"] == "50 % less (40 to 60 %)"


def test_a_size_outside_what_was_told_is_told() -> None:
    alerts = book()
    alerts.fire(finding(drop()))
    assert alerts.update(finding(drop(), START + 70, size=0.59, size_low=0.5, size_high=0.7)) == []
    (decision,) = alerts.update(finding(drop(), START + 71, size=0.61, size_low=0.52, size_high=0.71))
    assert decision.data["size"] == 0.61


def test_a_record_waits_for_its_minute_and_says_what_is_known_then() -> None:
    alerts = book()
    alerts.fire(finding(drop(), loss=0.2))
    assert alerts.next_due() is None
    assert alerts.update(finding(drop(), START + 10, loss=0.5)) == []
    assert alerts.next_due() == START + 60
    assert alerts.update(finding(drop(), START + 20, loss=0.5, segments=({"device": "mobile"},))) == []
    assert alerts.close(START + 59) == []
    (decision,) = alerts.close(START + 60)
    assert decision.type == "touchline.alert.updated"
    assert decision.time == (START + 61) * SECOND
    assert (decision.data["severity"], decision.data["segments"]) == ("critical", [{"device": "mobile"}])
    assert alerts.next_due() is None


def test_what_was_news_and_is_so_no_longer_is_not_told() -> None:
    alerts = book()
    alerts.fire(finding(drop(), loss=0.2))
    alerts.update(finding(drop(), START + 10, loss=0.5))
    alerts.update(finding(drop(), START + 20, loss=0.2))
    assert alerts.close(START + 60) == []


def test_an_update_of_a_series_that_does_not_fire_is_nothing() -> None:
    alerts = book()
    assert alerts.update(finding(drop())) == []
    alerts.fire(finding(MOBILE))
    assert alerts.update(finding(drop(), START + 70, segments=({"region": "kyiv"},))) == []
    assert only(alerts.views(START)).segments == []


def test_severity_is_raised_by_the_money_lost() -> None:
    alerts = book()
    (decision,) = alerts.fire(finding(drop(), loss=0.2, value_per_hour=1500.0))
    assert decision.data["severity"] == "critical"


# The end


def test_an_alert_is_over_when_all_its_series_are_well() -> None:
    alerts = book()
    alerts.fire(finding(MOBILE))
    alerts.fire(finding(KYIV, START + 1))
    assert alerts.resolve(MOBILE, START + 100) == []
    assert alerts.firing(KYIV)
    (decision,) = alerts.resolve(KYIV, START + 240)
    assert decision.type == "touchline.alert.resolved"
    assert decision.data["because"] == ["lasted=5m"]
    assert (decision.data["state"], decision.data["resolved_at"]) == ("resolved", "2026-03-07T07:04:01.000Z")
    view = only(alerts.views(START + 240))
    assert (view.state, view.timeline[-1].what) == ("resolved", "resolved")
    assert not alerts.firing(KYIV)


def test_what_does_not_fire_cannot_be_resolved() -> None:
    alerts = book()
    assert alerts.resolve(drop(), START) == []
    alerts.fire(finding(MOBILE))
    assert alerts.resolve(drop(), START + 1) == []
    assert alerts.resolve(MOBILE, START + 2) != []
    assert alerts.resolve(MOBILE, START + 3) == []


def test_a_new_normal_is_never_silent() -> None:
    alerts = book()
    alerts.fire(finding(drop()))
    (decision,) = alerts.rebaseline(drop(), START + 86_400, 0.6200000001)
    assert decision.type == "touchline.alert.rebaselined"
    assert decision.data["because"] == ["ratio=0.62"]
    assert decision.data["timeline"][-1] == {
        "time": "2026-03-08T07:00:01.000Z",
        "what": "rebaselined",
        "text": "new normal: 0.62 × before",
    }
    assert only(alerts.views(START + 86_400)).state == "resolved"
    assert alerts.rebaseline(drop(), START + 86_401, 0.5) == []


def test_a_new_normal_of_a_segment_leaves_the_others_firing() -> None:
    alerts = book()
    alerts.fire(finding(MOBILE))
    alerts.fire(finding(KYIV))
    assert alerts.rebaseline(MOBILE, START + 100, 0.5) == []
    view = only(alerts.views(START + 100))
    assert (view.state, view.timeline[-1].text) == ("firing", "device=mobile: new normal: 0.5 × before")
    assert kinds(alerts.rebaseline(KYIV, START + 200, 0.5)) == ["rebaselined"]


def test_the_new_normal_of_the_whole_ends_it_for_the_segments_too() -> None:
    alerts = book()
    alerts.fire(finding(MOBILE))
    alerts.fire(finding(KYIV))
    assert kinds(alerts.rebaseline(drop(), START + 100, 0.5)) == ["rebaselined"]
    assert not alerts.firing(MOBILE)


def test_what_is_over_is_kept_for_a_week_and_bounded() -> None:
    alerts = book()
    alerts.fire(finding(drop()))
    alerts.resolve(drop(), START + 10)
    week = 7 * 86_400
    assert len(alerts.views(START + 10 + week)) == 1
    assert alerts.views(START + 11 + week) == []
    for number in range(600):
        series = silence(f"s-{number}")
        alerts.fire(finding(series, START + 20 + number))
        alerts.resolve(series, START + 20 + number)
    assert len(alerts.views(START + 620)) == 500
    assert alerts.views(START + 620)[0].source == "s-599"


# Again


def test_firing_again_within_an_hour_is_the_same_alert_and_incident() -> None:
    alerts = book()
    (first,) = alerts.fire(finding(MOBILE))
    alerts.resolve(MOBILE, START + 100)
    (again,) = alerts.fire(finding(drop(), START + 100 + HOUR))
    assert again.type == "touchline.alert.firing"
    for name in ("fingerprint", "incident"):
        assert again.data[name] == first.data[name]
    assert (again.data["fired"], again.data["state"], again.data["because"][-1]) == (2, "firing", "fired=2")
    assert again.data["resolved_at"] is None
    view = only(alerts.views(START + 100 + HOUR))
    assert [line.what for line in view.timeline] == ["firing", "resolved", "since", "firing"]


def test_firing_again_later_is_another_incident() -> None:
    alerts = book()
    (first,) = alerts.fire(finding(drop()))
    alerts.resolve(drop(), START + 100)
    (again,) = alerts.fire(finding(drop(), START + 101 + HOUR))
    assert again.data["fingerprint"] == first.data["fingerprint"]
    assert again.data["incident"] != first.data["incident"]
    assert again.data["fired"] == 1
    assert len(alerts.views(START + 101 + HOUR)) == 2


def test_firing_after_a_new_normal_is_another_incident() -> None:
    alerts = book()
    (first,) = alerts.fire(finding(drop()))
    alerts.rebaseline(drop(), START + 100, 0.5)
    (again,) = alerts.fire(finding(drop(), START + 200))
    assert again.data["incident"] != first.data["incident"]


@pytest.mark.parametrize(("third", "state"), [(6 * HOUR - 1, "flapping"), (6 * HOUR, "firing")])
def test_three_firings_within_six_hours_are_flapping(third: int, state: str) -> None:
    alerts = book()
    told = []
    for tick in (START, START + 3 * HOUR, START + third):
        told += alerts.fire(finding(drop(), tick))
        alerts.resolve(drop(), tick + 60)
    assert [decision.data["state"] for decision in told] == ["firing", "firing", state]


def test_a_flapping_alert_stays_so_until_it_is_over() -> None:
    alerts = book()
    for number in range(5):
        tick = START + number * 10 * MINUTE
        (decision,) = alerts.fire(finding(drop(), tick))
        assert decision.data["fired"] == number + 1
        assert only(alerts.views(tick)).state == ("flapping" if number >= 2 else "firing")
        (resolved,) = alerts.resolve(drop(), tick + 60)
        assert resolved.data["state"] == "resolved"


# What people say


def fired(alerts: AlertBook) -> str:
    """Fingerprint of an alert of the checkout."""
    (decision,) = alerts.fire(finding(drop()))
    name = decision.data["fingerprint"]
    assert isinstance(name, str)
    return name


NOW = (START + 30) * SECOND


def test_acknowledging_changes_what_is_shown_and_nothing_else() -> None:
    alerts = book()
    name = fired(alerts)
    assert alerts.command("alert.acknowledged", NOW, name, "olena", None) is None
    view = only(alerts.views(START))
    assert (view.state, view.acknowledged_by) == ("firing", "olena")
    assert (view.timeline[-1].what, view.timeline[-1].text) == ("acknowledged", "by olena")
    assert alerts.close(START + 600) == []
    (resolved,) = alerts.resolve(drop(), START + 700)
    assert resolved.data["acknowledged_by"] == "olena"


def test_what_people_say_is_told_at_the_end_of_the_second_and_once() -> None:
    alerts = book()
    name = fired(alerts)
    alerts.command("alert.acknowledged", NOW, name, "olena", None, "console/a-1")
    alerts.command("alert.snoozed", NOW, name, "olena", 2 * HOUR * SECOND, "console/a-2")
    (updated,) = alerts.answers(START + 30)
    assert (updated.type, updated.data["fingerprint"]) == ("touchline.alert.updated", name)
    assert (updated.data["acknowledged_by"], updated.data["snoozed_until"]) == ("olena", "2026-03-07T09:00:30.000Z")
    assert updated.data["because"] == [
        "console/a-1",
        "acknowledged_by=olena",
        "console/a-2",
        "snoozed_until=2026-03-07T09:00:30.000Z",
    ]
    assert alerts.answers(START + 31) == []
    alerts.command("alert.acknowledged", NOW, name, "olena", None, "console/a-3")
    assert alerts.answers(START + 32) == [], "that is known"
    alerts.command("alert.snoozed", NOW, name, "olena", 0, "console/a-4")
    (updated,) = alerts.answers(START + 33)
    assert (updated.data["because"], updated.data["snoozed_until"]) == (["console/a-4", "snoozed=ended"], None)


def test_of_an_alert_that_is_over_nothing_more_is_told() -> None:
    alerts = book()
    name = fired(alerts)
    alerts.command("alert.acknowledged", NOW, name, "olena", None)
    (resolved,) = alerts.resolve(drop(), START + 30)
    assert resolved.data["acknowledged_by"] == "olena"
    assert alerts.answers(START + 30) == []
    alerts.command("alert.acknowledged", NOW, name, "ben", None)
    assert alerts.answers(START + 31) == []


def test_an_alert_that_fires_again_wants_to_be_seen_again() -> None:
    alerts = book()
    name = fired(alerts)
    alerts.command("alert.acknowledged", NOW, name, "olena", None)
    alerts.resolve(drop(), START + 100)
    alerts.fire(finding(drop(), START + 200))
    assert only(alerts.views(START)).acknowledged_by is None


def test_snoozing_lasts_for_as_long_as_it_says_and_can_be_ended() -> None:
    alerts = book()
    name = fired(alerts)
    alerts.command("alert.snoozed", NOW, name, "olena", 2 * HOUR * SECOND)
    view = only(alerts.views(START))
    assert view.snoozed_until == "2026-03-07T09:00:30.000Z"
    assert view.timeline[-1].text == "by olena for 2h"
    alerts.command("alert.snoozed", NOW, name, None, 0)
    view = only(alerts.views(START))
    assert (view.snoozed_until, view.timeline[-1].text) == (None, "ended by somebody")


def test_accepting_a_new_normal_names_the_series_that_opened_the_alert() -> None:
    alerts = book()
    (decision,) = alerts.fire(finding(MOBILE))
    alerts.fire(finding(drop(), START + 1))
    assert alerts.command("alert.accepted", NOW, decision.data["fingerprint"], "olena", None) == MOBILE
    assert only(alerts.views(START)).timeline[-1].what == "accepted"


def test_commands_that_make_no_sense_are_ignored_and_counted() -> None:
    alerts = book()
    name = fired(alerts)
    assert alerts.command("alert.acknowledged", NOW, "x" * 26, "olena", None) is None
    assert alerts.command("alert.snoozed", NOW, name, "olena", None) is None
    assert alerts.command("alert.snoozed", NOW, name, "olena", -1) is None
    assert alerts.command("alert.shouted", NOW, name, "olena", None) is None
    assert alerts.ignored == 4
    alerts.resolve(drop(), START + 60)
    assert alerts.command("alert.accepted", NOW, name, "olena", None) is None
    assert alerts.command("alert.snoozed", NOW, name, "olena", 1) is None
    assert alerts.ignored == 6
    alerts.command("alert.acknowledged", NOW, name, "olena", None)
    assert (alerts.ignored, only(alerts.views(START)).acknowledged_by) == (6, "olena")


# What was deployed


def test_a_deployment_shortly_before_is_named() -> None:
    alerts = book()
    alerts.change((START - 90) * SECOND, "ci", "d-1", {"service": "shop"})
    (decision,) = alerts.fire(finding(drop()))
    assert decision.data["changes"] == [
        {"time": "2026-03-07T06:58:30.000Z", "event": "ci/d-1", "data": {"service": "shop"}}
    ]


def test_a_deployment_told_late_is_told_of_the_alert() -> None:
    alerts = book()
    alerts.fire(finding(drop()))
    alerts.change((START - 90) * SECOND, "ci", "d-1", {})
    alerts.change((START + 600) * SECOND, "ci", "d-2", {})
    (decision,) = alerts.close(START + 60)
    assert decision.data["because"][-1] == "changed=changes"
    assert [change["event"] for change in decision.data["changes"]] == ["ci/d-1"]


# Another file


def test_an_alert_of_a_step_that_leaves_the_file_is_over() -> None:
    alerts = book()
    alerts.fire(finding(drop("form", "signup")))
    alerts.fire(finding(drop()))
    config = load_text(FILE.replace("signup:", "joining:"), "shop.yml").config
    (decision,) = alerts.activate(config, START + 100)
    assert (decision.type, decision.subject) == ("touchline.alert.resolved", "signup/form")
    assert decision.data["because"] == ["file=changed"]
    assert [view.journey for view in alerts.views(START + 100)] == ["purchase"]


# What is shown


def test_pending_series_stand_between_the_open_and_the_ended() -> None:
    alerts = book()
    alerts.fire(finding(drop()))
    alerts.fire(finding(score()))
    alerts.resolve(score(), START + 1)
    pending = [finding(drop("cart"), evidence=0.4), finding(MOBILE, evidence=0.2), finding(drop("gone"))]
    views = alerts.views(START + 1, pending)
    assert [(view.state, view.step) for view in views] == [
        ("firing", "checkout"),
        ("pending", "cart"),
        ("resolved", "paid"),
    ]
    assert (views[1].fired_at, views[1].fired, views[1].evidence) == (None, 0, 0.4)


def test_how_often_each_place_fired_is_counted_for_ever() -> None:
    alerts = book()
    for tick in (START, START + 200):
        alerts.fire(finding(drop(), tick))
        alerts.resolve(drop(), tick + 100)
    for source in ("payments", "shop"):
        alerts.fire(finding(silence(source), START + 400))
    counts = [(one.journey, one.step, one.signal, one.direction, one.count) for one in alerts.fired()]
    assert counts == [("", "", "silence", "down", 2), ("purchase", "checkout", "conversion", "down", 2)]


def test_a_customer_who_is_forgotten_is_no_example_of_any_alert() -> None:
    alerts = book()
    alerts.fire(finding(drop(), examples=("anna", "ben")))
    alerts.fire(finding(drop("cart"), examples=("anna",)))
    alerts.resolve(drop("cart"), START + HOUR)
    alerts.forget({"anna"})
    again = book()
    again.load(alerts.dump())
    assert alerts.dirty
    for views in (alerts.views(START + HOUR), again.views(START + HOUR)):
        assert [view.examples for view in views] == [["ben"], []]
