"""Digests: when a period ends, and what is held back until then."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.config.alerting import DIGESTS
from streams.config.load import load_text
from streams.delivery.digest import end_of_period, in_digest, is_digest
from streams.delivery.grouping import Addressed
from streams.delivery.receivers import Abilities, Receiver, receivers_of
from streams.errors import ConfigError
from streams.units import DAY, HOUR, SECOND, WEEK, parse_time
from tests.streams.delivery.messages import TIME, alert, decision

ZONES = ("UTC", "Europe/Kyiv", "America/New_York", "Asia/Beirut", "Australia/Lord_Howe", "America/Havana")
YEAR_2026 = parse_time("2026-01-01T00:00:00Z")
ONE = Addressed("ops", "d-1", "alert/f-1", "i-1", 10 * SECOND)


def receiver(digest: str = "1d") -> Receiver:
    text = f'timezone: Europe/Kyiv\nsubscriptions: [{{name: ops, digest: {digest}, to: "email:ops@example.com"}}]'
    return receivers_of(load_text(text).config, lambda kind: Abilities(groups=True, most=20, digest=500))["ops"]


@pytest.mark.parametrize(
    ("now", "period", "zone", "end"),
    [
        ("2026-03-07T07:00:00Z", DAY, "UTC", "2026-03-08T00:00:00Z"),
        ("2026-03-07T07:00:00Z", DAY, "Europe/Kyiv", "2026-03-07T22:00:00Z"),
        ("2026-03-07T22:00:00Z", DAY, "Europe/Kyiv", "2026-03-08T22:00:00Z"),
        ("2026-03-28T23:00:00Z", DAY, "Europe/Kyiv", "2026-03-29T21:00:00Z"),
        ("2026-03-07T07:00:00Z", WEEK, "UTC", "2026-03-09T00:00:00Z"),
        ("2026-03-07T07:59:59.999999Z", 8 * HOUR, "UTC", "2026-03-07T08:00:00Z"),
        ("2026-03-07T08:00:00Z", 8 * HOUR, "UTC", "2026-03-07T16:00:00Z"),
        # In Beirut midnight of that day was skipped: the period ends when the clock jumps to one o'clock.
        ("2026-03-28T12:00:00Z", DAY, "Asia/Beirut", "2026-03-28T22:00:00Z"),
    ],
)
def test_a_period_ends_on_the_wall_clock(now: str, period: int, zone: str, end: str) -> None:
    assert end_of_period(parse_time(now), period, zone) == parse_time(end)


@given(st.integers(0, 365 * DAY), st.sampled_from(DIGESTS), st.sampled_from(ZONES), st.data())
def test_all_that_is_decided_in_a_period_has_the_same_end(
    after: int, period: int, zone: str, data: st.DataObject
) -> None:
    now = YEAR_2026 + after
    end = end_of_period(now, period, zone)
    assert now < end <= now + period + 2 * HOUR
    between = data.draw(st.integers(now, end - 1))
    assert end_of_period(between, period, zone) == end
    local = datetime.fromtimestamp(end // SECOND, UTC).astimezone(ZoneInfo(zone))
    assert (local.minute, local.second) == (0, 0) or zone == "Australia/Lord_Howe"


def test_what_may_wait_leaves_with_the_digest_and_holds_up_nothing() -> None:
    held = in_digest(ONE, receiver(), alert(), TIME)
    assert TIME + held.wait == parse_time("2026-03-07T22:00:00Z")
    assert is_digest(held.bundle)
    assert held.about == ""
    assert held.bundle == in_digest(ONE, receiver(), decision("case.opened", case="k-1"), TIME + HOUR).bundle
    assert held.bundle != in_digest(ONE, receiver(), alert(), TIME + DAY).bundle


def test_what_is_critical_is_not_held_back() -> None:
    assert in_digest(ONE, receiver(), alert(severity="critical"), TIME) == ONE
    assert not is_digest(ONE.bundle)


def test_history_is_not_held_until_tomorrow() -> None:
    assert in_digest(ONE, receiver(), alert(), TIME, holds=False).wait == 0


def test_without_a_digest_nothing_changes() -> None:
    text = 'subscriptions: [{name: ops, to: "email:ops@example.com"}]'
    plain = receivers_of(load_text(text).config, lambda kind: Abilities(groups=True, most=20, digest=500))["ops"]
    assert in_digest(ONE, plain, alert(), TIME) == ONE


def test_one_address_named_twice_hears_at_once_when_either_wants_it_so() -> None:
    text = 'subscriptions: [{digest: 1d, to: "email:ops@example.com"}, {to: "email:ops@example.com"}]'
    (one,) = receivers_of(load_text(text).config, lambda kind: Abilities(groups=True, most=20, digest=500)).values()
    assert one.digest == 0


@pytest.mark.parametrize("period", ["5h", "30m", "0s", "2d"])
def test_a_period_that_does_not_go_into_a_day_is_refused(period: str) -> None:
    with pytest.raises(ConfigError, match="expected 1h"):
        receiver(period)
