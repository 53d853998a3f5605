"""Operations: does the machinery keep pace, and where does it wait?"""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.board import board
from grafana.colours import BAD, GOOD, MIDDLE
from grafana.layout import Section
from grafana.panels import BYTES, COUNT, PER_SECOND, SECONDS, About, Column, N, graph, number, rows_of
from grafana.promql import grown, of, rate, total
from grafana.source import at_once, over_time, rows
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


def _outbox() -> Section:
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


def _state() -> Section:
    return Section(
        "Timers, letters, memory",
        [
            graph(
                "Timers waiting",
                About(
                    "Abandonments, asks, cases and forgetting that wait for their time.",
                    "the line is the count.",
                    "It follows the customers in flight. A fall to 0 under load: see the runbook.",
                    "lag",
                ),
                [over_time(total(names.TIMERS_PENDING), "timers")],
                unit=COUNT,
                width=6,
                height=7,
                empty="No service is scraped",
            ),
            graph(
                "Dead letters by reason",
                About(
                    "Records that could not be taken and wait.",
                    "the areas are counts.",
                    "`touchline dlq list`, mend the cause, `touchline dlq redrive`.",
                    "invalid-events",
                ),
                [over_time(total(names.DEAD_LETTERS, "reason"), "{{reason}}")],
                unit=COUNT,
                width=6,
                height=7,
                stacked=True,
                empty="None",
            ),
            graph(
                "Memory and customers in it",
                About(
                    "Resident memory by process.",
                    "dashed grey, right axis: customer states held in memory.",
                    "Memory grows while that line does not: see the runbook.",
                    "memory",
                ),
                [
                    over_time(f"max by (instance) ({of('process_resident_memory_bytes')})", "{{instance}}"),
                    over_time(total(names.CACHED_CUSTOMERS), "customers", N),
                ],
                unit=BYTES,
                width=6,
                height=7,
                empty="The process does not say",
            ),
            graph(
                "Store and log",
                About(
                    "Size of the data file with its write-ahead log.",
                    "dashed grey, right axis: records kept in the log.",
                    "The log keeps 7 days or 2 GiB; a full disk stops the intake: see the runbook.",
                    "not-ready",
                ),
                [
                    over_time(f"max by (instance) ({of(names.STORE_SIZE)})", "{{instance}}"),
                    over_time(total(names.LOG_ROWS), "records", N),
                ],
                unit=BYTES,
                width=6,
                height=7,
                empty="Only the embedded service keeps a file",
            ),
            graph(
                "CPU",
                About(
                    "Cores in use, by process. One process uses about one core.",
                    "dashed grey, right axis: records read per second.",
                    "At 1 it is at its limit: see the runbook.",
                    "slow",
                ),
                [
                    over_time(
                        f"sum by (instance) (rate({of('process_cpu_seconds_total')}[{_WINDOW}]))", "{{instance}}"
                    ),
                    over_time(rate(names.EVENTS_READ), "events/s", N),
                ],
                unit=COUNT,
                width=6,
                height=7,
                empty="The process does not say",
            ),
            rows_of(
                "What runs, with which file",
                About(
                    "Version and hash of the file in force.",
                    "one row for each process; `up` in seconds.",
                    "Two hashes for long: a worker has not taken the new file, or refuses it.",
                    "config-refused",
                ),
                [
                    rows(f"max by (instance, version) ({of(names.BUILD)})", "V"),
                    rows(f"max by (instance, hash) ({of(names.CONFIG)})", "C"),
                    rows(f"max by (instance) ({of(names.UP_TIME)})", "U"),
                    rows(f"max by (instance) ({of(names.CONFIG_REFUSED)})", "R"),
                ],
                [
                    Column("instance", "instance"),
                    Column("version", "version", width=80),
                    Column("hash", "file"),
                    Column("U", "up", SECONDS, 90, decimals=0),
                    Column("R", "refuses", COUNT, 80, ((None, "text"), (1, BAD))),
                ],
                width=12,
                height=7,
                empty="Nothing is scraped",
            ),
            graph(
                "Ids forgotten early",
                About(
                    "Ids of events that fell out of the memory of copies before their 24 h, per second.",
                    "the line is a count per second.",
                    "Above 0: a later copy would count again. Raise `dedup`.",
                    "seen-ids",
                ),
                [over_time(rate(names.SEEN_IDS_EVICTED), "forgotten")],
                unit=PER_SECOND,
                width=6,
                height=7,
                empty="No service is scraped",
            ),
        ],
    )


def _watching() -> Section:
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
                    over_time(f"max by (part) ({of(names.SERIES_CEILING)})", "{{part}} at most", N),
                ],
                unit=COUNT,
                width=8,
                empty="No service is scraped",
            ),
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


def operations() -> Dashboard:
    """The machinery."""
    return board(
        "operations",
        "Touchline / Operations",
        "Does the machinery keep pace: what comes in, how old the numbers are, what waits, what it costs.",
        [_now(), _intake(), _outbox(), _state(), _watching()],
        since="now-1h",
    )
