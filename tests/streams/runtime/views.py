"""Journeys and signals as the views show them, small enough to read."""

from __future__ import annotations

from streams.estimates import Estimate
from streams.view import (
    Duration,
    JourneyView,
    SegmentView,
    SignalSegmentView,
    SignalView,
    State,
    StepTotals,
    StepView,
    StepWindow,
)

KNOWN = Estimate(40, 0.75, 0.6, 0.86)
TOO_FEW = Estimate(12)


def step(name: str, next_step: str | None, segments: list[SegmentView] | None = None) -> StepView:
    """Forty entered, thirty went on; the last minute has too few to say."""
    return StepView(
        name=name,
        next_step=next_step,
        totals=StepTotals(
            entered=40, completed=30, abandoned=4, recovered=1, skipped=2, repeated=3, unattributed=5, in_flight=6
        ),
        windows={"1m": StepWindow(12, 9, 0, 0, TOO_FEW, TOO_FEW), "1h": StepWindow(40, 30, 4, 1, KNOWN, KNOWN)},
        duration=Duration(30, 61.5, 240.0) if next_step is not None else Duration(0, None, None),
        spark=[None] * 29 + [0.75],
        segments=segments or [],
    )


def segment(dimension: str, value: str) -> SegmentView:
    """Twenty of them in one segment."""
    return SegmentView(
        dimension=dimension,
        value=value,
        windows={"5m": StepWindow(3, 2, 0, 0, TOO_FEW, TOO_FEW), "1h": StepWindow(20, 15, 2, 0, KNOWN, KNOWN)},
        in_flight=3,
        totals=StepTotals(entered=20, completed=15, abandoned=2, recovered=1, in_flight=3),
    )


def journey(name: str = "purchase", segments: list[SegmentView] | None = None) -> JourneyView:
    """Cart to paid."""
    steps = [step("cart", "paid", segments), step("paid", None)]
    return JourneyView(name=name, owner="checkout-team", runbook=None, steps=steps)


def signal(name: str = "csat", state: State = "ok", segments: list[SignalSegmentView] | None = None) -> SignalView:
    """A satisfaction score."""
    return SignalView(
        name=name,
        as_="csat",
        kind="perception",
        journey=None,
        step=None,
        unit="ratio",
        windows={"1m": TOO_FEW, "1h": KNOWN},
        total=KNOWN,
        state=state,
        segments=segments or [],
    )
