"""The live terminal: what a newcomer reads in the first minute, at any size of the window."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from rich.console import Console

from streams.estimates import Estimate
from streams.runtime.service import ActiveConfig, Door, Health, LogEnds
from streams.runtime.simulation import IncidentState
from streams.runtime.terminal import Frame, bar, draw, line, sentence, shown
from streams.view import StepWindow
from tests.streams.runtime import alarm_views, views

BREACH: dict[str, Any] = {
    "type": "touchline.signal.breached",
    "time": "2026-03-07T07:00:00.000Z",
    "subject": "purchase/checkout",
    "data": {
        "rule": "checkout", "because": [], "signal": "conversion", "segment": {}, "quantity": "conversion",
        "target": 0.7, "value": 0.512, "low": 0.48, "high": 0.541, "n": 1204,
    },
}  # fmt: skip
KNOWN = Estimate(1204, 0.75, 0.5, 0.875)


def frame(**changes: Any) -> Frame:
    """A shop of one journey and one signal, all well unless told otherwise."""
    windows = {"5m": StepWindow(1204, 903, 4, 1, KNOWN, KNOWN)}
    journey = views.journey()
    steps = [msgspec.structs.replace(step, windows=windows, state=changes.get("state", "ok")) for step in journey.steps]
    signal = msgspec.structs.replace(views.signal(state=changes.get("state", "ok")), windows={"5m": KNOWN})
    health = Health(
        "ok", 5.0, "2026-03-07T07:00:00.000Z", 2.14, 51.6, Door(read=84_487, duplicate=510, late=182),
        ActiveConfig("0123456789abcdef", "shop.yml"), LogEnds(84_487, 0), 3, changes.get("letters", 0),
    )  # fmt: skip
    incident = IncidentState(False, "", next="2026-03-07T07:10:00.000Z")
    return Frame(
        [msgspec.structs.replace(journey, steps=steps)], [signal], health, changes.get("decisions", []),
        changes.get("incident", incident), "http://127.0.0.1:8427/", changes.get("keys", False),
        changes.get("alarms"),
    )  # fmt: skip


def read(picture: Frame, width: int = 120, height: int = 40) -> str:
    """What stands in the terminal."""
    console = Console(width=width, height=height, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(draw(picture, width, height))
    return capture.get()


def test_each_step_shows_its_conversion_with_interval_n_and_customers_in_flight() -> None:
    row = next(row for row in read(frame()).splitlines() if "cart → paid" in row)
    assert row.split()[-3:] == ["75.0%", "50.0–87.5%", "6"]
    assert "1,204" in row
    assert "●" in row


def test_the_title_tells_address_rate_lag_and_counts() -> None:
    picture = read(frame(letters=3))
    for part in ("http://127.0.0.1:8427/", "52 events/s", "lag 2.1 s", "read 84,487", "late 182", "dead letters 3"):
        assert part in picture


def test_a_breach_is_marked_by_a_sign_not_by_colour_alone() -> None:
    picture = read(frame(state="breached", decisions=[BREACH]))
    assert "cart → paid ▲" in picture
    assert "csat 75.0% ▲" in picture
    assert "▲ signal breached: purchase/checkout conversion 51.2% (48.0%–54.1%, n 1,204), expected 70.0%" in picture


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (200, 60)])
def test_it_fits_the_window(width: int, height: int) -> None:
    running = IncidentState(True, "80% of mobile payments fail", until="2026-03-07T07:03:00.000Z")
    picture = read(frame(state="breached", decisions=[BREACH] * 20, incident=running, keys=True), width, height)
    rows = picture.splitlines()
    assert len(rows) <= height
    assert max(len(row) for row in rows) <= width
    assert "50.0–87.5%" in picture
    assert "80% of mobile payments fail" in picture


def test_keys_are_only_offered_where_they_are_read() -> None:
    assert "i: plant one now" in read(frame(keys=True))
    assert "i: plant" not in read(frame())


def test_the_bar_draws_the_interval_around_the_value() -> None:
    assert bar(KNOWN, 8).plain == "────━━●━"
    assert bar(Estimate(12), 8).plain == "────────"
    assert bar(Estimate(400, 1.0, 0.99, 1.0), 8).plain == "───────●"


def test_a_value_below_its_smallest_n_is_absent_not_zero() -> None:
    assert shown(views.signal(), Estimate(12)) == "collecting 12/30"


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [("ratio", 0.5, "50.0%"), ("points", 42.4, "+42"), ("per_minute", 12.25, "12.2/min"), ("seconds", 90.0, "90.0 s"),
     ("", 1234.5, "1,234")],
)  # fmt: skip
def test_values_are_shown_in_their_unit(unit: str, value: float, text: str) -> None:
    signal = msgspec.structs.replace(views.signal(), unit=unit)
    assert shown(signal, Estimate(40, value, value, value)) == text


def test_a_decision_about_a_customer_is_told_by_its_reason() -> None:
    withheld = {"type": "touchline.feedback.withheld", "subject": "c-1", "data": {"rule": "nps", "reason": "open_case"}}
    assert sentence(withheld) == "feedback withheld: c-1 open_case"


def test_the_plain_line_says_what_is_wrong() -> None:
    calm, broken = line(frame()), line(frame(state="breached", decisions=[BREACH]))
    assert "52 events/s · lag 2.1 s · read 84,487 · 0 decisions" in calm
    assert "BREACHED purchase/cart 75.0% (n 1,204)" in broken
    assert "BREACHED csat 75.0%" in broken
    assert "\n" not in broken


def test_an_alert_tells_what_since_when_who_and_how_much() -> None:
    picture = read(frame(alarms=alarm_views.alarms(alarm_views.alert())), width=140)
    rows = [row.strip() for row in picture.splitlines()]
    at = next(n for n, row in enumerate(rows) if row.startswith("▲ critical"))
    assert "purchase: fewer than expected go from checkout to paid · since" in rows[at]
    assert rows[at + 1] == "62 % fewer (51 to 70 %), early · 31 seen, 82.4 expected · device=mobile"
    assert rows[at + 2] == "change: payments-mobile 2.41.0 · checkout-team"
    assert "budget 1 per week · expected false alarms handed out so far 0.03 · 1 series watched" in picture


def test_a_pending_alert_says_that_it_may_be_chance() -> None:
    picture = read(frame(alarms=alarm_views.alarms(alarm_views.pending())), width=140)
    assert "△ pending  handle time is higher than expected, perhaps: evidence 0.31 of 1" in picture
    assert "critical" not in picture


def test_of_many_alerts_the_first_are_shown_and_the_others_counted() -> None:
    alerts = [alarm_views.alert(fingerprint=f"f-{n}") for n in range(8)]
    picture = read(frame(alarms=alarm_views.alarms(*alerts)))
    assert picture.count("▲ critical") == 3
    assert "and 5 more" in picture


def test_without_detection_nothing_is_said_of_alarms_and_with_it_that_nothing_fires() -> None:
    assert "alarms" not in read(frame())
    picture = read(frame(alarms=alarm_views.alarms(alarm_views.resolved())))
    assert "✓ nothing fires" in picture
    assert "delivery" not in picture


def test_a_step_whose_conversion_fires_is_marked() -> None:
    alert = alarm_views.alert(step="cart", next_step="paid")
    assert "cart → paid ▲" in read(frame(alarms=alarm_views.alarms(alert)))
    assert "cart → paid ▲" not in read(
        frame(alarms=alarm_views.alarms(alarm_views.pending(journey="purchase", step="cart")))
    )


def test_the_plain_line_names_what_fires() -> None:
    said = line(frame(alarms=alarm_views.alarms(alarm_views.alert(), alarm_views.pending())))
    assert "ALARM purchase/checkout → paid 62 % fewer (51 to 70 %), early" in said
    assert said.count("ALARM") == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "alert firing: purchase/checkout → paid · 62 % fewer (51 to 70 %), early · device=mobile"),
        ({"segments": []}, "alert firing: purchase/checkout → paid · 62 % fewer (51 to 70 %), early · everywhere"),
        ({"segments": None, "size": None},
         "alert firing: purchase/checkout → paid · 31 seen, 82.4 expected · not enough data to tell"),
        ({"signal": "arrivals", "direction": "up", "early": False},
         "alert firing: purchase/checkout arrivals up · 62 % more (51 to 70 %) · device=mobile"),
        ({"signal": "silence", "source": "delivery", "segments": []},
         "alert firing: delivery silent · 62 % missing (51 to 70 %), early · everywhere"),
        ({"signal": "csat"}, "alert firing: csat down · 62 % lower (51 to 70 %), early · device=mobile"),
    ],
)  # fmt: skip
def test_a_record_of_an_alert_is_told_in_words(changes: dict[str, Any], words: str) -> None:
    data = msgspec.to_builtins(alarm_views.alert(**changes))
    assert sentence({"type": "touchline.alert.firing", "subject": "purchase/checkout", "data": data}) == words


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30)])
def test_with_alarms_it_fits_the_window_too(width: int, height: int) -> None:
    alerts = [alarm_views.alert(), alarm_views.alert(fingerprint="f-2"), alarm_views.pending(), alarm_views.pending()]
    picture = read(frame(alarms=alarm_views.alarms(*alerts), decisions=[BREACH] * 20), width, height)
    rows = picture.splitlines()
    assert len(rows) <= height
    assert max(len(row) for row in rows) <= width
