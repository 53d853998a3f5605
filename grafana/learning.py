"""Feedback, what rules learn: how often each arm is drawn, how it is answered, and its chance from now on."""

from __future__ import annotations

from grafana.colours import CALM
from grafana.layout import Section
from grafana.panels import COUNT, RATIO, About, Column, N, graph, rows_of
from grafana.promql import of, rate, share, total
from grafana.source import over_time, rows
from streams.runtime import metric_names as names

_RULE = 'rule=~"$rule"'
_BY = "rule, arm"
_NONE = "No rule of the file learns"


def learning() -> Section:
    """Folded, as few files have rules that learn."""
    answered = share(total(names.ARM_ANSWERED, _BY, _RULE), total(names.ARM_SETTLED, _BY, _RULE))
    return Section(
        "What rules learn",
        [
            graph(
                "Chance of each arm",
                About(
                    "With what chance each channel, wait or hour is drawn: what was learnt last, and its share of"
                    " `explore`.",
                    "dashed grey, right axis: asks per second of rules that learn.",
                    "Lines that cross again and again: the arms differ little, or too few asks are settled.",
                ),
                [
                    over_time(f"max by ({_BY}) ({of(names.ARM_CHANCE, _RULE)})", "{{rule}} {{arm}}"),
                    over_time(rate(names.ARM_ASKED, where=_RULE), "asks/s", N),
                ],
                unit=RATIO,
                width=12,
                most=1,
                empty=_NONE,
            ),
            rows_of(
                "Arms: asked and answered",
                About(
                    "Asks by what was drawn, and how many of those were answered whose time to be answered is over;"
                    " since the beginning.",
                    "the column `n`: asks that are settled, which the share is taken from.",
                    "Leave it alone below a hundred settled asks an arm. Arms are drawn unevenly on purpose: compare"
                    " shares, not counts.",
                ),
                [
                    rows(total(names.ARM_ASKED, _BY, _RULE), "D"),
                    rows(total(names.ARM_SETTLED, _BY, _RULE), "N"),
                    rows(answered, "A"),
                    rows(f"max by ({_BY}) ({of(names.ARM_CHANCE, _RULE)})", "C"),
                ],
                [
                    Column("rule", "rule"),
                    Column("arm", "arm"),
                    Column("D", "asked", COUNT, 80, decimals=0),
                    Column("N", "n", COUNT, 80, decimals=0),
                    Column("A", "answered", RATIO, 130, ((None, CALM),), gauge=True, decimals=1),
                    Column("C", "chance", RATIO, 90, decimals=0),
                ],
                width=12,
                empty=_NONE,
                sort=(("rule", False), ("chance", True)),
            ),
        ],
        folded=True,
    )
