"""Overview, all journeys: every step with its conversion, interval and n."""

from __future__ import annotations

from grafana import links
from grafana.colours import BAD, CALM, MIDDLE
from grafana.layout import Section
from grafana.panels import RATIO, About, Column, rows_of
from grafana.promql import of
from grafana.source import rows
from streams.runtime import metric_names as names

TO_JOURNEY = links.to_board("Journey", "journey", journey="${__data.fields.journey}", step="${__data.fields.step}")
"""From a row to its journey."""


def _conversion(metric: names.Metric, window: str) -> str:
    where = f'window="{window}", basis="throughput"'
    return f"max by (journey, step) ({of(metric, where)})"


def all_journeys() -> Section:
    now, low = _conversion(names.STEP_CONVERSION, "$window"), _conversion(names.STEP_CONVERSION_LOWER, "$window")
    high, n = _conversion(names.STEP_CONVERSION_UPPER, "$window"), _conversion(names.STEP_CONVERSION_N, "$window")
    day = _conversion(names.STEP_CONVERSION, "24h")
    owner = f"max by (journey, owner) ({of(names.JOURNEY)})"
    place = f"max by (journey, step) ({of(names.STEP_POSITION)}) * on (journey) group_left (owner) {owner}"
    columns = [
        Column("journey", "journey", links=[TO_JOURNEY]),
        Column("P", "place", width=60),
        Column("step", "step"),
        Column("owner", "owner"),
        Column("N", "n", width=80),
        Column("A", "conversion", RATIO, 130, ((None, CALM),), gauge=True, decimals=1),
        Column("L", "low", RATIO, 80, decimals=1),
        Column("H", "high", RATIO, 80, decimals=1),
        Column("D", "24 h", RATIO, 80, decimals=1),
        Column("F", "in flight", width=90),
        Column("E", "evidence", width=90, steps=((None, "text"), (0.1, MIDDLE), (1, BAD)), decimals=2),
    ]
    return Section(
        "All journeys",
        [
            rows_of(
                "Steps of all journeys",
                About(
                    "Each step: share of its customers who go on (throughput: out ÷ in over the chosen window), its"
                    " 95 % interval, and the same over 24 h.",
                    "the column `n`. Below the smallest sample the share is absent, not zero.",
                    "Compare `high` with `24 h`: below it, the step has fallen. A click leads to the journey.",
                    "journey-drop",
                ),
                [
                    rows(place, "P"),
                    rows(n, "N"),
                    rows(now, "A"),
                    rows(low, "L"),
                    rows(high, "H"),
                    rows(day, "D"),
                    rows(f"sum by (journey, step) ({of(names.STEP_IN_FLIGHT)})", "F"),
                    rows(f"max by (journey, step) ({of(names.STEP_EVIDENCE)})", "E"),
                ],
                columns,
                width=24,
                height=10,
                empty="No journey in the file",
                sort=(("journey", False), ("place", False)),
            ),
        ],
    )
