"""Operations, what it costs to look: series, their ceiling, and the time of a scrape."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana.layout import Section
from grafana.panels import (
    COUNT,
    SECONDS,
    About,
    Column,
    N,
    graph,
    rows_of,
)
from grafana.promql import of
from grafana.source import over_time, rows
from streams.runtime import metric_names as names


def scraping() -> Section:
    return Section(
        "What it costs to look",
        [
            graph(
                "Series by part, and their ceiling",
                About(
                    "Series of a scrape. Segments grow them; 20 values and `other` in each dimension is the most, so"
                    " each part has a ceiling (dashed).",
                    "the lines are counts.",
                    "Near the ceiling of `step_segments`: fewer dimensions in `segments:` make fewer series.",
                    "cardinality",
                ),
                [
                    over_time(f"max by (part) ({of(names.SERIES)})", "{{part}}"),
                    over_time(f"max by (part) ({of(names.SERIES_CEILING)})", "{{part}} at most", "C"),
                ],
                unit=COUNT,
                width=8,
                empty="No service is scraped",
            ).override_by_query("C", [DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [6, 6]})]),
            rows_of(
                "Series now, and the most there can be",
                About(
                    "The same as numbers.",
                    "the columns are counts.",
                    "Each of them costs Prometheus memory and disk.",
                    "cardinality",
                ),
                [
                    rows(f"max by (part) ({of(names.SERIES)})", "A"),
                    rows(f"max by (part) ({of(names.SERIES_CEILING)})", "C"),
                ],
                [
                    Column("part", "part"),
                    Column("A", "series", COUNT, 180, gauge=True, decimals=0),
                    Column("C", "at most", COUNT, 90, decimals=0),
                ],
                width=8,
                empty="No service is scraped",
                sort=(("series", True),),
            ),
            graph(
                "Time of a scrape",
                About(
                    "Seconds Prometheus needs to read a service's metrics.",
                    "dashed grey, right axis: samples of a scrape.",
                    "Above a second: fewer dimensions, or a longer `scrape_interval`.",
                    "cardinality",
                ),
                [
                    over_time(f"max by (instance) ({of('scrape_duration_seconds')})", "{{instance}}"),
                    over_time(f"sum({of('scrape_samples_scraped')})", "samples", N),
                ],
                unit=SECONDS,
                width=8,
                empty="Nothing is scraped",
            ),
        ],
    )
