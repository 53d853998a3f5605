"""Feedback: who is asked, who is not and why, and what comes back?"""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana import variables
from grafana.answers import answers
from grafana.board import board
from grafana.colours import CALM, MIDDLE
from grafana.layout import Section
from grafana.learning import learning
from grafana.panels import COUNT, PER_SECOND, RATIO, SECONDS, About, Column, N, graph, number, rows_of
from grafana.promql import any_of, grown, of, rate, share
from grafana.source import at_once, over_time, rows
from streams.runtime import metric_names as names

_RULE = 'rule=~"$rule", rule!=""'
"""Without a rule are answers to what we did not ask."""
_TIRED = f'{_RULE}, reason=~"{any_of(("fatigue", "yearly_cap", "case_already_asked"))}"'
_TROUBLED = f'{_RULE}, reason=~"{any_of(("open_case", "live_conversation", "unresolved_defect"))}"'
_ASKED = grown(names.FEEDBACK_REQUESTS, where=_RULE)
_WITHHELD = f"({grown(names.FEEDBACK_WITHHELD, where=_RULE)} or vector(0))"
_ANSWERED = grown(names.FEEDBACK_RESPONSES, where=_RULE)
_WHY = "why-nobody-is-asked"


def _sums() -> Section:
    return Section(
        "In the chosen time",
        [
            number(
                "Asked",
                About("Questions asked.", "the number is the count.", "None at all for days: see the runbook.", _WHY),
                [at_once(_ASKED, "asked")],
                unit=COUNT,
                width=4,
                empty="Nobody was asked",
            ),
            number(
                "Withheld",
                About(
                    "Questions withheld, each with a reason; one that waits for a problem to end counts each time.",
                    "the number is the count.",
                    "It is there to protect customers. If it grows, the reasons below say why.",
                    _WHY,
                ),
                [at_once(_WITHHELD, "withheld")],
                unit=COUNT,
                width=4,
                empty="None withheld",
            ),
            number(
                "Share asked",
                About(
                    "Asked, of all that were due.",
                    "`due`: asked and withheld.",
                    "A fall: see which reason grew.",
                    _WHY,
                ),
                [
                    at_once(share(_ASKED, f"({_ASKED} + {_WITHHELD})"), "asked"),
                    at_once(f"{_ASKED} + {_WITHHELD}", "due", N),
                ],
                unit=RATIO,
                width=4,
                empty="Nobody was due",
            ),
            number(
                "Response rate",
                About(
                    "Answers to our questions, of the questions asked, both in the chosen time. Most answers take hours"
                    " or days, so a short time shows too little.",
                    "`asked`: questions the rate is taken from.",
                    "Compare rules and channels below before changing a text.",
                ),
                [at_once(share(_ANSWERED, _ASKED), "answered"), at_once(_ASKED, "asked", N)],
                unit=RATIO,
                width=4,
                empty="Nobody was asked",
            ),
            number(
                "Mean time to answer",
                About(
                    "From the question to its answer.",
                    "`answers`: those it is taken from.",
                    "Late answers are milder: compare scores of like delay only.",
                ),
                [
                    at_once(share(grown(names.FEEDBACK_RESPONSE_SECONDS, where=_RULE), _ANSWERED), "time"),
                    at_once(_ANSWERED, "answers", N),
                ],
                unit=SECONDS,
                width=4,
                empty="No answer to our questions yet",
            ),
            number(
                "Moved to later",
                About(
                    "Questions moved to a better time, as by quiet hours.",
                    "the number is the count.",
                    "Nothing: they come later.",
                ),
                [at_once(grown(names.FEEDBACK_DEFERRED, where=_RULE), "moved")],
                unit=COUNT,
                width=4,
                empty="None moved",
            ),
        ],
    )


def _asking() -> Section:
    rules = share(
        grown(names.FEEDBACK_RESPONSES, "rule, channel", _RULE), grown(names.FEEDBACK_REQUESTS, "rule, channel", _RULE)
    )
    return Section(
        "Asked and withheld",
        [
            graph(
                "Asked, by rule and channel",
                About(
                    "Questions asked per second.", "the lines are counts per second.", "Nothing, unless it stops.", _WHY
                ),
                [over_time(rate(names.FEEDBACK_REQUESTS, "rule, channel", _RULE), "{{rule}} {{channel}}")],
                unit=PER_SECOND,
                width=8,
                empty="Nobody was asked",
            ),
            graph(
                "Withheld, by reason",
                About(
                    "Questions withheld per second, by the first gate that failed.",
                    "the areas are counts per second.",
                    "A problem gate that grows means customers in trouble, not a fault of asking.",
                    _WHY,
                ),
                [over_time(rate(names.FEEDBACK_WITHHELD, "reason", _RULE), "{{reason}}")],
                unit=PER_SECOND,
                width=8,
                stacked=True,
                empty="None withheld",
            ),
            rows_of(
                "Rule and reason",
                About(
                    "How often each rule withheld for each reason, in the chosen time.",
                    "the column `withheld` is the count.",
                    "`touchline why CUSTOMER` tells the story of one.",
                    _WHY,
                ),
                [rows(grown(names.FEEDBACK_WITHHELD, "rule, reason", _RULE), "A")],
                [
                    Column("rule", "rule"),
                    Column("reason", "reason"),
                    Column("A", "withheld", COUNT, 140, gauge=True, decimals=0),
                ],
                width=8,
                empty="None withheld",
                sort=(("withheld", True),),
            ),
            graph(
                "Fatigue: share of due questions withheld to spare the customer",
                About(
                    "Withheld by `fatigue`, `yearly_cap` or `case_already_asked`, of all due, over an hour.",
                    "dashed grey, right axis: questions due.",
                    "Above a third: too many rules ask the same customers. Sample, or lengthen `wait`.",
                    _WHY,
                ),
                [
                    over_time(_due(_TIRED), "spared"),
                    over_time(_due(), "due", N),
                ],
                unit=RATIO,
                width=8,
                most=1,
                empty="Nobody was due in the last hour",
                colours={"spared": MIDDLE},
            ),
            graph(
                "Customers in trouble who were not asked",
                About(
                    "Withheld because of an open case, a live conversation or an unresolved defect, per second.",
                    "the lines are counts per second.",
                    "Each of them is a customer to be helped first: see Closed loop.",
                ),
                [over_time(rate(names.FEEDBACK_WITHHELD, "reason", _TROUBLED), "{{reason}}")],
                unit=PER_SECOND,
                width=8,
                empty="None",
            ),
            rows_of(
                "Response by rule and channel",
                About(
                    "Answers of the questions asked, in the chosen time.",
                    "the column `n`: questions asked.",
                    "With less than a hundred asked, differences of ten points are chance.",
                ),
                [rows(rules, "A"), rows(grown(names.FEEDBACK_REQUESTS, "rule, channel", _RULE), "N")],
                [
                    Column("rule", "rule"),
                    Column("channel", "channel", width=80),
                    Column("N", "n", COUNT, 70, decimals=0),
                    Column("A", "answered", RATIO, 130, ((None, CALM),), gauge=True, decimals=1),
                ],
                width=8,
                empty="No answer to our questions yet",
            ),
        ],
    )


def _due(where: str = "") -> str:
    """Questions due in the last hour; with a condition the share of them that it held for."""
    asked = f"sum(increase({of(names.FEEDBACK_REQUESTS, _RULE)}[1h]))"
    due = f"({asked} + (sum(increase({of(names.FEEDBACK_WITHHELD, _RULE)}[1h])) or vector(0)))"
    return share(f"(sum(increase({of(names.FEEDBACK_WITHHELD, where)}[1h])) or vector(0))", due) if where else due


def feedback() -> Dashboard:
    """Asking, and what comes of it."""
    return board(
        "feedback",
        "Touchline / Feedback",
        "Who is asked, who is not and why, whether customers tire of it, and what comes back.",
        [_sums(), _asking(), answers(), learning()],
        variables.rule(names.FEEDBACK_WITHHELD.name, "rule"),
        variables.window(),
        since="now-24h",
        refresh="1m",
    )
