"""The table a replay ends with, as far as alerts go: one line each."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from streams.runtime.episodes import Episode, episodes
from streams.runtime.report import print_report
from streams.units import HOUR, MINUTE
from tests.streams.runtime.alarm_views import SINCE
from tests.streams.runtime.test_episodes import record

SUMMARY: dict[str, Any] = {
    "events": {"read": 10, "accepted": 10},
    "events_per_second": 5,
    "from": "2026-03-07T06:00:00.000Z",
    "until": "2026-03-07T08:00:00.000Z",
    "journeys": {},
    "signals": {},
    "decisions": {"touchline.alert.firing": 1},
}


def shown(alerts: list[Episode]) -> list[str]:
    """The lines printed."""
    console = Console(width=60, color_system=None, force_terminal=False)
    with console.capture() as capture:
        print_report(console, SUMMARY, {}, "shop.yml", {}, alerts)
    return capture.get().splitlines()


def test_each_alert_is_one_line_however_narrow_the_screen() -> None:
    rows = shown(
        episodes(
            [record("firing"), record("resolved", after=9 * MINUTE), record("firing", step="cart", fingerprint="f")]
        )
    )
    alerts = [row for row in rows if row.startswith("▲")]
    assert len(alerts) == 2
    assert alerts[0].startswith("▲ critical purchase/checkout → paid · since 2026-03-07 06:58:10, 9m · 62 % fewer")
    assert "not over" in alerts[1]


def test_of_very_many_alerts_the_rest_is_counted() -> None:
    rows = shown(
        episodes(
            one for n in range(60) for one in (record("firing", SINCE + n * HOUR), record("resolved", SINCE + n * HOUR))
        )
    )
    assert sum(row.startswith("▲") for row in rows) == 50
    assert "and 10 more: --out writes them all" in rows


def test_without_alerts_nothing_is_said_of_them() -> None:
    assert not any("alerts" in row for row in shown([]))
