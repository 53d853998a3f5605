"""Closed loop: is every customer who complained heard in time, and does it help?"""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana import variables
from grafana.board import board
from grafana.colours import BAD, CALM, GOOD, MIDDLE
from grafana.effect import effect
from grafana.layout import Section
from grafana.panels import AGO, COUNT, PER_SECOND, SECONDS, About, Column, N, graph, number, rows_of
from grafana.promql import grown, of, rate, share, total
from grafana.source import at_once, over_time, rows
from streams.runtime import metric_names as names
from streams.runtime.metric_names import Metric

_RULE = 'rule=~"$rule"'
_LATE = "cases-late"
_OLDEST = f"min by (rule) ({of(names.CASE_OLDEST, _RULE)})"


def _grown(metric: Metric, by: str = "", over: str = "$__range") -> str:
    """By how much it has grown; 0 where there are cases but none of these yet."""
    return f"({grown(metric, by, _RULE, over)} or 0 * {total(names.CASES_OPENED, by, _RULE)})"


_CONTACTED = _grown(names.CASES_CONTACTED)


def _sums() -> Section:
    hour, day = 3600, 86_400
    return Section(
        "Cases",
        [
            number(
                "Open now",
                About("Cases that are not closed.", "the number is the count.", "Work the oldest first.", _LATE),
                [at_once(total(names.CASES_OPEN, where=_RULE), "open")],
                unit=COUNT,
                width=4,
                empty="No case yet",
            ),
            number(
                "Oldest open case",
                About(
                    "Age of the oldest case that is not closed.",
                    "one case; how many are open stands beside it.",
                    "In the console: Cases, order by age. Call the customer, or say why not.",
                    _LATE,
                ),
                [at_once(f"time() - min({of(names.CASE_OLDEST, _RULE)})", "age")],
                unit=SECONDS,
                width=4,
                empty="No case is open",
                steps=((None, GOOD), (day, MIDDLE), (2 * day, BAD)),
            ),
            number(
                "Warned, contact deadline passed",
                About(
                    "Cases whose customer had to be contacted soon (`warn`, 24 h unless the file says otherwise), and"
                    " those whose deadline passed (`breach`, 48 h), in the chosen time.",
                    "the numbers are counts; `opened`: cases opened in the same time.",
                    "Every passed deadline is a broken promise: call first, ask why after.",
                    _LATE,
                ),
                [
                    at_once(_grown(names.CASES_WARNED), "warned"),
                    at_once(_grown(names.CASES_BREACHED), "passed", "B"),
                    at_once(grown(names.CASES_OPENED, where=_RULE), "opened", N),
                ],
                unit=COUNT,
                width=8,
                empty="No case yet",
                colours={"warned": MIDDLE, "passed": BAD},
            ),
            number(
                "Mean time to first contact",
                About(
                    "From the opening of a case to the first contact with its customer.",
                    "`contacted`: cases it is taken from.",
                    "Compare with the deadline of the rule, 48 h unless the file says otherwise.",
                    _LATE,
                ),
                [
                    at_once(share(grown(names.CASES_CONTACT_SECONDS, where=_RULE), _CONTACTED), "time"),
                    at_once(_CONTACTED, "contacted", N),
                ],
                unit=SECONDS,
                width=4,
                empty="Nobody was contacted in this time",
                steps=((None, GOOD), (day, MIDDLE), (48 * hour, BAD)),
            ),
            number(
                "Without an owner",
                About(
                    "Cases opened without a known owner, in the chosen time.",
                    "the number is the count.",
                    "Name an `owner` for the rule or the journey.",
                    _LATE,
                ),
                [at_once(_grown(names.CASES_UNROUTED), "unrouted")],
                unit=COUNT,
                width=4,
                empty="None",
                steps=((None, GOOD), (1, MIDDLE)),
            ),
        ],
    )


def _flow() -> Section:
    each = "$__interval"
    return Section(
        "Opened, contacted, closed",
        [
            graph(
                "Open cases by rule",
                About(
                    "Cases that are not closed.",
                    "the areas are counts.",
                    "A steady rise: more come than are worked off.",
                    _LATE,
                ),
                [over_time(total(names.CASES_OPEN, "rule", _RULE), "{{rule}}")],
                unit=COUNT,
                width=8,
                stacked=True,
                empty="No case yet",
            ),
            graph(
                "Opened and closed",
                About(
                    "Cases opened, contacted and closed per second.",
                    "the lines are counts per second.",
                    "Closed should keep pace with opened over a day.",
                    _LATE,
                ),
                [
                    over_time(rate(names.CASES_OPENED, where=_RULE), "opened"),
                    over_time(rate(names.CASES_CONTACTED, where=_RULE), "contacted", "B"),
                    over_time(rate(names.CASES_CLOSED, where=_RULE), "closed", "C"),
                ],
                unit=PER_SECOND,
                width=8,
                empty="No case yet",
                colours={"opened": CALM, "contacted": MIDDLE, "closed": GOOD},
            ),
            graph(
                "Warnings and passed deadlines",
                About(
                    "Cases warned and late, in each interval.",
                    "the bars are counts.",
                    "Bars at the same hours: a shift is short of people, or the calendar of the rule is wrong.",
                    _LATE,
                ),
                [
                    over_time(_grown(names.CASES_WARNED, over=each), "warned"),
                    over_time(_grown(names.CASES_BREACHED, over=each), "passed", "B"),
                ],
                unit=COUNT,
                width=8,
                bars=True,
                empty="None: every customer was contacted in time",
                colours={"warned": MIDDLE, "passed": BAD},
            ),
            rows_of(
                "By rule",
                About(
                    "Each rule's cases in the chosen time, and how old its oldest open one is.",
                    "the columns are counts.",
                    "A click on the console at the top leads to the cases.",
                    _LATE,
                ),
                [
                    rows(total(names.CASES_OPEN, "rule", _RULE), "F"),
                    rows(f"{_OLDEST} * 1000", "O"),
                    rows(grown(names.CASES_OPENED, "rule", _RULE), "A"),
                    rows(_grown(names.CASES_JOINED, "rule"), "J"),
                    rows(_grown(names.CASES_BREACHED, "rule"), "B"),
                    rows(_grown(names.CASES_REOPENED, "rule"), "R"),
                    rows(_grown(names.CASES_INCOMPLETE, "rule"), "I"),
                ],
                [
                    Column("rule", "rule"),
                    Column("F", "open", width=70),
                    Column("O", "oldest opened", AGO, 130),
                    Column("A", "opened", COUNT, 80, decimals=0),
                    Column("J", "joined", COUNT, 80, decimals=0),
                    Column("B", "late", COUNT, 70, ((None, "text"), (1, BAD)), decimals=0),
                    Column("R", "reopened", COUNT, 90, decimals=0),
                    Column("I", "incomplete", COUNT, 100, decimals=0),
                ],
                width=16,
                height=7,
                empty="No case yet",
            ),
            rows_of(
                "How cases ended",
                About(
                    "Cases closed in the chosen time, by disposition.",
                    "the column `closed` is the count.",
                    "Many `no_action_explained`: the cause lies elsewhere; collect it for the outer loop.",
                ),
                [rows(grown(names.CASES_CLOSED, "disposition", _RULE), "A")],
                [Column("disposition", "disposition"), Column("A", "closed", COUNT, 160, gauge=True, decimals=0)],
                width=8,
                height=7,
                empty="No case was closed in this time",
            ),
        ],
    )


def closed_loop() -> Dashboard:
    """Cases, and what comes of them."""
    return board(
        "closed-loop",
        "Touchline / Closed loop",
        "Is every customer who complained heard in time (24 h to warn, 48 h at the latest), by whom, and does it help?",
        [_sums(), _flow(), effect()],
        variables.rule(names.CASES_OPENED.name, "case rule"),
        since="now-24h",
        refresh="1m",
    )
