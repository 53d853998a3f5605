"""Operations, the workers of a cluster: partitions, their lag, rebalances, commits, the cache."""

from __future__ import annotations

from grafana.colours import BAD, GOOD, MIDDLE
from grafana.layout import Section
from grafana.panels import (
    COUNT,
    PER_SECOND,
    RATIO,
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
_ONLY = "Only workers of a cluster have partitions"


def cluster() -> Section:
    """Folded, as the embedded service has none of it."""
    hits = rate(names.CACHE_HITS)
    return Section(
        "Workers of a cluster",
        [
            graph(
                "Lag by partition",
                About(
                    "How long the oldest record not yet taken has waited at most, by partition.",
                    "dashed grey, right axis: records not yet taken, in all partitions.",
                    "One partition: a customer with very many events, or a worker that hangs. All: more workers.",
                    "lag",
                ),
                [
                    over_time(f"max by (partition) ({of(names.PARTITION_LAG)})", "{{partition}}"),
                    over_time(total(names.PARTITION_LAG_RECORDS), "records", N),
                ],
                unit=SECONDS,
                width=6,
                empty=_ONLY,
            ),
            graph(
                "Processor time by partition",
                About(
                    "Part of one core that the records of each partition take.",
                    "dashed grey, right axis: the most records per second that one partition gets.",
                    "One far above the rest is hot: a key with very many events. All high: more workers.",
                    "lag",
                ),
                [
                    over_time(rate(names.PARTITION_CPU, "partition"), "{{partition}}"),
                    over_time(f"max ({rate(names.PARTITION_RECORDS, 'partition')})", "records/s", N),
                ],
                unit=RATIO,
                width=6,
                empty=_ONLY,
            ),
            graph(
                "Rebalances and restarts of consumers",
                About(
                    "Times partitions were given out, and consumers started anew because they took nothing, in each"
                    " interval.",
                    "the bars are counts.",
                    "At a deployment they are expected. Otherwise: workers that are killed for memory, or too slow.",
                    "lag",
                ),
                [
                    over_time(f"sum (increase({of(names.REBALANCES)}[{_WINDOW}]))", "rebalances"),
                    over_time(
                        f"sum by (consumer) (increase({of(names.CONSUMER_RESTARTS)}[{_WINDOW}]))",
                        "restarts: {{consumer}}",
                        "R",
                    ),
                ],
                unit=COUNT,
                width=6,
                bars=True,
                empty=_ONLY,
            ),
            graph(
                "Outbox by partition",
                About(
                    "Committed effects that Kafka has not acknowledged yet.",
                    "the lines are counts.",
                    "It rises where Kafka does not take them: look at the brokers.",
                    "lag",
                ),
                [over_time(f"sum by (partition) ({of(names.OUTBOX)})", "{{partition}}")],
                unit=COUNT,
                width=6,
                empty=_ONLY,
            ),
            graph(
                "Decisions waiting to be delivered",
                About(
                    "How long the oldest decision not yet taken for delivery has waited at most, by partition of the"
                    " decisions.",
                    "dashed grey, right axis: decisions not yet taken, in all partitions.",
                    "Numbers are fresh but asks and alerts reach nobody: see the runbook. Once taken, they are in the"
                    " outbox above.",
                    "decisions-lag",
                ),
                [
                    over_time(f"max by (partition) ({of(names.DECISIONS_LAG)})", "{{partition}}"),
                    over_time(total(names.DECISIONS_LAG_RECORDS), "decisions", N),
                ],
                unit=SECONDS,
                width=6,
                empty=_ONLY,
            ),
            graph(
                "Commits by outcome",
                About(
                    "Commits to the store per second: done, to be read again, lost to another owner.",
                    "the areas are counts per second.",
                    "`lost` outside of a rebalance: two workers believe they own a partition. Nothing is doubled.",
                    "lag",
                ),
                [over_time(rate(names.COMMITS, "outcome"), "{{outcome}}")],
                unit=PER_SECOND,
                width=6,
                stacked=True,
                empty=_ONLY,
                colours={"done": GOOD, "reload": MIDDLE, "lost": BAD},
            ),
            graph(
                "Records whose state was in memory",
                About(
                    "Share of the records that needed no state from the store.",
                    "dashed grey, right axis: records per second.",
                    "Below a half: more memory for the cache, or fewer partitions for each worker.",
                    "memory",
                ),
                [
                    over_time(f"{hits} / ({hits} + {rate(names.CACHE_MISSES)} > 0)", "in memory"),
                    over_time(f"{hits} + {rate(names.CACHE_MISSES)}", "records/s", N),
                ],
                unit=RATIO,
                width=6,
                most=1,
                empty=_ONLY,
            ),
            rows_of(
                "Workers",
                About(
                    "Each worker: partitions it takes, whether it has the signals.",
                    "the columns are counts.",
                    "Exactly one worker has the signals; without one, boards stand still.",
                    "lag",
                ),
                [
                    rows(f"sum by (instance) ({of(names.PARTITION_RUNNING)})", "P"),
                    rows(f"max by (instance) ({of(names.SIGNALS_OWNER)})", "S"),
                    rows(f"max by (instance) ({of(names.SIGNALS_LAG_RECORDS)})", "L"),
                    rows(f"max by (instance) ({of(names.SIGNALS_HELD_BACK)})", "B"),
                ],
                [
                    Column("instance", "instance"),
                    Column("P", "partitions", width=90),
                    Column("S", "signals", width=80),
                    Column("L", "behind", width=80),
                    Column("B", "held back", width=90),
                ],
                width=6,
                empty=_ONLY,
            ),
        ],
        folded=True,
    )
