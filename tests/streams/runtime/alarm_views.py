"""Alerts and watched series as the views show them: an outage of paying by phone, and what may be changed about it."""

from __future__ import annotations

from typing import Any

import msgspec

from streams.units import MINUTE, SECOND, format_time, parse_time
from streams.view import AlarmsView, AlertView, ChangeView, TimelineEntry, WatchedView

SINCE = parse_time("2026-03-07T06:58:10Z")


def alert(since: int = SINCE, **changes: Any) -> AlertView:
    """Paying by phone breaks at `since` (UTC epoch microseconds), fifteen seconds after a change."""

    def at(seconds: int) -> str:
        return format_time(since + seconds * SECOND)

    firing = AlertView(
        fingerprint="f-checkout",
        incident="f-checkout",
        state="firing",
        journey="purchase",
        step="checkout",
        next_step="paid",
        signal="conversion",
        source=None,
        direction="down",
        segments=[{"device": "mobile"}],
        severity="critical",
        since=at(0),
        since_low=at(-4),
        since_high=at(3),
        fired_at=at(37),
        resolved_at=None,
        observed=31,
        expected=82.4,
        size=0.62,
        size_low=0.51,
        size_high=0.7,
        early=True,
        explanation="device mobile has 97 % of the deficit: 0.21 of what is expected there, 1.01 elsewhere",
        evidence=1.24,
        guarantee="given baseline",
        examples=["c-1071", "c-88"],
        changes=[ChangeView(at(-15), "deploys/d-7", {"service": "payments-mobile", "version": "2.41.0"})],
        owner="checkout-team",
        runbook="https://wiki.example/runbooks/purchase",
        timeline=[
            TimelineEntry(at(-15), "change", "payments-mobile 2.41.0"),
            TimelineEntry(at(0), "since"),
            TimelineEntry(at(37), "firing", "62 % fewer"),
        ],
    )
    return msgspec.structs.replace(firing, **changes)


def pending(since: int = SINCE, **changes: Any) -> AlertView:
    """Longer calls, perhaps: not sure enough to fire."""
    unsure = alert(
        since,
        fingerprint="f-handle-time",
        incident="f-handle-time",
        state="pending",
        journey="support",
        step="answered",
        next_step="solved",
        signal="handle_time",
        direction="up",
        segments=None,
        severity="info",
        observed=412.5,
        expected=301.2,
        size=None,
        size_low=None,
        size_high=None,
        early=False,
        explanation="",
        evidence=0.31,
        guarantee="calibrated",
        examples=[],
        changes=[],
        owner=None,
        runbook=None,
        timeline=[],
        fired=0,
        fired_at=None,
    )
    return msgspec.structs.replace(unsure, **changes)


def resolved(since: int = SINCE, **changes: Any) -> AlertView:
    """The delivery service had gone silent for four minutes."""
    over = alert(
        since,
        fingerprint="f-delivery",
        incident="f-delivery",
        state="resolved",
        journey=None,
        step=None,
        next_step=None,
        signal="silence",
        source="delivery",
        segments=[],
        severity="warning",
        resolved_at=format_time(since + 4 * MINUTE),
        observed=0,
        expected=96,
        size=1.0,
        size_low=None,
        size_high=None,
        early=False,
        explanation="",
        changes=[],
        examples=[],
        owner=None,
        runbook=None,
    )
    return msgspec.structs.replace(over, **changes)


def watched(**changes: Any) -> WatchedView:
    """Checkout to paid, as a whole."""
    whole = WatchedView(
        kind="conversion",
        journey="purchase",
        step="checkout",
        signal=None,
        dimension=None,
        value=None,
        direction="down",
        guarantee="given baseline",
        level=0.02,
        state="watching",
        sees="an outage within 40 s, nothing smaller than 25 %",
        credit_per_week=0.125,
        detector="poisson_drop",
        due=1.25,
    )
    return msgspec.structs.replace(whole, **changes)


def alarms(*alerts: AlertView, series: list[WatchedView] | None = None) -> AlarmsView:
    """What detection shows, with these alerts."""
    return AlarmsView(
        budget_per_week=1.0,
        credit_used=0.0312,
        alerts=list(alerts),
        watched=[watched()] if series is None else series,
    )
