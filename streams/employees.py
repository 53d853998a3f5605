"""Nothing about single employees: what is withheld where a segment's value names a member of staff.

A window in which fewer than `access.minimum_group` customers are counted for a value is left out and named as withheld.
It keeps small groups from being shown; it does not stop somebody from comparing two looks.
"""

from __future__ import annotations

import msgspec

from streams.config.access import Access
from streams.view import JourneyView, SegmentView, SignalSegmentView, SignalView, StepTotals, StepView, View


def withheld(view: View, access: Access) -> View:
    """The view with what rests on too few customers of one employee left out, and values of employees marked."""
    people, least = frozenset(access.employees), access.minimum_group

    def step(shown: StepView) -> StepView:
        return msgspec.structs.replace(shown, segments=[segment(one) for one in shown.segments])

    def segment(one: SegmentView) -> SegmentView:
        if one.dimension not in people:
            return one
        kept = {name: window for name, window in one.windows.items() if window.entered >= least}
        enough = one.totals.entered >= least
        return msgspec.structs.replace(
            one,
            windows=kept,
            in_flight=one.in_flight if enough else None,
            totals=StepTotals(),
            employee=True,
            withheld=[name for name in one.windows if name not in kept],
        )

    def signal_segment(one: SignalSegmentView) -> SignalSegmentView:
        if one.dimension not in people:
            return one
        kept = {name: estimate for name, estimate in one.windows.items() if estimate.n >= least}
        left = [name for name in one.windows if name not in kept]
        return msgspec.structs.replace(one, windows=kept, employee=True, withheld=left)

    def journey(shown: JourneyView) -> JourneyView:
        return msgspec.structs.replace(shown, steps=[step(one) for one in shown.steps])

    def signal(shown: SignalView) -> SignalView:
        return msgspec.structs.replace(shown, segments=[signal_segment(one) for one in shown.segments])

    return msgspec.structs.replace(
        view, journeys=[journey(one) for one in view.journeys], signals=[signal(one) for one in view.signals]
    )
