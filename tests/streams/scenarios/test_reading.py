"""A scenario's text: what it may say, and that everything wrong with it is said at once with its line."""

from __future__ import annotations

import pytest

from streams.config.load import load_text
from streams.errors import ConfigError
from streams.scenarios.reading import read_scenario
from streams.units import format_time

LEAST = """
name: least
events:
  - 0d order.delivered
expect:
  - 1d feedback.requested
"""


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_scenario(text, "s.yml")
    return str(caught.value).splitlines()


def test_the_least_that_can_be_said() -> None:
    scenario = read_scenario(LEAST)
    (told,) = scenario.events
    assert (told.who, told.what, told.data, told.id, told.line) == ("anna", "order.delivered", {}, "e1", 4)
    (expected,) = scenario.expect
    assert (expected.what, expected.at, expected.fields) == ("feedback.requested", scenario.until, {})
    assert format_time(scenario.start) == "2026-01-05T00:00:00.000Z"
    assert (scenario.text, scenario.path, scenario.complete) == (None, None, True)


def test_the_long_form_says_the_same_as_the_short_one() -> None:
    short = read_scenario(
        "name: n\ncustomers: [anna, ben]\nevents:\n  - 0d 10:00 ben order.delivered: {order: o-1}\n"
        "expect:\n  - 1d ben feedback.requested: {metric: nps}\n"
    )
    long = read_scenario(
        "name: n\ncustomers: [anna, ben]\nevents:\n"
        "  - {at: 0d 10:00, who: ben, what: order.delivered, data: {order: o-1}}\n"
        "expect:\n  - {at: 1d, who: ben, what: touchline.feedback.requested, metric: nps}\n"
    )
    assert long == short


def test_traits_of_a_customer_are_told_before_anything_else() -> None:
    scenario = read_scenario(
        LEAST.replace("events:", "customers:\n  anna: {tier: gold}\n  ben: {}\nevents:").replace("0d o", "0d ben o")
    )
    assert [(told.what, told.who, told.data) for told in scenario.events] == [
        ("customer.identified", "anna", {"tier": "gold"}),
        ("order.delivered", "ben", {}),
    ]


def test_events_at_one_time_keep_their_order() -> None:
    scenario = read_scenario(LEAST.replace("expect", "  - 0d order.cancelled\nexpect"))
    assert [told.event(at).sequence for at, told in enumerate(scenario.events)] == [0, 1]


def test_fields_that_are_times_may_be_said_as_moments() -> None:
    scenario = read_scenario(LEAST + "never:\n  - {what: case.opened, due_at: 2d 10:00, owner: 2d}\n")
    (never,) = scenario.never
    assert never.fields == {"due_at": "2026-01-07T10:00:00.000Z", "owner": "2d"}


def test_time_runs_on_to_the_last_moment_that_is_told_or_to_until() -> None:
    assert format_time(read_scenario(LEAST).until) == "2026-01-06T00:00:00.000Z"
    assert format_time(read_scenario(LEAST + "until: 9d\n").until) == "2026-01-14T00:00:00.000Z"
    bounded = LEAST + "never:\n  - {what: case.opened, before: 30d}\n"
    assert format_time(read_scenario(bounded).until) == "2026-01-06T00:00:00.000Z"


@pytest.mark.parametrize(
    "file",
    [
        "file:\n  # rules\n  feedback:\n    a: {ask: nps, after: x.y, waitt: 3d}\n",
        "file: |\n\n  feedback:\n    a: {ask: nps, after: x.y, waitt: 3d}\n",
        "file:\n  version: 1\n  feedback:\n    a: {ask: nps, after: x.y, waitt: 3d}\n",
    ],
)
def test_a_fault_of_a_file_inside_a_scenario_has_the_line_it_stands_on(file: str) -> None:
    scenario = read_scenario(f"{LEAST}{file}until: 3d\n")
    with pytest.raises(ConfigError) as caught:
        load_text(scenario.text or "")
    (fault,) = caught.value.faults
    assert "waitt" in (LEAST + file).splitlines()[fault.line - 1]


def test_a_file_inside_a_scenario_may_stand_on_one_line() -> None:
    scenario = read_scenario(LEAST + 'file: {quiet_hours: {from: "21:00", to: "09:00"}}\n')
    assert load_text(scenario.text or "").config.quiet_hours is not None


def test_a_file_may_be_named() -> None:
    assert read_scenario(LEAST + "file: ../shop.yml\n").path == "../shop.yml"


def test_everything_wrong_is_said_at_once() -> None:
    assert faults(
        """
namex: x
start: tomorrow
customers: [anna, ben]
events:
  - 0d anna order
  - 1d carl order.delivered
  - 1d order.delivered
  - {at: 2d, who: ben, wat: order.delivered}
  - {at: soon, who: ben, what: order.delivered}
  - {who: ben, what: order.delivered, dta: {}}
  - 5d ben order.delivered
  - 4d ben order.delivered
expect:
  - 1d feedback.requestet
  - {what: feedback.requested, after: never}
never: all
complete: perhaps
until: dawn
file: 7
"""
    ) == [
        "s.yml:2: name: missing",
        "s.yml:2: namex: unknown key 'namex'; did you mean 'name'?",
        "s.yml:3: start: expected a start such as 2026-03-28 09:00 Europe/Kyiv, got 'tomorrow'",
        "s.yml:6: events[0]: expected a line such as `3d 10:00 order.delivered`, with the customer before the event"
        " where there are several, got '0d anna order'",
        "s.yml:7: events[1]: unknown customer 'carl'; known: anna, ben; see customers",
        "s.yml:8: events[2]: who? one of anna, ben",
        "s.yml:9: events[3]: expected a line such as `3d 10:00 order.delivered`, with the customer before the event"
        " where there are several, got ''",
        "s.yml:10: events[4].at: expected a time such as 3d2h (after the start), 3d 10:00 (by the clock) or"
        " 2026-03-07T07:00:00Z, got 'soon'",
        "s.yml:11: events[5].at: missing",
        "s.yml:11: events[5].dta: unknown key 'dta'; did you mean 'data'?",
        "s.yml:13: events[7]: comes before the one above it (5d 00:00); put it in order",
        "s.yml:15: expect[0].what: unknown decision 'feedback.requestet'; did you mean 'feedback.requested'?",
        "s.yml:16: expect[1].after: expected a time such as 3d2h (after the start), 3d 10:00 (by the clock) or"
        " 2026-03-07T07:00:00Z, got 'never'",
        "s.yml:17: never: expected a list of decisions",
        "s.yml:18: complete: expected true or false",
        "s.yml:19: until: expected a time such as 3d2h (after the start), 3d 10:00 (by the clock) or"
        " 2026-03-07T07:00:00Z, got 'dawn'",
        "s.yml:20: file: expected the path of a file, or the file itself",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a\n- b\n", "expected a scenario with the keys name, story"),
        ("name: n\nevents: []\nexpect:\n  - 1d case.opened\n", "events: expected a list of events"),
        ("name: n\nevents:\n  - 1d a.b\n", "expect: expected at least one decision"),
        (LEAST + "customer: anna\ncustomers: [anna]\n", "customer: expected either customer or customers"),
        (LEAST + "customers: 3\n", "customers: expected names"),
        (LEAST + "customer: []\n", "customer: expected a name"),
        (LEAST.replace("0d order.delivered", "{at: 0d, what: a.b, data: 3}"), "expected what (text) and data"),
        (
            LEAST.replace("  - 0d order.delivered", "  - {at: 0d, what: a.b, id: x}\n  - {at: 0d, what: a.c, id: x}"),
            "the id 'x' is there twice",
        ),
        ("name: [", "not valid YAML"),
    ],
)
def test_a_fault_says_what_was_expected(text: str, says: str) -> None:
    assert any(says in fault for fault in faults(text))
