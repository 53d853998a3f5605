"""Operations, what is kept: timers, dead letters, memory, the file in force."""

from __future__ import annotations

from grafana.colours import BAD
from grafana.layout import Section
from grafana.panels import (
    BYTES,
    COUNT,
    PER_SECOND,
    SECONDS,
    About,
    Column,
    N,
    graph,
    rows_of,
)
from grafana.promql import of, rate, total
from grafana.source import over_time, rows
from streams.runtime import metric_names as names

_WINDOW = "$__rate_interval"


def memory() -> Section:
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
