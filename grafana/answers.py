"""Feedback, what comes back: scores with their intervals, classes, and the delay of answers."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana.colours import CLASSES
from grafana.layout import Section
from grafana.panels import COUNT, RATIO, About, Column, N, edges, graph, rows_of
from grafana.promql import grown, of, share, total
from grafana.source import over_time, rows
from streams.runtime import metric_names as names

_RULE = 'rule=~"$rule", rule!=""'


def answers() -> Section:
    score = 'kind="perception", window="$window"'
    said = 'kind="perception"'
    what = f"max by (signal, unit) ({of(names.SIGNAL_INFO, said)})"
    value, low, high, n = (
        f"max by (signal) ({of(metric, score)}) * on (signal) group_left (unit) {what}"
        for metric in (names.SIGNAL, names.SIGNAL_LOWER, names.SIGNAL_UPPER, names.SIGNAL_N)
    )
    scores = graph(
        "Scores with their intervals",
        About(
            "What customers say, over the chosen window. NPS in points, CSAT as share of the satisfied, CES as mean."
            " The thin dashes are the ends of the 95 % intervals.",
            "dashed grey, right axis. Ten points of NPS need about 400 answers.",
            "While intervals overlap, nothing is shown to have changed.",
            "signal-breached",
        ),
        [
            over_time(value, "{{signal}} {{unit}}"),
            over_time(low, "{{signal}} {{unit}} low", "L"),
            over_time(high, "{{signal}} {{unit}} high", "H"),
            over_time(n, "n {{signal}}", N),
        ],
        unit=COUNT,
        width=12,
        least=None,
        empty="Fewer answers than the smallest sample in this window: choose a longer one",
    ).override_by_regexp("/ ratio/", [DynamicConfigValue("unit", RATIO)])
    delayed = share(
        total(names.FEEDBACK_SCORES, "rule, delay", _RULE), total(names.FEEDBACK_SCORED, "rule, delay", _RULE)
    )
    return Section(
        "What comes back",
        [
            edges(scores, "L", "H"),
            graph(
                "Answers by class",
                About(
                    "Answers with a score, by class: green promoters and satisfied, yellow passives and neutral, red"
                    " detractors and dissatisfied.",
                    "the bars are counts.",
                    "Detractors without a case: see coverage on the Closed loop board.",
                    "cases-late",
                ),
                [over_time(grown(names.ANSWERS, "class", over="$__interval"), "{{class}}")],
                unit=COUNT,
                width=12,
                stacked=True,
                bars=True,
                colours=CLASSES,
                empty="No answer in this time",
            ),
            rows_of(
                "Mean score by delay of the answer",
                About(
                    "Mean score of answers that came within an hour, a day, a week, or later. Late answers are milder,"
                    " so only like delays compare.",
                    "the column `n`: answers, since the beginning.",
                    "Compare rules within one delay, never across.",
                ),
                [rows(delayed, "A"), rows(total(names.FEEDBACK_SCORED, "rule, delay", _RULE), "N")],
                [
                    Column("rule", "rule"),
                    Column("delay", "answered within"),
                    Column("N", "n", COUNT, 90, decimals=0),
                    Column("A", "mean score", COUNT, 120, decimals=2),
                ],
                width=12,
                height=7,
                empty="No answer to our questions yet",
            ),
            rows_of(
                "Answers by metric and class",
                About(
                    "Answers in the chosen time.",
                    "the column `answers` is the count.",
                    "The shares are in the scores above, with intervals.",
                ),
                [rows(grown(names.ANSWERS, "metric, class"), "A")],
                [
                    Column("metric", "metric"),
                    Column("class", "class"),
                    Column("A", "answers", COUNT, 200, gauge=True, decimals=0),
                ],
                width=12,
                height=7,
                empty="No answer in this time",
            ),
        ],
    )
