"""Journeys and signals as metric families."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client.core import InfoMetricFamily
from prometheus_client.core import Metric as Family

from streams.runtime import metric_names as names
from streams.runtime.families import Families
from streams.runtime.metric_names import Metric
from streams.runtime.series_count import SIGNAL_SEGMENTS, SIGNALS, STEP_SEGMENTS, STEPS
from streams.view import JourneyView, SegmentView, SignalView, StepView, StepWindow

_TOTALS = (
    (names.STEP_ENTERED, "entered"),
    (names.STEP_COMPLETED, "completed"),
    (names.STEP_ABANDONED, "abandoned"),
    (names.STEP_RECOVERED, "recovered"),
    (names.STEP_SKIPPED, "skipped"),
    (names.STEP_REPEATED, "repeated"),
    (names.STEP_UNATTRIBUTED, "unattributed"),
    (names.STEP_MERGED, "merged"),
    (names.STEP_IN_FLIGHT, "in_flight"),
)
_SEGMENT_TOTALS = (
    (names.SEGMENT_ENTERED, "entered"),
    (names.SEGMENT_COMPLETED, "completed"),
    (names.SEGMENT_ABANDONED, "abandoned"),
    (names.SEGMENT_RECOVERED, "recovered"),
)
_STEP_CONVERSION = (
    names.STEP_CONVERSION,
    names.STEP_CONVERSION_LOWER,
    names.STEP_CONVERSION_UPPER,
    names.STEP_CONVERSION_N,
)
_SEGMENT_CONVERSION = (
    names.SEGMENT_CONVERSION,
    names.SEGMENT_CONVERSION_LOWER,
    names.SEGMENT_CONVERSION_UPPER,
    names.SEGMENT_CONVERSION_N,
)
_SIGNAL = (names.SIGNAL, names.SIGNAL_LOWER, names.SIGNAL_UPPER, names.SIGNAL_N)
_SIGNAL_SEGMENT = (
    names.SIGNAL_SEGMENT,
    names.SIGNAL_SEGMENT_LOWER,
    names.SIGNAL_SEGMENT_UPPER,
    names.SIGNAL_SEGMENT_N,
)


def view_families(
    journeys: Sequence[JourneyView], signals: Sequence[SignalView]
) -> Iterator[tuple[str, Iterator[Family]]]:
    """All of them, each with the part it is counted under: steps, their segments, signals, their segments."""
    yield STEPS, _step_families(journeys)
    yield STEP_SEGMENTS, _segment_families(journeys)
    yield SIGNALS, _signal_families(signals)
    yield SIGNAL_SEGMENTS, _signal_segment_families(signals)


def _step_families(journeys: Iterable[JourneyView]) -> Iterator[Family]:
    """Journeys, their steps in order, conversions."""
    families = Families()
    owners = InfoMetricFamily(names.JOURNEY.name.removesuffix("_info"), names.JOURNEY.help)
    for journey in journeys:
        owners.add_metric((), {"journey": journey.name, "owner": journey.owner or "", "runbook": journey.runbook or ""})
        for position, step in enumerate(journey.steps, 1):
            labels = (journey.name, step.name)
            for metric, field in _TOTALS:
                families.add(metric, labels, getattr(step.totals, field))
            families.add(names.STEP_POSITION, labels, position)
            families.add(names.STEP_DURATION_P50, labels, step.duration.p50)
            families.add(names.STEP_DURATION_P90, labels, step.duration.p90)
            if step.next_step is not None:
                _conversions(families, _STEP_CONVERSION, labels, step.windows)
    return iter([*families, *([owners] if owners.samples else [])])


def _segment_families(journeys: Iterable[JourneyView]) -> Iterator[Family]:
    """Values of the segments of each step."""
    families = Families()
    for journey in journeys:
        for step in journey.steps:
            for segment in step.segments:
                if not segment.employee and "@" not in segment.value:  # an address is nobody's segment
                    _segment(families, journey, step, segment)
    return iter(families)


def _segment(families: Families, journey: JourneyView, step: StepView, segment: SegmentView) -> None:
    labels = (journey.name, step.name, segment.dimension, segment.value)
    for metric, field in _SEGMENT_TOTALS:
        families.add(metric, labels, getattr(segment.totals, field))
    families.add(names.SEGMENT_IN_FLIGHT, labels, segment.in_flight)
    if step.next_step is not None:
        _conversions(families, _SEGMENT_CONVERSION, labels, segment.windows)


def _conversions(
    families: Families,
    metrics: tuple[Metric, Metric, Metric, Metric],
    labels: tuple[str, ...],
    windows: Mapping[str, StepWindow],
) -> None:
    for name, window in windows.items():
        families.estimate(metrics, (*labels, name, "cohort"), window.cohort)
        families.estimate(metrics, (*labels, name, "throughput"), window.throughput)


def _signal_families(signals: Iterable[SignalView]) -> Iterator[Family]:
    """What each signal is, and its estimates."""
    families = Families()
    what = InfoMetricFamily(names.SIGNAL_INFO.name.removesuffix("_info"), names.SIGNAL_INFO.help)
    for signal in signals:
        kind = signal.kind or ""
        place = {"journey": signal.journey or "", "step": signal.step or ""}
        what.add_metric((), {"signal": signal.name, "kind": kind, **place, "unit": signal.unit})
        for window, estimate in signal.windows.items():
            families.estimate(_SIGNAL, (signal.name, kind, window), estimate)
        if signal.state != "collecting":
            families.add(names.SIGNAL_BREACHED, (signal.name, kind), 1 if signal.state == "breached" else 0)
    return iter([*families, *([what] if what.samples else [])])


def _signal_segment_families(signals: Iterable[SignalView]) -> Iterator[Family]:
    """Values of the segments of each signal."""
    families = Families()
    for signal in signals:
        for segment in signal.segments:
            if not segment.employee and "@" not in segment.value:
                for window, estimate in segment.windows.items():
                    labels = (signal.name, signal.kind or "", window, segment.dimension, segment.value)
                    families.estimate(_SIGNAL_SEGMENT, labels, estimate)
    return iter(families)
