"""HTTP answers: what each means for the delivery."""

from __future__ import annotations

import pytest

from streams.delivery.answers import outcome_of, parse_retry_after
from streams.delivery.outcome import Delivered, Gone, Retry
from streams.units import DAY, SECOND, parse_time

NOW = parse_time("2026-03-07T07:00:00Z")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_success(status: int) -> None:
    assert outcome_of(status, None, NOW) == Delivered()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_a_failure(status: int) -> None:
    assert outcome_of(status, None, NOW) == Retry(f"HTTP {status}: redirections are not followed")


def test_410_means_that_nothing_more_is_wanted() -> None:
    assert isinstance(outcome_of(410, None, NOW), Gone)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_an_overloaded_receiver_is_left_alone(status: int) -> None:
    assert outcome_of(status, "120", NOW) == Retry(f"HTTP {status}", 120 * SECOND, True)


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500])
def test_everything_else_is_tried_again(status: int) -> None:
    assert outcome_of(status, None, NOW) == Retry(f"HTTP {status}", None, False)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("0", 0),
        (" 30 ", 30 * SECOND),
        ("99999999999999999999", DAY),
        ("Sat, 07 Mar 2026 07:02:00 GMT", 120 * SECOND),
        ("Sat, 07 Mar 2026 06:00:00 GMT", 0),
        ("Sun, 07 Mar 2027 07:00:00 GMT", DAY),
        ("Saturday, 07-Mar-26 07:00:05 GMT", 5 * SECOND),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_a_day_at_most(text: str, wait: int) -> None:
    assert parse_retry_after(text, NOW) == wait


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "12 Foo 2026"])
def test_what_is_neither_is_not_believed(text: str) -> None:
    assert parse_retry_after(text, NOW) is None
