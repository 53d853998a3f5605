"""Which alerts are one incident, and which of them is its root."""

from __future__ import annotations

from typing import Any

from streams.alerts.book import AlertBook
from streams.findings import SeriesKey
from tests.streams.alerts.shop import START, book, drop, finding, score, silence

FORM, ASKED, SENT = drop("form", "signup"), drop("asked", "returns"), drop("sent", "delivery")


def fire(alerts: AlertBook, series: SeriesKey, tick: int = START, **known: Any) -> str:
    """Incident of the alert that fires."""
    return str(alerts.fire(finding(series, tick, **known))[0].data["incident"])


def learn(alerts: AlertBook) -> None:
    """Half a minute in which payments are heard whenever somebody pays."""
    for tick in range(START - 100, START - 60):
        alerts.hear(tick, {"payments", "web"} if tick % 2 else {"payments"}, {("purchase", "checkout")})


def incidents(alerts: AlertBook) -> dict[str, str]:
    """Place -> incident, of the open ones as shown."""
    return {view.step or view.source or view.signal: view.incident for view in alerts.views(START)}


def roots(alerts: AlertBook) -> set[str]:
    """Places that are the root of an incident."""
    return {view.step or view.source or view.signal for view in alerts.views(START) if view.root == view.fingerprint}


def test_alarms_that_have_nothing_to_do_with_each_other_are_two_incidents() -> None:
    alerts = book()
    assert fire(alerts, drop()) != fire(alerts, FORM, START + 10)
    assert roots(alerts) == {"checkout", "form"}


def test_alarms_of_three_journeys_within_five_minutes_are_one_incident() -> None:
    alerts = book()
    first = fire(alerts, drop())
    second = fire(alerts, FORM, START + 100)
    fired, told = alerts.fire(finding(ASKED, START + 300))
    assert fired.data["incident"] == first != second
    assert set(incidents(alerts).values()) == {first}
    assert roots(alerts) == {"checkout"}
    assert (told.subject, told.data["incident"], told.data["because"][-1]) == ("signup/form", first, "changed=incident")


def test_three_journeys_in_six_minutes_are_three_incidents() -> None:
    alerts = book()
    fire(alerts, drop())
    fire(alerts, FORM, START + 100)
    fire(alerts, ASKED, START + 301)
    assert len(set(incidents(alerts).values())) == 3


def test_a_shock_counts_alarms_that_are_over_already() -> None:
    alerts = book()
    first = fire(alerts, drop())
    alerts.resolve(drop(), START + 50)
    fire(alerts, FORM, START + 100)
    assert fire(alerts, ASKED, START + 200) == first


def test_a_shock_goes_on_while_three_journeys_alarm_within_any_five_minutes() -> None:
    alerts = book()
    first = fire(alerts, drop())
    fire(alerts, FORM, START + 200)
    fire(alerts, ASKED, START + 250)
    assert fire(alerts, SENT, START + 450) == first


def test_alarms_of_one_journey_make_no_shock_and_signals_elsewhere_are_not_drawn_in() -> None:
    alerts = book()
    fire(alerts, score("calls", "up"))
    fire(alerts, drop())
    fire(alerts, FORM)
    fire(alerts, ASKED)
    found = incidents(alerts)
    assert found["calls"] != found["checkout"] == found["form"] == found["asked"]


def test_a_later_step_that_falls_while_an_earlier_one_is_down_belongs_to_it() -> None:
    alerts = book()
    first = fire(alerts, drop("cart"))
    assert fire(alerts, drop(), START + 900) == first
    assert roots(alerts) == {"cart"}


def test_a_later_step_that_fell_before_is_an_incident_of_its_own() -> None:
    alerts = book()
    first = fire(alerts, drop("cart"), since_low=START - 100)
    early = {"since": START - 4000, "since_low": START - 5000, "since_high": START - 3000}
    assert fire(alerts, drop(), START + 10, **early) != first


def test_an_earlier_step_found_later_becomes_the_root_and_the_incident_keeps_its_id() -> None:
    alerts = book()
    first = fire(alerts, drop())
    fired, told = alerts.fire(finding(drop("cart"), START + 100, since=START - 80, since_low=START - 90))
    assert fired.data["incident"] == first
    assert (told.type, told.subject) == ("touchline.alert.updated", "purchase/checkout")
    assert told.data["root"] == fired.data["fingerprint"]
    assert roots(alerts) == {"cart"}
    assert [view.step for view in alerts.views(START)] == ["cart", "checkout"]


def test_a_later_step_that_falls_after_the_earlier_is_well_is_another_incident() -> None:
    alerts = book()
    first = fire(alerts, drop("cart"))
    alerts.resolve(drop("cart"), START + 100)
    assert fire(alerts, drop(), START + 200) != first


def test_conversions_whose_completing_source_is_silent_are_grouped_under_it() -> None:
    alerts = book()
    learn(alerts)
    first = fire(alerts, silence("payments"))
    assert fire(alerts, drop(), START + 20) == first
    assert fire(alerts, drop("form", "signup"), START + 20) != first
    assert "payments" in roots(alerts)
    assert "checkout" not in roots(alerts)


def test_a_source_found_silent_later_becomes_the_root() -> None:
    alerts = book()
    learn(alerts)
    first = fire(alerts, drop())
    assert fire(alerts, silence("payments"), START + 20) == first
    assert roots(alerts) == {"payments"}
    assert [view.source for view in alerts.views(START)] == ["payments", None]


def test_a_conversion_that_fell_long_before_the_silence_is_not_its_doing() -> None:
    alerts = book()
    learn(alerts)
    first = fire(alerts, drop(), since=START - 4000, since_low=START - 5000, since_high=START - 3000)
    assert fire(alerts, silence("payments"), START + 20) != first


def test_an_alert_that_fires_again_brings_its_incident_back() -> None:
    alerts = book()
    first = fire(alerts, drop("cart"))
    fire(alerts, drop(), START + 10)
    for series in (drop("cart"), drop()):
        alerts.resolve(series, START + 100)
    assert fire(alerts, drop(), START + 200) == first


def test_the_latest_incident_is_shown_first_and_in_it_the_root() -> None:
    alerts = book()
    fire(alerts, drop("cart"))
    fire(alerts, FORM, START + 1000)
    fire(alerts, drop(), START + 2000)
    assert [view.step for view in alerts.views(START)] == ["cart", "checkout", "form"]


def test_an_incident_is_named_after_the_first_that_fired_and_when() -> None:
    alerts = book()
    decision = alerts.fire(finding(drop()))[0]
    assert decision.data["incident"] == f"{decision.data['fingerprint']}-{START}"
