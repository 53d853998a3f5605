"""Overview: is anything wrong, where, since when, and what changed?"""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana import links, variables
from grafana.all_journeys import TO_JOURNEY, all_journeys
from grafana.board import board
from grafana.colours import BAD, CALM, GOOD, MIDDLE, SEVERITIES
from grafana.layout import Section
from grafana.panels import COUNT, RATIO, SECONDS, About, Column, N, by_powers, graph, number, rows_of
from grafana.promql import firing, grown, of, rate, share, total
from grafana.source import at_once, over_time, rows
from streams.runtime import metric_names as names


def _now() -> Section:
    budget = f"max({of(names.ALARM_BUDGET)})"
    used = f"sum(increase({of(names.ALARM_CREDIT)}[7d])) / {budget}"
    return Section(
        "Now",
        [
            number(
                "Alarms now",
                About(
                    "Alerts that fire now, by severity. Each has passed a test with a budget of false alarms.",
                    "the number is the count.",
                    "Open the table below; critical ones stand first.",
                    "journey-drop",
                ),
                [at_once(total(names.ALERTS_ACTIVE, "severity"), "{{severity}}")],
                unit=COUNT,
                width=6,
                empty="No detection: name a journey in the file",
                steps=((None, GOOD), (1, BAD)),
                colours=SEVERITIES,
            ),
            number(
                "Budget of false alarms used, 7 days",
                About(
                    "Expected false alarms handed out in the last 7 days, as a share of what the file grants a week"
                    " (`alerts: {false_alarms}`). It stays at or below 100 % by construction.",
                    "`fired`: alarms in the last 7 days, true and false. On average at most the share of one week's"
                    " budget of them were false.",
                    "If more of the fired ones were false than the budget allows, over weeks, see the runbook.",
                    "journey-drop",
                ),
                [at_once(used, "used"), at_once(grown(names.ALERTS_FIRED, over="7d"), "fired", N)],
                unit=RATIO,
                width=6,
                empty="No detection yet",
                steps=((None, GOOD), (1.01, BAD)),
            ),
            number(
                "Numbers are this old",
                About(
                    "The clock minus the watermark: up to there all events are counted.",
                    "`events/s`: records read per second.",
                    "2 to 5 s is normal. More: see the runbook; the Operations board shows where it waits.",
                    "lag",
                ),
                [
                    at_once(f"max({of(names.WATERMARK_LAG)})", "lag"),
                    at_once(rate(names.EVENTS_READ), "events/s", N),
                ],
                unit=SECONDS,
                width=6,
                empty="No event has come yet",
                steps=((None, GOOD), (15, MIDDLE), (60, BAD)),
                links=[links.to_board("Operations", "operations")],
            ),
            number(
                "Customers in journeys",
                About(
                    "Customers in some step now, with time left to go on.",
                    "the number is the count; one customer may be in several journeys.",
                    "Nothing. It tells how many a fault would meet now.",
                ),
                [at_once(total(names.STEP_IN_FLIGHT), "in flight")],
                unit=COUNT,
                width=6,
                empty="Nobody, or no journey in the file",
            ),
        ],
    )


def _alarms() -> Section:
    return Section(
        "What is wrong, and what changed",
        [
            rows_of(
                "Alarms that fire",
                About(
                    "One row for each alert that fires. `signal` is `conversion`, `arrivals`, `silence` or a signal's"
                    " name. Segments, size, since when and example customers are on the alarm in the console.",
                    "each row is one alert; its evidence and customers are in the console.",
                    "Open the runbook of the row, or the journey. Acknowledge in the console.",
                    "journey-drop",
                ),
                [rows(firing(), "A")],
                [
                    Column("severity", "severity", width=90),
                    Column("journey", "journey", links=[TO_JOURNEY]),
                    Column("step", "step"),
                    Column("signal", "signal"),
                    Column("direction", "direction", width=90),
                    Column("source", "source"),
                    Column("owner", "owner"),
                    Column("runbook", "runbook", links=[links.to_runbook()]),
                    Column("A", "firing", width=70),
                ],
                width=12,
                empty="No alarm fires",
                sort=(("severity", False),),
            ),
            by_powers(
                graph(
                    "Evidence of a change, by step",
                    About(
                        "Evidence that fewer go on from the step than its customers in flight lead to expect. 0.1 is"
                        " pending, 1 fires, then it begins anew; a bet against 'all is well', not a probability."
                        " An alarm of one segment may come first.",
                        "the evidence grows with the number of customers that should have gone on: few customers, slow"
                        " growth. Their number is on the Journey board.",
                        "Above 0.1 look at the step; from 1 on the alarm says the rest.",
                        "journey-drop",
                    ),
                    [
                        over_time(
                            f"max by (journey, step, direction) ({of(names.STEP_EVIDENCE)}) > 0.0001",
                            "{{journey}} {{step}} {{direction}}",
                        )
                    ],
                    unit=COUNT,
                    least=None,
                    width=6,
                    empty="No evidence of any change",
                )
            ),
            graph(
                "What changed",
                About(
                    "`change.deployed` events, and alarms that fired, in each interval.",
                    "the bars are counts.",
                    "A bar of alarms right after a change: take the change back, then look why.",
                    "journey-drop",
                ),
                [
                    over_time(
                        grown(names.EVENTS, where='type="change.deployed"', over="$__interval"), "change.deployed"
                    ),
                    over_time(grown(names.ALERTS_FIRED, over="$__interval"), "alarms fired", "B"),
                ],
                unit=COUNT,
                width=6,
                empty="Nothing was deployed (send change.deployed), no alarm fired",
                colours={"change.deployed": CALM, "alarms fired": BAD},
                bars=True,
            ),
        ],
    )


def _experience() -> Section:
    due = f"{grown(names.FEEDBACK_REQUESTS)} + ({grown(names.FEEDBACK_WITHHELD)} or vector(0))"
    answers = grown(names.ANSWERS, "metric, class")
    return Section(
        "Signals, cases, questions",
        [
            number(
                "Expectations missed",
                About(
                    "Signals that miss their `expect`, by kind: interaction (what happened), perception (what they"
                    " say), outcome (what it came to).",
                    "`checked`: signals with an `expect` and enough observations.",
                    "The Journey board shows which, with their values and intervals.",
                    "signal-breached",
                ),
                [
                    at_once(total(names.SIGNAL_BREACHED, "kind"), "{{kind}}"),
                    at_once(f"count({of(names.SIGNAL_BREACHED)})", "checked", N),
                ],
                unit=COUNT,
                width=6,
                empty="No signal with an expectation, or too little seen",
                steps=((None, GOOD), (1, BAD)),
            ),
            number(
                "Cases open",
                About(
                    "Cases that are not closed.",
                    "the number is the count; `late`: contact deadlines that passed in the chosen time.",
                    "Open the Closed loop board.",
                    "cases-late",
                ),
                [
                    at_once(total(names.CASES_OPEN), "open"),
                    at_once(f"{grown(names.CASES_BREACHED)} or 0 * {total(names.CASES_OPEN)}", "late", "B"),
                ],
                unit=COUNT,
                width=6,
                empty="No case yet",
                colours={"late": BAD},
                links=[links.to_board("Closed loop", "closed-loop")],
            ),
            number(
                "Questions asked",
                About(
                    "Share of the due questions that were asked, in the chosen time; the rest was withheld, each with"
                    " a reason.",
                    "`due`: asked and withheld.",
                    "A fall: the Feedback board shows which reason grew.",
                ),
                [
                    at_once(
                        share(grown(names.FEEDBACK_REQUESTS), f"({due})"),
                        "asked",
                    ),
                    at_once(
                        f"{grown(names.FEEDBACK_REQUESTS)} + ({grown(names.FEEDBACK_WITHHELD)} or vector(0))", "due", N
                    ),
                ],
                unit=RATIO,
                width=6,
                empty="Nobody was due to be asked",
                links=[links.to_board("Feedback", "feedback")],
            ),
            number(
                "Answers",
                About(
                    "Answers with a score in the chosen time, by metric.",
                    "the numbers are the counts.",
                    "Classes and scores with intervals are on the Feedback board.",
                ),
                [at_once(f"sum by (metric) ({answers})", "{{metric}}")],
                unit=COUNT,
                width=6,
                empty="No answer yet",
                links=[links.to_board("Feedback", "feedback")],
            ),
        ],
    )


def overview() -> Dashboard:
    """The first board to open."""
    return board(
        "overview",
        "Touchline / Overview",
        "Is anything wrong, where, since when, and what changed? From here a click leads to the journey, the cases, the"
        " questions or the machinery.",
        [_now(), _alarms(), all_journeys(), _experience()],
        variables.window(),
    )
