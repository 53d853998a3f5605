"""Journey: where do customers stop, who are they, and what do they say about it?"""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, DynamicConfigValue

from grafana import links, variables
from grafana.board import board
from grafana.colours import EXPECTED
from grafana.layout import Section
from grafana.panels import (
    COUNT,
    PER_SECOND,
    RATIO,
    SECONDS,
    About,
    Column,
    N,
    band,
    by_powers,
    edges,
    graph,
    rows_of,
)
from grafana.promql import firing, grown, of
from grafana.segments import segments
from grafana.source import over_time, rows
from streams.runtime import metric_names as names
from streams.runtime.metric_names import Metric

_JOURNEY = 'journey="$journey"'
_STEP = f'{_JOURNEY}, step=~"$step"'
_RATIO = 'window="$window", basis="$basis"'
_DROP = "journey-drop"
_KINDS = {
    "interaction": "what happened, as the systems saw it",
    "perception": "what customers say",
    "outcome": "what it came to",
}
_UNITS = {"ratio": RATIO, "seconds": SECONDS}


def _by_step(metric: Metric, where: str) -> str:
    return f"max by (step) ({of(metric, where)})"


def _map() -> Section:
    ratio = f"{_JOURNEY}, {_RATIO}"
    to_step = links.to_board("This step", "journey", journey="${journey}", step="${__data.fields.step}")
    return Section(
        "The journey $journey, step by step",
        [
            rows_of(
                "Map of the steps",
                About(
                    "The funnel: customers who entered each step in the chosen time, what became of them, and the share"
                    " that goes on with its 95 % interval.",
                    "the column `n`: customers the share is taken from. Below the smallest sample the share is absent.",
                    "The step with the lowest share is not the fault; one whose `high` is below what it was is.",
                    _DROP,
                ),
                [
                    rows(_by_step(names.STEP_POSITION, _JOURNEY), "P"),
                    rows(grown(names.STEP_ENTERED, "step", _JOURNEY), "E"),
                    rows(grown(names.STEP_COMPLETED, "step", _JOURNEY), "C"),
                    rows(grown(names.STEP_ABANDONED, "step", _JOURNEY), "X"),
                    rows(grown(names.STEP_RECOVERED, "step", _JOURNEY), "R"),
                    rows(f"sum by (step) ({of(names.STEP_IN_FLIGHT, _JOURNEY)})", "F"),
                    rows(_by_step(names.STEP_CONVERSION_N, ratio), "N"),
                    rows(_by_step(names.STEP_CONVERSION, ratio), "A"),
                    rows(_by_step(names.STEP_CONVERSION_LOWER, ratio), "L"),
                    rows(_by_step(names.STEP_CONVERSION_UPPER, ratio), "H"),
                    rows(_by_step(names.STEP_DURATION_P50, _JOURNEY), "S"),
                    rows(_by_step(names.STEP_DURATION_P90, _JOURNEY), "T"),
                ],
                [
                    Column("P", "place", width=60),
                    Column("step", "step", links=[to_step]),
                    Column("E", "entered", gauge=True, decimals=0),
                    Column("C", "went on", width=90, decimals=0),
                    Column("X", "gave up", width=90, decimals=0),
                    Column("R", "came back", width=95, decimals=0),
                    Column("F", "in flight", width=90),
                    Column("N", "n", width=80),
                    Column("A", "conversion", RATIO, 100, decimals=1),
                    Column("L", "low", RATIO, 80, decimals=1),
                    Column("H", "high", RATIO, 80, decimals=1),
                    Column("S", "median time", SECONDS, 110, decimals=0),
                    Column("T", "90 % within", SECONDS, 110, decimals=0),
                ],
                width=24,
                height=7,
                empty="No customer has entered this journey yet",
                sort=(("place", False),),
            )
        ],
    )


def _now() -> Section:
    due = f"sum by (step) ({of(names.STEP_DUE, _STEP)})"
    came = f"sum by (step) (rate({of(names.STEP_COMPLETED, _STEP)}[1m]))"
    flight = f"sum by (step) ({of(names.STEP_IN_FLIGHT, _STEP)})"
    return Section(
        "Now against what is to be expected",
        [
            graph(
                "Going on: came against due",
                About(
                    "Solid: completions per second over the last minute. Purple: those that were due of the customers"
                    " in flight, by how long they have been there. This shows a fault in seconds, long before the time"
                    " to go on is over.",
                    "`due` is an expected count; at 1/s a minute's difference of a quarter is chance.",
                    "`came` well below `due`: customers are stuck in this step now.",
                    _DROP,
                ),
                [
                    over_time(came, "{{step}} came"),
                    over_time(f"avg_over_time(({due})[1m:5s])", "{{step}} due", "D"),
                ],
                unit=PER_SECOND,
                width=12,
                empty="Nobody is in this journey now",
            ).override_by_query(
                "D",
                [
                    DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [6, 6]}),
                    DynamicConfigValue("color", {"mode": "shades", "fixedColor": EXPECTED}),
                ],
            ),
            graph(
                "In flight, against an hour and a week before",
                About(
                    "Customers in the step now, with time left to go on; dashed the same an hour before, purple a week"
                    " before.",
                    "the lines are counts.",
                    "A rise while no more enter: they do not go on. A fall while as many enter: they go on faster, or"
                    " give up sooner.",
                    _DROP,
                ),
                [
                    over_time(flight, "{{step}}"),
                    over_time(
                        f"sum by (step) ({of(names.STEP_IN_FLIGHT, _STEP)} offset 1h)", "{{step}} 1 h before", "B"
                    ),
                    over_time(
                        f"sum by (step) ({of(names.STEP_IN_FLIGHT, _STEP)} offset 1w)", "{{step}} 1 w before", "W"
                    ),
                ],
                unit=COUNT,
                width=12,
                empty="Nobody is in this journey now",
            )
            .override_by_query("B", [DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [6, 6]})])
            .override_by_query("W", [DynamicConfigValue("color", {"mode": "shades", "fixedColor": EXPECTED})]),
            by_powers(
                graph(
                    "Evidence of a change",
                    About(
                        "0.1 is pending, 1 fires, then it begins anew. A bet against 'all is well': it grows only when"
                        " fewer go on than the customers in flight lead to expect. This is the whole step's; an alarm"
                        " of one segment may come first.",
                        "the customers due, in the panel above: few of them, slow growth.",
                        "From 1 on there is an alarm; the table beside it has its owner.",
                        _DROP,
                    ),
                    [over_time(_by_step(names.STEP_EVIDENCE, _STEP), "{{step}}")],
                    unit=COUNT,
                    least=None,
                    width=12,
                    height=7,
                    empty="No step of this journey is watched yet",
                )
            ),
            rows_of(
                "Alarms of this journey",
                About(
                    "Every alert of this journey that fires.",
                    "each row is one alert; its customers and segments are in the console.",
                    "Open the runbook of the row; acknowledge in the console.",
                    _DROP,
                ),
                [rows(firing(_JOURNEY), "A")],
                [
                    Column("severity", "severity", width=90),
                    Column("step", "step"),
                    Column("signal", "signal"),
                    Column("direction", "direction", width=90),
                    Column("owner", "owner"),
                    Column("runbook", "runbook", links=[links.to_runbook()]),
                ],
                width=12,
                height=7,
                empty="No alarm fires",
            ),
        ],
    )


def _conversion() -> Section:
    where = f"{_STEP}, {_RATIO}"
    repeated = band(
        graph(
            "Conversion of $step",
            About(
                "Share of the step's customers who go on, with its 95 % interval, over the chosen window.",
                "dashed grey, right axis: customers the share is taken from.",
                "Look at the band, not the line: while bands overlap, nothing is shown to have changed.",
                _DROP,
            ),
            [
                over_time(_by_step(names.STEP_CONVERSION, where), "value"),
                over_time(_by_step(names.STEP_CONVERSION_LOWER, where), "low", "L"),
                over_time(_by_step(names.STEP_CONVERSION_UPPER, where), "high", "H"),
                over_time(_by_step(names.STEP_CONVERSION_N, where), "n", N),
            ],
            unit=RATIO,
            width=24,
            height=7,
            empty="Fewer than the smallest sample in this window: choose a longer one",
        )
    )
    return Section("Conversion with its interval", [repeated.repeat("step").repeat_direction("h").max_per_row(3)])


def _signals() -> Section:
    what = f"max by (signal, unit) ({of(names.SIGNAL_INFO, _JOURNEY)})"

    def values(kind: str, metric: Metric) -> str:
        where = f'kind="{kind}", window="$window"'
        return f"max by (signal) ({of(metric, where)}) * on (signal) group_left (unit) {what}"

    panels = []
    for kind, says in _KINDS.items():
        panel = graph(
            f"{kind.capitalize()}: {says}",
            About(
                f"The signals of kind {kind} that belong to this journey, over the chosen window; the thin dashes are"
                " the ends of their 95 % intervals.",
                "dashed grey, right axis. Below its `min_n` a signal is absent.",
                "Read the three side by side: what happened, what they say of it, what it came to.",
                "signal-breached",
            ),
            [
                over_time(values(kind, names.SIGNAL), "{{signal}} {{unit}}"),
                over_time(values(kind, names.SIGNAL_LOWER), "{{signal}} {{unit}} low", "L"),
                over_time(values(kind, names.SIGNAL_UPPER), "{{signal}} {{unit}} high", "H"),
                over_time(values(kind, names.SIGNAL_N), "n {{signal}}", N),
            ],
            unit=COUNT,
            width=8,
            height=9,
            least=None,
            empty=f"No {kind} signal of this journey, or too few observations in this window",
        )
        for unit, shown in _UNITS.items():
            panel.override_by_regexp(f"/ {unit}/", [DynamicConfigValue("unit", shown)])
        panels.append(edges(panel, "L", "H"))
    return Section("Interaction, perception and outcome, side by side", panels)


def journey() -> Dashboard:
    """One journey in full."""
    return board(
        "journey",
        "Touchline / Journey",
        "One journey: where customers stop, who they are, whether it is more than chance, and what they say about it.",
        [_map(), _now(), _conversion(), _signals(), segments()],
        variables.journey(),
        variables.step(),
        variables.dimension(),
        variables.window(),
        variables.basis(),
        since="now-1h",
        refresh="10s",
        alarms=_JOURNEY,
    )
