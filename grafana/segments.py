"""Journey, who it is: segments that moved, and each value of a dimension beside the others."""

from __future__ import annotations

from grafana.colours import BAD, CALM
from grafana.layout import Section
from grafana.panels import (
    COUNT,
    PER_SECOND,
    RATIO,
    About,
    Column,
    N,
    graph,
    rows_of,
)
from grafana.promql import of
from grafana.source import over_time, rows
from streams.runtime import metric_names as names
from streams.runtime.metric_names import Metric

_STEP = 'journey="$journey", step=~"$step"'
_DROP = "journey-drop"


def segments() -> Section:
    at = f'{_STEP}, basis="throughput"'

    def segment(metric: Metric, window: str) -> str:
        where = f'{at}, window="{window}"'
        return f"max by (step, dimension, value) ({of(metric, where)})"

    fell = f"{segment(names.SEGMENT_CONVERSION_UPPER, '5m')} < {segment(names.SEGMENT_CONVERSION_LOWER, '1h')}"
    rose = f"{segment(names.SEGMENT_CONVERSION_LOWER, '5m')} > {segment(names.SEGMENT_CONVERSION_UPPER, '1h')}"
    moved = f"(({fell}) or ({rose}))"
    difference = f"{segment(names.SEGMENT_CONVERSION, '5m')} - {segment(names.SEGMENT_CONVERSION, '1h')}"
    split = f'{_STEP}, dimension="$dimension"'
    ratio = f'{split}, window="5m", basis="throughput"'
    return Section(
        "Segments",
        [
            rows_of(
                "Segments that moved",
                About(
                    "Segments whose last 5 minutes and last hour are further apart than both 95 % intervals allow."
                    " Every segment of every dimension is compared: with a hundred of them a few move by chance; an"
                    " alarm has passed a stricter test.",
                    "the column `n`, customers of the last 5 minutes.",
                    "One dimension's value far below the others: a device, an app version, a region. That is where to"
                    " look.",
                    _DROP,
                ),
                [
                    rows(f"({difference}) and {moved}", "D"),
                    rows(f"{segment(names.SEGMENT_CONVERSION, '5m')} and {moved}", "A"),
                    rows(f"{segment(names.SEGMENT_CONVERSION_LOWER, '5m')} and {moved}", "L"),
                    rows(f"{segment(names.SEGMENT_CONVERSION_UPPER, '5m')} and {moved}", "H"),
                    rows(f"{segment(names.SEGMENT_CONVERSION, '1h')} and {moved}", "B"),
                    rows(f"{segment(names.SEGMENT_CONVERSION_N, '5m')} and {moved}", "N"),
                ],
                [
                    Column("step", "step"),
                    Column("dimension", "dimension"),
                    Column("value", "value"),
                    Column("D", "difference", RATIO, 100, ((None, BAD), (0, CALM)), decimals=1),
                    Column("A", "last 5 min", RATIO, 90, decimals=1),
                    Column("L", "low", RATIO, 75, decimals=1),
                    Column("H", "high", RATIO, 75, decimals=1),
                    Column("B", "last hour", RATIO, 90, decimals=1),
                    Column("N", "n", width=70),
                ],
                width=12,
                height=9,
                empty="No segment has moved beyond its interval",
                sort=(("difference", False),),
            ),
            graph(
                "Conversion by $dimension",
                About(
                    "Share of each segment's customers who go on, over 5 minutes, for the chosen steps.",
                    "dashed grey, right axis.",
                    "Lines that part mark the segment; where all fall together, it is everywhere.",
                    _DROP,
                ),
                [
                    over_time(f"max by (step, value) ({of(names.SEGMENT_CONVERSION, ratio)})", "{{step}} {{value}}"),
                    over_time(
                        f"max by (step, value) ({of(names.SEGMENT_CONVERSION_N, ratio)})", "n {{step}} {{value}}", N
                    ),
                ],
                unit=RATIO,
                width=12,
                height=9,
                empty="Fewer than the smallest sample in 5 minutes, or no `segments:` in the file",
            ),
            graph(
                "Entering by $dimension",
                About(
                    "Customers entering the chosen steps, by segment.",
                    "the lines are counts per second.",
                    "A segment that stops entering is missing one step earlier: look there.",
                ),
                [
                    over_time(
                        f"sum by (step, value) (rate({of(names.SEGMENT_ENTERED, split)}[$__rate_interval]))",
                        "{{step}} {{value}}",
                    )
                ],
                unit=PER_SECOND,
                width=12,
                height=7,
                empty="Nobody enters, or no `segments:` in the file",
            ),
            graph(
                "In flight by $dimension",
                About(
                    "Customers in the chosen steps now, by segment.",
                    "the lines are counts.",
                    "A segment that piles up does not go on.",
                ),
                [
                    over_time(
                        f"sum by (step, value) ({of(names.SEGMENT_IN_FLIGHT, split)})",
                        "{{step}} {{value}}",
                    )
                ],
                unit=COUNT,
                width=12,
                height=7,
                empty="Nobody is in flight, or no `segments:` in the file",
            ),
        ],
    )
