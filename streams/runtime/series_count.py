"""How many series a scrape has, by part, and the most that each part can have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client.core import Metric as Family

from streams.runtime import metric_names as names
from streams.runtime.families import Families
from streams.segments import PLACES
from streams.stages.step_view import SEGMENT_WINDOWS
from streams.view import JourneyView, SignalView
from streams.windows import STANDARD

STEPS, STEP_SEGMENTS, SIGNALS, SIGNAL_SEGMENTS, REST = "steps", "step_segments", "signals", "signal_segments", "rest"
_VALUES = PLACES + 1
"""Values of a dimension that have series: the admitted ones and `other`."""
_ESTIMATE = 4
"""Value, lower end, upper end, n."""
_BASES = 2
_STEP = 12
"""Series of a step beside its conversions: nine totals, position, two durations."""
_SEGMENT = 5
"""Of a value of a dimension: four totals and those in flight."""

_SIGNAL = 2
"""Of a signal beside its windows: whether it is breached, and what it is."""


class SeriesCount:
    """Counts families on their way out."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def families(self, part: str, families: Iterable[Family]) -> Iterator[Family]:
        """The same families, counted under the part once they have been taken."""
        for family in families:
            self._counts[part] = self._counts.get(part, 0) + len(family.samples)
            yield family

    def shown(self, most: Mapping[str, int]) -> Iterator[Family]:
        """The counts so far, and the ceilings by part."""
        families = Families()
        for part, count in self._counts.items():
            families.add(names.SERIES, (part,), count)
        for part, count in most.items():
            families.add(names.SERIES_CEILING, (part,), count)
        return iter(families)


def ceiling(journeys: Sequence[JourneyView], signals: Sequence[SignalView], dimensions: int) -> dict[str, int]:
    """Part -> the most series these journeys and signals can have, with every dimension full."""
    steps = [step for journey in journeys for step in journey.steps]
    ratios = sum(step.next_step is not None for step in steps) * _BASES * _ESTIMATE
    values = dimensions * _VALUES
    return {
        STEPS: len(journeys) + len(steps) * _STEP + ratios * len(STANDARD),
        STEP_SEGMENTS: values * (len(steps) * _SEGMENT + ratios * len(SEGMENT_WINDOWS)),
        SIGNALS: len(signals) * (_ESTIMATE * len(STANDARD) + _SIGNAL),
        SIGNAL_SEGMENTS: values * len(signals) * _ESTIMATE * len(SEGMENT_WINDOWS),
    }
