"""What a detector knows of a change, as the finding of a watcher."""

from __future__ import annotations

from detectors.series.report import Facts
from streams.findings import Finding, SeriesKey


def finding_of(
    facts: Facts,
    series: SeriesKey,
    tick: int,
    *,
    segments: tuple[dict[str, str], ...] | None = (),
    explanation: str = "",
    examples: tuple[str, ...] = (),
    guarantee: str = "given baseline",
) -> Finding:
    """The facts of a series at a tick; what else `Finding` takes is said beside them."""
    return Finding(
        series=series,
        tick=tick,
        since=facts.since,
        since_low=facts.since_low,
        since_high=facts.since_high,
        observed=facts.observed,
        expected=facts.expected,
        size=facts.size,
        size_low=facts.size_low,
        size_high=facts.size_high,
        early=facts.early,
        segments=segments,
        explanation=explanation,
        examples=examples,
        evidence=facts.evidence,
        guarantee=guarantee,
    )
