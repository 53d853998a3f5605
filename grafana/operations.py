"""Operations: does the machinery keep pace, and where does it wait?"""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.board import board
from grafana.cluster import cluster
from grafana.colours import BAD, GOOD, MIDDLE
from grafana.layout import Section
from grafana.memory import memory
from grafana.outbox import outbox
from grafana.panels import BYTES, COUNT, PER_SECOND, SECONDS, About, N, graph, number
from grafana.promql import of, rate, total
from grafana.scraping import scraping
from grafana.source import at_once, over_time
from streams.runtime import metric_names as names

_WINDOW = "$__rate_interval"


def _quantile(share: float) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({of(names.PROCESSING, suffix='_bucket')}[{_WINDOW}])))"


def _now() -> Section:
    return Section(
        "Now",
        [
            number(
                "Services ready",
                About(
                    "Services that take events, of those scraped.",
                    "`scraped`: services that answer at all.",
                    "Fewer ready than scraped: see the runbook.",
                    "not-ready",
                ),
                [at_once(f"sum({of(names.READY)})", "ready"), at_once(f"count({of(names.READY)})", "scraped", N)],
                unit=COUNT,
                width=4,
                empty="Nothing is scraped: is the job in Prometheus?",
                steps=((None, BAD), (1, GOOD)),
            ),
            number(
                "Lag",
                About(
                    "The clock minus the watermark: how old the numbers are.",
                    "`events/s`: records read per second.",
                    "2 to 5 s is normal.",
                    "lag",
                ),
                [at_once(f"max({of(names.WATERMARK_LAG)})", "lag"), at_once(rate(names.EVENTS_READ), "events/s", N)],
                unit=SECONDS,
                width=4,
                empty="No event has come yet",
                steps=((None, GOOD), (15, MIDDLE), (60, BAD)),
            ),
            number(
                "From reception to commit, 99 %",
                About(
                    "99 % of the events are committed within this time of their reception.",
                    "`events/s`: events it is taken from.",
                    "Above 5 s: see the runbook.",
                    "slow",
                ),
                [
                    at_once(_quantile(0.99), "p99"),
                    at_once(f"sum(rate({of(names.PROCESSING, suffix='_count')}[{_WINDOW}]))", "events/s", N),
                ],
                unit=SECONDS,
                width=4,
                empty="No event in this time",
                steps=((None, GOOD), (2, MIDDLE), (5, BAD)),
            ),
            number(
                "Dead letters held",
                About(
                    "Records that could not be taken and wait to be looked at.",
                    "the number is the count.",
                    "`touchline dlq list` says what is wrong with them.",
                    "invalid-events",
                ),
                [at_once(total(names.DEAD_LETTERS), "held")],
                unit=COUNT,
                width=4,
                empty="None",
                steps=((None, GOOD), (1, MIDDLE)),
            ),
            number(
                "Deliveries waiting",
                About(
                    "Alerts, asks and cases that wait for their receiver.",
                    "the number is the count.",
                    "The outbox below says which receiver.",
                    "deliveries",
                ),
                [
                    at_once(total(names.DELIVERIES_PENDING), "waiting"),
                ],
                unit=COUNT,
                width=4,
                empty="No subscription in the file",
            ),
            number(
                "Memory",
                About(
                    "Resident memory of the largest process.",
                    "`customers`: states held in memory.",
                    "It grows with customers held in memory up to the cache's limit, then stays.",
                    "memory",
                ),
                [
                    at_once(f"max({of('process_resident_memory_bytes')})", "memory"),
                    at_once(total(names.CACHED_CUSTOMERS), "customers", N),
                ],
                unit=BYTES,
                width=4,
                empty="The process does not say",
            ),
        ],
    )


def _intake() -> Section:
    return Section(
        "Throughput and lag",
        [
            graph(
                "Events by source",
                About(
                    "Events accepted per second, by source.",
                    "the areas are counts per second.",
                    "A source that ends: see the runbook.",
                    "source-silent",
                ),
                [over_time(rate(names.SOURCE_EVENTS, "source"), "{{source}}")],
                unit=PER_SECOND,
                width=8,
                stacked=True,
                empty="No event in this time",
            ),
            graph(
                "Copies, late, future and invalid ones",
                About(
                    "Records per second that were copies, came behind the watermark, lay ahead of the clock, or could"
                    " not be taken.",
                    "the lines are counts per second.",
                    "Invalid after a release of a sender: see the runbook.",
                    "invalid-events",
                ),
                [
                    over_time(rate(names.EVENTS_DUPLICATE), "copies"),
                    over_time(rate(names.EVENTS_LATE), "late", "L"),
                    over_time(rate(names.EVENTS_FUTURE), "future", "F"),
                    over_time(rate(names.EVENTS_INVALID, "reason"), "invalid: {{reason}}", "I"),
                ],
                unit=PER_SECOND,
                width=8,
                empty="No event in this time",
            ),
            graph(
                "Lag of the watermark",
                About(
                    "The clock minus the watermark: how old the numbers are.",
                    "dashed grey, right axis: records read per second.",
                    "It grows with fewer events than usual: a source is behind. With more: it catches up by itself.",
                    "lag",
                ),
                [
                    over_time(f"max by (instance) ({of(names.WATERMARK_LAG)})", "{{instance}}"),
                    over_time(rate(names.EVENTS_READ), "events/s", N),
                ],
                unit=SECONDS,
                width=8,
                least=None,
                empty="No event has come yet",
            ),
            graph(
                "From reception to commit",
                About(
                    "Half, 95 % and 99 % of the events are committed within these times of their reception.",
                    "dashed grey, right axis: events per second they are taken from.",
                    "All lines up: the disk. Only the upper ones: bursts.",
                    "slow",
                ),
                [
                    over_time(_quantile(0.5), "50 %"),
                    over_time(_quantile(0.95), "95 %", "B"),
                    over_time(_quantile(0.99), "99 %", "C"),
                    over_time(f"sum(rate({of(names.PROCESSING, suffix='_count')}[{_WINDOW}]))", "events/s", N),
                ],
                unit=SECONDS,
                width=8,
                empty="No event in this time",
                colours={"50 %": GOOD, "95 %": MIDDLE, "99 %": BAD},
            ),
            graph(
                "Requests by status",
                About(
                    "HTTP requests answered per second.",
                    "the areas are counts per second.",
                    "429: more comes than is worked off. 401: a sender has the wrong key. 5xx: the log says why.",
                    "not-ready",
                ),
                [over_time(rate(names.HTTP_REQUESTS, "status"), "{{status}}")],
                unit=PER_SECOND,
                width=8,
                stacked=True,
                empty="No request in this time",
            ),
            graph(
                "Decisions by type",
                About(
                    "Decision records made per second.",
                    "the areas are counts per second.",
                    "None at all while events come: no rule of the file matches them.",
                ),
                [over_time(rate(names.DECISIONS, "type"), "{{type}}")],
                unit=PER_SECOND,
                width=8,
                stacked=True,
                empty="No decision in this time",
            ),
        ],
    )


def operations() -> Dashboard:
    """The machinery."""
    return board(
        "operations",
        "Touchline / Operations",
        "Does the machinery keep pace: what comes in, how old the numbers are, what waits, what it costs.",
        [_now(), _intake(), outbox(), memory(), cluster(), scraping()],
        since="now-1h",
    )
