"""How bad an alert is."""

from __future__ import annotations

import pytest

from streams.alerts.severity import Severity, judge
from streams.findings import SeriesKey
from tests.streams.alerts.shop import drop, finding, score, silence

CRITICAL, WARNING, INFO = Severity(2), Severity(1), Severity(0)


@pytest.mark.parametrize(
    ("loss", "level"),
    [
        (1.0, "critical"),
        (0.30, "critical"),
        (0.299, "warning"),
        (0.10, "warning"),
        (0.099, "info"),
        (0.0, "info"),
        (-0.2, "info"),
    ],
)
def test_the_loss_over_the_whole_step_decides(loss: float, level: str) -> None:
    assert judge([finding(drop(), loss=loss)], None, None).level == level


def test_without_a_loss_the_whole_goes_by_what_came_and_a_segment_is_a_warning() -> None:
    assert judge([finding(drop(), loss=None, observed=60.0, expected=120.0)], None, None).level == "critical"
    assert judge([finding(drop(), loss=None, observed=100.0, expected=120.0)], None, None).level == "warning"
    assert judge([finding(drop(), loss=None, observed=0.0, expected=0.0)], None, None).level == "warning"
    mobile = drop(dimension="device", value="mobile")
    assert judge([finding(mobile, loss=None, observed=0.0)], None, None).level == "warning"


def test_a_rise_loses_nothing() -> None:
    rise = SeriesKey("conversion", "up", "purchase", "checkout")
    assert judge([finding(rise, loss=None)], None, None).level == "info"


@pytest.mark.parametrize(
    ("configured", "level"), [(None, "warning"), ("info", "info"), ("warning", "warning"), ("critical", "critical")]
)
def test_a_signal_is_as_bad_as_the_file_says(configured: str | None, level: str) -> None:
    assert judge([finding(score(), loss=0.9)], configured, None).level == level


def test_a_silent_source_is_critical() -> None:
    assert judge([finding(silence(), loss=None)], None, None).level == "critical"


@pytest.mark.parametrize(
    ("loss", "value", "level"),
    [
        (0.05, 1001.0, "warning"),
        (0.05, 1000.0, "info"),
        (0.05, None, "info"),
        (0.2, 1001.0, "critical"),
        (0.5, 1001.0, "critical"),
    ],
)
def test_much_money_lost_is_one_level_up(loss: float, value: float | None, level: str) -> None:
    assert judge([finding(drop(), loss=loss, value_per_hour=value)], None, 1000.0).level == level
    assert (
        judge([finding(drop(), loss=loss, value_per_hour=value)], None, None).level
        == judge([finding(drop(), loss=loss)], None, None).level
    )


def test_the_worst_of_several_series_counts() -> None:
    mobile, kyiv = drop(dimension="device", value="mobile"), drop(dimension="region", value="kyiv")
    assert judge([finding(mobile, loss=0.05), finding(kyiv, loss=0.31)], None, None).level == "critical"


@pytest.mark.parametrize(
    ("before", "loss", "level"),
    [
        (CRITICAL, 0.25, "critical"),
        (CRITICAL, 0.239, "warning"),
        (WARNING, 0.25, "warning"),
        (WARNING, 0.30, "critical"),
        (WARNING, 0.085, "warning"),
        (WARNING, 0.079, "info"),
        (INFO, 0.085, "info"),
        (CRITICAL, 0.085, "warning"),
    ],
)
def test_a_level_does_not_waver_around_its_threshold(before: Severity, loss: float, level: str) -> None:
    assert judge([finding(drop(), loss=loss)], None, None, before).level == level


def test_the_level_for_money_does_not_waver_either() -> None:
    raised = judge([finding(drop(), loss=0.2, value_per_hour=1100.0)], None, 1000.0)
    assert raised == Severity(1, True)
    assert judge([finding(drop(), loss=0.2, value_per_hour=900.0)], None, 1000.0, raised).level == "critical"
    assert judge([finding(drop(), loss=0.2, value_per_hour=799.0)], None, 1000.0, raised).level == "warning"
