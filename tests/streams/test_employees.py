"""Nothing about single employees: not of few customers, not without the role, not in metrics or alerts."""

from __future__ import annotations

import msgspec
import pytest

from streams.config.load import load_text
from streams.effects import Entered
from streams.errors import ConfigError
from streams.runtime.access import Role
from streams.runtime.redaction import journeys_for, signals_for
from streams.runtime.view_metrics import view_families
from streams.view import SegmentView, SignalSegmentView, StepTotals
from tests.streams.stages.test_signal import FILE, Shell, measured

STAFF = FILE.replace("[device]", "[{agent: [olena, petro]}, {device: [mobile]}]")
LOG = "access: {minimum_group: 3}\n"


def shell(access: str = "") -> Shell:
    """Six customers were with Olena and two with Petro; she was measured five times, he four."""
    made = Shell(STAFF + access)
    came = [Entered("purchase", "cart", (name, "mobile"), count, 0) for name, count in (("olena", 6), ("petro", 2))]
    calls = [measured("handle", [60.0] * count, (name, "mobile")) for name, count in (("olena", 5), ("petro", 4))]
    made.tick(0, *came, *calls)
    return made


def of_step(made: Shell, value: str) -> SegmentView:
    return next(one for one in made.step("cart").segments if one.value == value)


def of_calls(made: Shell, value: str) -> SignalSegmentView:
    signal = next(one for one in made.stage.view().signals if one.name == "handle")
    return next(one for one in signal.segments if one.value == value)


def test_windows_with_fewer_than_five_customers_of_an_employee_are_withheld_and_named() -> None:
    made = shell()
    olena, petro = of_step(made, "olena"), of_step(made, "petro")
    assert {name: window.entered for name, window in olena.windows.items()} == {"5m": 6, "1h": 6}
    assert (olena.in_flight, olena.totals, olena.withheld) == (6, StepTotals(), [])
    assert (petro.windows, petro.in_flight, petro.totals) == ({}, None, StepTotals())
    assert petro.withheld == ["5m", "1h"]
    assert [of_calls(made, name).withheld for name in ("olena", "petro")] == [[], ["5m", "1h"]]


def test_what_falls_out_of_a_window_is_withheld_again() -> None:
    made = shell()
    made.tick(600, Entered("purchase", "cart", ("olena", "mobile"), 2, 0))
    assert list(of_step(made, "olena").windows) == ["1h"]
    assert of_step(made, "olena").withheld == ["5m"]


def test_the_file_says_how_large_a_group_must_be_and_which_segments_are_people() -> None:
    assert of_calls(shell(LOG), "petro").withheld == []
    open_to_all = of_step(shell("access: {employees: []}\n"), "petro")
    assert (open_to_all.employee, open_to_all.in_flight, open_to_all.withheld) == (False, 2, [])
    devices = shell("access: {employees: [device], minimum_group: 9}\n")
    assert of_step(devices, "mobile").withheld == ["5m", "1h"]
    assert of_step(devices, "petro").withheld == []


def test_other_dimensions_stay_as_they_are() -> None:
    device = of_step(shell(), "mobile")
    assert (device.employee, device.in_flight, device.windows["5m"].entered) == (False, 8, 8)


def test_a_viewer_sees_no_employee_at_all() -> None:
    view = shell().stage.view()
    for role, seen in ((Role.VIEWER, False), (Role.AGENT, True), (Role.ADMIN, True)):
        shown = msgspec.json.encode((journeys_for(role, view.journeys), signals_for(role, view.signals)))
        assert (b"olena" in shown) == seen
        assert b"mobile" in shown


def test_metrics_name_no_employee() -> None:
    view = shell().stage.view()
    labels = {
        (sample.labels.get("dimension"), sample.labels.get("value"))
        for _, families in view_families(view.journeys, view.signals)
        for family in families
        for sample in family.samples
    }
    assert ("device", "mobile") in labels
    assert not {value for dimension, value in labels if dimension == "agent"}


def test_no_series_of_an_employee_is_watched() -> None:
    made = Shell(STAFF)
    for second in range(0, 600, 10):
        answers = [measured("csat", [5.0] * 3, (name, "mobile"), top=3) for name in ("olena", "petro")]
        made.tick(second, *(msgspec.structs.replace(one, scores={5_000_000: 3}) for one in answers))
    alarms = made.stage.view().alarms
    assert alarms is not None
    seen = {(one.dimension, one.value) for one in alarms.watched}
    assert ("device", "mobile") in seen
    assert not {value for dimension, value in seen if dimension == "agent"} - {"other"}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("access: {employees: [seller]}\n", "access.employees[0]"),
        ('subscriptions: [{match: {agent: olena}, to: "ndjson:a.ndjson"}]\n', "subscriptions[0].match.agent"),
    ],
)
def test_a_file_that_would_name_employees_elsewhere_is_refused(text: str, path: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_text(STAFF + text, "test.yml")
    assert [fault.path for fault in refused.value.faults] == [path]


def test_what_employees_answer_is_shown_from_the_minimum_group_on() -> None:
    text = STAFF + "  enps: {on: pulse.answered, where: {metric: enps}, min_n: 4}\n"
    with pytest.raises(ConfigError) as refused:
        load_text(text, "test.yml")
    assert [fault.path for fault in refused.value.faults] == ["signals.enps.min_n"]
    assert load_text(text + "access: {minimum_group: 4}\n", "test.yml").config.signals["enps"].min_n == 4
