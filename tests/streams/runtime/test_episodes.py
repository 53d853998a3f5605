"""Alerts of a run over history: from firing to the end, and two runs side by side."""

from __future__ import annotations

from typing import Any

import msgspec

from streams.effects import Decision
from streams.runtime.episodes import compare, episodes, line
from streams.units import HOUR, MINUTE
from tests.streams.runtime import alarm_views
from tests.streams.runtime.alarm_views import SINCE

LATER = SINCE + 5 * HOUR


def record(kind: str, since: int = SINCE, after: int = MINUTE, **changes: Any) -> Decision:
    """What a record of the alert says `after` its beginning."""
    alert = alarm_views.alert(since, **changes)
    data = {"rule": "purchase/checkout", "because": [], **msgspec.to_builtins(alert)}
    return Decision(f"d-{kind}-{since + after}", f"touchline.alert.{kind}", since + after, "purchase/checkout", data)


def test_an_alert_is_one_from_its_firing_to_its_end_and_keeps_what_was_said_last() -> None:
    found = episodes(
        [record("firing"), record("updated", after=2 * MINUTE, size=0.4), record("resolved", after=9 * MINUTE)]
    )
    assert len(found) == 1
    assert found[0].began == SINCE
    assert found[0].ended == SINCE + 9 * MINUTE
    assert found[0].alert.size == 0.62
    still = episodes([record("firing"), record("updated", after=2 * MINUTE, size=0.4)])
    assert (still[0].ended, still[0].alert.size) == (None, 0.4)


def test_firing_again_within_an_incident_is_the_same_alert_and_later_another() -> None:
    first = [record("firing"), record("resolved", after=9 * MINUTE)]
    again = record("firing", after=20 * MINUTE, fired=2)
    assert [one.ended for one in episodes([*first, again])] == [None]
    assert [one.ended for one in episodes([*first, record("firing", LATER)])] == [SINCE + 9 * MINUTE, None]


def test_other_decisions_are_no_alerts() -> None:
    breached = Decision("d", "touchline.signal.breached", SINCE, "csat", {"rule": "csat", "because": []})
    assert episodes([breached]) == []


def test_two_runs_have_an_alert_in_common_when_place_way_and_time_meet() -> None:
    def run(*since: int, **changes: Any) -> list[Decision]:
        return [
            one
            for at in since
            for one in (record("firing", at, **changes), record("resolved", at, 9 * MINUTE, **changes))
        ]

    old = episodes(run(SINCE, LATER))
    found = compare(episodes(run(SINCE + MINUTE, fingerprint="another-series-of-it")), old)
    assert [one.began for one in found.both] == [SINCE + MINUTE]
    assert [one.began for one in found.only_old] == [LATER]
    assert found.only_new == []
    for changes in ({"step": "cart"}, {"direction": "up"}, {"signal": "arrivals"}):
        other = compare(episodes(run(SINCE, **changes)), old)
        assert (len(other.only_new), len(other.only_old), other.both) == (1, 2, [])
    endless = compare(episodes([record("firing")]), old)
    assert (len(endless.both), endless.only_old) == (1, [])


def test_an_alert_in_one_line() -> None:
    alert = episodes([record("firing"), record("resolved", after=9 * MINUTE)])[0]
    assert line(alert) == (
        "critical purchase/checkout → paid · since 2026-03-07 06:58:10, 9m · 62 % fewer (51 to 70 %), early"
        " · 31 seen, 82.4 expected · device=mobile"
    )
    going_on = episodes([record("firing", size=None, segments=None)])[0]
    assert line(going_on).endswith("not over · size unknown · 31 seen, 82.4 expected · not enough data to tell")
