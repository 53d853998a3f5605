"""A breach needs the whole interval on the wrong side, a recovery five good minutes."""

from __future__ import annotations

import pytest

from streams.estimates import Estimate
from streams.expectations import Expectation

START = 1_800_000_000
HOUR = 3600

BAD = Estimate(100, 400.0, 370.0, 430.0)
UNSURE_BAD = Estimate(100, 370.0, 350.0, 390.0)
UNSURE_GOOD = Estimate(100, 350.0, 330.0, 370.0)
GOOD = Estimate(100, 300.0, 280.0, 320.0)
FEW = Estimate(20)


def expectation(operator: str = "<=", target: float = 360.0) -> Expectation:
    return Expectation("handle_time", "handle_time", "p90", operator, target, HOUR)


def breached() -> Expectation:
    found = expectation()
    assert found.check(START, BAD) is not None
    return found


@pytest.mark.parametrize("estimate", [UNSURE_BAD, UNSURE_GOOD, GOOD, FEW, Estimate(1, 400.0)])
def test_an_interval_that_holds_the_target_is_no_breach(estimate: Estimate) -> None:
    assert expectation().check(START, estimate) is None


@pytest.mark.parametrize(
    ("operator", "target", "is_breach"),
    [
        ("<=", 370.0, False),
        ("<", 370.0, True),
        ("<=", 369.9, True),
        (">=", 430.0, False),
        (">", 430.0, True),
        (">=", 430.1, True),
        ("==", 400.0, False),
        ("==", 431.0, True),
        ("!=", 400.0, False),
    ],
)
def test_a_breach_depends_on_the_end_of_the_interval_nearest_to_the_target(
    operator: str, target: float, is_breach: bool
) -> None:
    assert (expectation(operator, target).check(START, BAD) is not None) is is_breach


def test_a_breach_says_what_was_expected_and_seen() -> None:
    decision = expectation().check(START, BAD)
    assert decision is not None
    assert decision.type == "touchline.signal.breached"
    assert decision.time == (START + 1) * 1_000_000
    assert decision.subject == "handle_time"
    assert list(decision.data.items()) == [
        ("rule", "handle_time"),
        ("because", ["expect=<= 360", "over=1h"]),
        ("signal", "handle_time"),
        ("segment", {}),
        ("quantity", "p90"),
        ("target", 360.0),
        ("value", 400.0),
        ("low", 370.0),
        ("high", 430.0),
        ("n", 100),
    ]


def test_a_breach_is_told_once() -> None:
    found = breached()
    assert found.check(START + 1, BAD) is None


def test_it_recovers_when_the_estimate_has_been_right_for_five_minutes() -> None:
    found = breached()
    assert found.check(START + 10, UNSURE_GOOD) is None
    assert found.due() is not None
    assert found.check(START + 309, UNSURE_GOOD) is None
    decision = found.check(START + 310, GOOD)
    assert decision is not None
    assert decision.type == "touchline.signal.recovered"
    assert decision.time == (START + 311) * 1_000_000
    assert not found.breached


@pytest.mark.parametrize("interruption", [UNSURE_BAD, BAD, FEW, Estimate(0)])
def test_the_five_minutes_begin_anew_after_an_interruption(interruption: Estimate) -> None:
    found = breached()
    found.check(START + 10, GOOD)
    found.check(START + 200, interruption)
    found.check(START + 210, GOOD)
    assert found.check(START + 310, GOOD) is None
    assert found.check(START + 510, GOOD) is not None


def test_it_can_breach_again_after_a_recovery() -> None:
    found = breached()
    found.check(START + 10, GOOD)
    first = found.check(START + 310, GOOD)
    again = found.check(START + 400, BAD)
    assert first is not None
    assert again is not None
    assert again.type == "touchline.signal.breached"


def test_it_asks_to_be_looked_at_when_a_slot_of_its_window_passes() -> None:
    found = expectation()
    assert found.due() is None
    found.check(START, GOOD)
    assert found.due() == START + 60
    found.check(START + 60, Estimate(0))
    assert found.due() is None


def test_it_asks_to_be_looked_at_when_the_five_minutes_end() -> None:
    found = breached()
    found.check(START + 10, GOOD)
    found.check(START + 300, GOOD)
    assert found.due() == START + 310


def test_two_expectations_of_one_signal_make_different_ids_in_one_tick() -> None:
    one = expectation(target=360.0).check(START, BAD)
    two = expectation(target=300.0).check(START, BAD)
    assert one is not None
    assert two is not None
    assert one.id != two.id
    assert one == expectation(target=360.0).check(START, BAD)


def test_a_stored_expectation_goes_on_with_its_five_minutes() -> None:
    found = breached()
    found.check(START + 10, GOOD)
    other = expectation()
    other.load(found.dump())
    assert other.check(START + 309, GOOD) is None
    assert other.check(START + 310, GOOD) is not None
