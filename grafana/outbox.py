"""Operations, what leaves: deliveries that wait, are made, or are given up."""

from __future__ import annotations

from grafana.colours import BAD, GOOD, MIDDLE
from grafana.layout import Section
from grafana.panels import (
    COUNT,
    PER_SECOND,
    SECONDS,
    About,
    Column,
    graph,
    rows_of,
)
from grafana.promql import grown, of, rate, total
from grafana.source import over_time, rows
from streams.runtime import metric_names as names


def outbox() -> Section:
    return Section(
        "Outbox and deliveries",
        [
            graph(
                "Waiting for their receiver",
                About(
                    "Deliveries that wait, by receiver.",
                    "the lines are counts.",
                    "One receiver's line rises: it does not answer.",
                    "deliveries",
                ),
                [over_time(total(names.DELIVERIES_PENDING, "receiver"), "{{receiver}}")],
                unit=COUNT,
                width=8,
                empty="No subscription in the file",
            ),
            graph(
                "Attempts by outcome",
                About(
                    "Attempts to deliver per second: delivered, to be tried again, given up.",
                    "the areas are counts per second.",
                    "`failed` is lost for the receiver until it is replayed: POST /api/v1/deliveries/replay.",
                    "deliveries",
                ),
                [over_time(rate(names.DELIVERIES, "outcome"), "{{outcome}}")],
                unit=PER_SECOND,
                width=8,
                stacked=True,
                empty="Nothing was delivered in this time",
                colours={"delivered": GOOD, "retried": MIDDLE, "failed": BAD},
            ),
            rows_of(
                "Receivers",
                About(
                    "Each receiver: whether it takes what it is sent, what waits and for how long.",
                    "`attempts` in the chosen time.",
                    "0 in `takes`: see the runbook.",
                    "deliveries",
                ),
                [
                    rows(f"min by (receiver) ({of(names.RECEIVER_UP)})", "A"),
                    rows(total(names.DELIVERIES_PENDING, "receiver"), "F"),
                    rows(f"max by (receiver) ({of(names.DELIVERIES_OLDEST)})", "O"),
                    rows(grown(names.DELIVERIES, "receiver"), "N"),
                ],
                [
                    Column("receiver", "receiver"),
                    Column("A", "takes", COUNT, 70, ((None, BAD), (1, GOOD))),
                    Column("F", "waiting", COUNT, 80),
                    Column("O", "oldest", SECONDS, 90, ((None, "text"), (600, BAD)), decimals=0),
                    Column("N", "attempts", COUNT, 90, decimals=0),
                ],
                width=8,
                empty="No subscription in the file",
            ),
        ],
    )
