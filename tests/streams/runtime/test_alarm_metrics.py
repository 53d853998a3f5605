"""Alerts and the budget of false alarms, as Prometheus sees them."""

from __future__ import annotations

import msgspec

from streams.view import FiredCount
from tests.streams.runtime import alarm_views
from tests.streams.runtime.memory_service import MemoryService
from tests.streams.runtime.test_metrics import metrics_of, scrape, value

CHECKOUT = {"journey": "purchase", "step": "checkout", "signal": "conversion", "source": "", "direction": "down"}
SILENCE = {"journey": "", "step": "", "signal": "silence", "direction": "down"}


def alarmed() -> MemoryService:
    """One alert fires, one is pending, one is over."""
    service = MemoryService()
    service.alarm_view = msgspec.structs.replace(
        alarm_views.alarms(
            alarm_views.alert(),
            alarm_views.pending(),
            alarm_views.resolved(),
            series=[
                alarm_views.watched(),
                alarm_views.watched(dimension="device", value="mobile", level=0.4, state="firing"),
                alarm_views.watched(kind="signal", journey=None, step=None, signal="csat", state="learning"),
            ],
        ),
        fired=[FiredCount("purchase", "checkout", "conversion", "down", 3)],
        ignored=2,
    )
    return service


def test_an_alert_that_fires_is_one_and_one_that_is_over_is_zero() -> None:
    series = scrape(metrics_of(alarmed()))
    assert value(series, "touchline_alert_firing", **CHECKOUT, severity="critical") == 1
    assert value(series, "touchline_alert_firing", **SILENCE, source="delivery", severity="warning") == 0
    assert len([name for name, _ in series if name == "touchline_alert_firing"]) == 2


def test_a_flapping_alert_fires_and_beats_its_own_past() -> None:
    service = alarmed()
    service.alarm_view = alarm_views.alarms(
        alarm_views.alert(state="resolved"), alarm_views.alert(state="flapping"), alarm_views.alert(state="resolved")
    )
    series = scrape(metrics_of(service))
    assert value(series, "touchline_alert_firing", **CHECKOUT, severity="critical") == 1
    assert value(series, "touchline_alerts_active", severity="critical") == 1


def test_active_alerts_are_counted_by_severity_and_none_is_zero() -> None:
    series = scrape(metrics_of(alarmed()))
    counts = [value(series, "touchline_alerts_active", severity=level) for level in ("critical", "warning", "info")]
    assert counts == [1, 0, 0]


def test_the_budget_and_what_was_handed_out_of_it() -> None:
    series = scrape(metrics_of(alarmed()))
    assert value(series, "touchline_alarm_budget_per_week") == 1
    assert value(series, "touchline_alarm_credit_total") == 0.0312
    assert value(series, "touchline_alert_commands_ignored_total") == 2
    at = {"journey": "purchase", "step": "checkout", "signal": "conversion", "direction": "down"}
    assert value(series, "touchline_alerts_fired_total", **at) == 3


def test_evidence_is_shown_of_whole_steps_only() -> None:
    series = scrape(metrics_of(alarmed()))
    shown = [labels for name, labels in series if name == "touchline_journey_step_evidence"]
    assert len(shown) == 1
    at = {"journey": "purchase", "step": "checkout", "direction": "down"}
    assert value(series, "touchline_journey_step_evidence", **at) == 0.02


def test_series_under_watch_are_counted_by_state() -> None:
    series = scrape(metrics_of(alarmed()))
    states = ("watching", "firing", "learning", "quiet", "pending")
    assert [value(series, "touchline_watched_series", state=state) for state in states] == [1, 1, 1, 0, 0]


def test_without_detection_there_is_nothing_about_alarms() -> None:
    series = scrape(metrics_of(MemoryService()))
    assert not [name for name, _ in series if "alarm" in name or "alert" in name or "watched" in name]


def test_a_source_that_may_be_somebodys_id_is_other() -> None:
    service = alarmed()
    service.alarm_view = alarm_views.alarms(
        alarm_views.resolved(source="jane@example.org"),
        alarm_views.resolved(source="+380501234567", state="firing", resolved_at=None),
    )
    series = scrape(metrics_of(service))
    assert value(series, "touchline_alert_firing", **SILENCE, source="other", severity="warning") == 1
    assert "jane" not in str(series)
