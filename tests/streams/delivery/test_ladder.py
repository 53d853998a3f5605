"""The retry ladder: three days of patience, spread a little, the same on every run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.delivery.ladder import (
    ATTEMPTS,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    LONGEST_RETRY_AFTER,
    PATIENCE,
    WAITS,
    next_attempt,
    pause,
)
from streams.units import DAY, HOUR, MINUTE, SECOND

NAMES = st.text(min_size=1, max_size=40)
NOW = st.integers(0, 4_000_000_000_000_000)


def test_it_climbs_for_three_days_in_ten_attempts() -> None:
    assert ATTEMPTS == 10
    assert sum(WAITS) == 75 * HOUR + 35 * MINUTE + 5 * SECOND


@given(NAMES, st.integers(1, ATTEMPTS - 1), NOW)
def test_a_wait_is_its_step_and_up_to_a_tenth_more(name: str, attempts: int, now: int) -> None:
    again = next_attempt(name, attempts, now)
    assert again is not None
    assert WAITS[attempts - 1] <= again - now <= WAITS[attempts - 1] * 11 // 10
    assert next_attempt(name, attempts, now) == again


@given(NAMES, st.integers(ATTEMPTS, 50), NOW)
def test_after_the_last_attempt_there_is_none(name: str, attempts: int, now: int) -> None:
    assert next_attempt(name, attempts, now) is None


def test_what_failed_together_does_not_come_back_together() -> None:
    times = {next_attempt(f"ops/d-{number}", 3, 0) for number in range(200)}
    assert len(times) > 190
    spread = [time - WAITS[2] for time in times if time is not None]
    assert max(spread) - min(spread) > WAITS[2] // 20


@given(NAMES, st.integers(1, ATTEMPTS - 1), st.integers(0, 30 * DAY))
def test_a_receiver_may_ask_for_more_time_but_for_a_day_at_most(name: str, attempts: int, asked: int) -> None:
    plain, longer = next_attempt(name, attempts, 0), next_attempt(name, attempts, 0, asked)
    assert plain is not None
    assert longer == max(plain, min(asked, LONGEST_RETRY_AFTER))


@pytest.mark.parametrize("failures", range(1, PATIENCE))
def test_a_few_failures_say_nothing_about_the_receiver(failures: int) -> None:
    assert pause(failures, throttled=False) == 0


def test_a_receiver_that_says_it_cannot_is_left_alone_at_once() -> None:
    assert pause(1, throttled=True) == FIRST_PAUSE
    assert pause(1, throttled=True, retry_after=HOUR) == HOUR


@given(st.integers(1, 10_000), st.booleans(), st.none() | st.integers(0, 30 * DAY))
def test_a_pause_grows_and_has_an_end(failures: int, throttled: bool, asked: int | None) -> None:
    now, later = pause(failures, throttled, asked), pause(failures + 1, throttled, asked)
    assert now <= later <= max(LONGEST_PAUSE, min(asked or 0, LONGEST_RETRY_AFTER))
    if failures >= PATIENCE:
        assert now >= FIRST_PAUSE
