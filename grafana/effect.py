"""Closed loop, whether it helps: coverage, customers who came round, promises kept."""

from __future__ import annotations

from grafana.colours import CALM, CLASSES
from grafana.layout import Section
from grafana.panels import COUNT, RATIO, About, Column, graph, rows_of
from grafana.promql import grown, share, total
from grafana.source import over_time, rows
from streams.runtime import metric_names as names

_LATE = "cases-late"


def effect() -> Section:
    answered = total(names.ANSWERS, "metric, class")
    again = grown(names.RESURVEYED, "metric")
    kept, broken = total(names.PROMISES_KEPT, "promise"), total(names.PROMISES_BROKEN, "promise")
    given = f"(({kept} or 0 * {broken}) + ({broken} or 0 * {kept}))"
    return Section(
        "Does it help?",
        [
            rows_of(
                "Coverage by class",
                About(
                    "Share of the answers whose customer was contacted in a case they opened, since the beginning."
                    " Detractors first, but passives and promoters are worth a word too.",
                    "the column `n`: answers of the class.",
                    "Detractors below one: a case rule is missing, or cases are left alone.",
                    _LATE,
                ),
                [
                    rows(
                        f"({total(names.ANSWERS_FOLLOWED, 'metric, class')} or 0 * {answered}) / ({answered} > 0)", "A"
                    ),
                    rows(answered, "N"),
                ],
                [
                    Column("metric", "metric", width=90),
                    Column("class", "class"),
                    Column("N", "n", COUNT, 80, decimals=0),
                    Column("A", "contacted", RATIO, 160, ((None, CALM),), gauge=True, decimals=1),
                ],
                width=8,
                empty="No answer yet",
            ),
            graph(
                "Answers that opened the loop",
                About(
                    "Answers with a score in each interval, in the colours of their classes.",
                    "the bars are counts.",
                    "Red without cases beside it: check the case rules.",
                ),
                [over_time(grown(names.ANSWERS, "class", over="$__interval"), "{{class}}")],
                unit=COUNT,
                width=8,
                stacked=True,
                bars=True,
                colours=CLASSES,
                empty="No answer in this time",
            ),
            rows_of(
                "Recovered after their case",
                About(
                    "Of the customers who answered again after their case was closed, those who answered better.",
                    "the column `n`: customers who answered again, in the chosen time.",
                    "Below a half: closing does not solve what they came with. Read the causes.",
                ),
                [
                    rows(share(f"({grown(names.RECOVERED, 'metric')} or 0 * {again})", f"({again})"), "A"),
                    rows(again, "N"),
                ],
                [
                    Column("metric", "metric"),
                    Column("N", "n", COUNT, 80, decimals=0),
                    Column("A", "better than before", RATIO, 160, ((None, CALM),), gauge=True, decimals=1),
                ],
                width=8,
                empty="Nobody has answered again after a case yet",
            ),
            rows_of(
                "Promises kept",
                About(
                    "Promises kept in time, of those whose time is over, since the beginning.",
                    "the column `n`: promises kept or broken.",
                    "A promise that is broken often is better not given. Say what you do.",
                ),
                [
                    rows(share(f"({kept} or 0 * {broken})", given), "A"),
                    rows(given, "N"),
                    rows(broken, "B"),
                ],
                [
                    Column("promise", "promise"),
                    Column("N", "n", COUNT, 80, decimals=0),
                    Column("B", "broken", COUNT, 80, decimals=0),
                    Column("A", "kept", RATIO, 200, ((None, CALM),), gauge=True, decimals=1),
                ],
                width=24,
                height=6,
                empty="No promise in the file, or none due yet",
            ),
        ],
    )
