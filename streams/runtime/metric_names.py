"""Every metric Touchline exposes, declared once: name, kind, labels, unit, help.

The reference page, boards and rules are tested against this list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

Kind = Literal["counter", "gauge", "histogram", "info"]

STEP = ("journey", "step")
SEGMENT = ("journey", "step", "dimension", "value")
RATIO = ("window", "basis")
PARTITION = ("partition",)


class Metric(msgspec.Struct, frozen=True):
    """One metric family. Labels come from bounded sets and never hold a customer's id or address."""

    name: str
    """As PromQL writes it, `_total` of counters and `_info` of infos included."""
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    """What one is; empty for plain counts."""
    spread: tuple[str, ...] = ()
    """Labels it has beside these on the workers of a cluster."""


EVENTS_READ = Metric("touchline_events_read_total", "counter", "Records read from the log.")
EVENTS = Metric(
    "touchline_events_total",
    "counter",
    "Events accepted, by type; the first 100 types have a series, the rest is `other`.",
    ("type",),
)
SOURCE_EVENTS = Metric(
    "touchline_source_events_total",
    "counter",
    "Events accepted, by source; the first 50 sources have a series, the rest is `other`.",
    ("source",),
)
EVENTS_DUPLICATE = Metric("touchline_events_duplicate_total", "counter", "Copies of events already counted, dropped.")
EVENTS_LATE = Metric("touchline_events_late_total", "counter", "Accepted events that arrived behind the watermark.")
EVENTS_FUTURE = Metric(
    "touchline_events_future_total", "counter", "Accepted events whose time lay ahead of their reception, clamped."
)
EVENTS_INVALID = Metric(
    "touchline_events_invalid_total",
    "counter",
    "Records that could not be taken, by reason.",
    ("reason",),
    spread=PARTITION,
)
SEEN_IDS_EVICTED = Metric(
    "touchline_seen_ids_evicted_total",
    "counter",
    "Ids forgotten before their 24 h because of the `dedup` limits; later copies of them would count again.",
)
DEAD_LETTERS = Metric(
    "touchline_dead_letters", "gauge", "Dead letters held and not yet re-driven, by reason.", ("reason",)
)
DEAD_LETTERS_DROPPED = Metric(
    "touchline_dead_letters_dropped_total",
    "counter",
    "Dead letters let go although nobody had re-driven them, because too many were held, by reason.",
    ("reason",),
)
DECISIONS = Metric(
    "touchline_decisions_total", "counter", "Decision records made, by type.", ("type",), spread=PARTITION
)
WATERMARK_LAG = Metric(
    "touchline_watermark_lag_seconds",
    "gauge",
    "The clock minus the watermark; absent before the first event.",
    unit="s",
    spread=PARTITION,
)
WATERMARK = Metric(
    "touchline_watermark_timestamp_seconds",
    "gauge",
    "The watermark: up to here all events are counted; absent before the first event.",
    unit="s",
    spread=PARTITION,
)
PROCESSING = Metric(
    "touchline_event_processing_seconds", "histogram", "From an event's reception to its commit.", unit="s"
)
STEP_ENTERED = Metric("touchline_journey_step_entered_total", "counter", "Customers who entered the step.", STEP)
STEP_COMPLETED = Metric(
    "touchline_journey_step_completed_total", "counter", "Customers who went on from the step in time.", STEP
)
STEP_ABANDONED = Metric(
    "touchline_journey_step_abandoned_total", "counter", "Customers whose time to go on from the step ran out.", STEP
)
STEP_RECOVERED = Metric(
    "touchline_journey_step_recovered_total", "counter", "Abandoned customers who went on after all.", STEP
)
STEP_SKIPPED = Metric("touchline_journey_step_skipped_total", "counter", "Customers who passed the step over.", STEP)
STEP_REPEATED = Metric(
    "touchline_journey_step_repeated_total", "counter", "Events of a step its customer had entered already.", STEP
)
STEP_UNATTRIBUTED = Metric(
    "touchline_journey_step_unattributed_total", "counter", "Events of the step that belong to no open journey.", STEP
)
STEP_MERGED = Metric(
    "touchline_journey_step_merged_total", "counter", "Customers in the step who turned out to be another.", STEP
)
STEP_IN_FLIGHT = Metric(
    "touchline_journey_step_in_flight", "gauge", "Customers in the step now, with time left to go on.", STEP
)
STEP_CONVERSION = Metric(
    "touchline_journey_step_conversion_ratio",
    "gauge",
    "Share of the step's customers who went on in time, over the window; absent below the smallest sample."
    " `basis`: `cohort` follows those who entered and whose time is over, `throughput` divides what came out by what"
    " came in.",
    (*STEP, *RATIO),
    "ratio",
)
STEP_CONVERSION_LOWER = Metric(
    "touchline_journey_step_conversion_ratio_lower",
    "gauge",
    "Lower end of the conversion's 95 % interval.",
    (*STEP, *RATIO),
    "ratio",
)
STEP_CONVERSION_UPPER = Metric(
    "touchline_journey_step_conversion_ratio_upper",
    "gauge",
    "Upper end of the conversion's 95 % interval.",
    (*STEP, *RATIO),
    "ratio",
)
STEP_CONVERSION_N = Metric(
    "touchline_journey_step_conversion_samples",
    "gauge",
    "Customers the conversion is taken from; always there.",
    (*STEP, *RATIO),
)
STEP_DURATION_P50 = Metric(
    "touchline_journey_step_duration_p50_seconds",
    "gauge",
    "Median time from entering the step to the next, over the last hour.",
    STEP,
    "s",
)
STEP_DURATION_P90 = Metric(
    "touchline_journey_step_duration_p90_seconds",
    "gauge",
    "Time within which 90 % of those who went on did so, over the last hour.",
    STEP,
    "s",
)
STEP_POSITION = Metric(
    "touchline_journey_step_position", "gauge", "Place of the step in its journey, from 1; boards sort by it.", STEP
)
STEP_DUE = Metric(
    "touchline_journey_step_due_per_second",
    "gauge",
    "Completions per second to be expected now of the customers in flight, by how long they have been in the step;"
    " compare with the rate of `_completed_total`. Absent while it is learnt.",
    STEP,
)
JOURNEY = Metric(
    "touchline_journey_info",
    "info",
    "Owner and runbook of the journey, as the file names them; empty where it does not.",
    ("journey", "owner", "runbook"),
)
SEGMENT_ENTERED = Metric(
    "touchline_journey_segment_entered_total",
    "counter",
    "Customers who entered the step, by the value of one segment dimension; sum over `value`, not over `dimension`.",
    SEGMENT,
)
SEGMENT_COMPLETED = Metric(
    "touchline_journey_segment_completed_total",
    "counter",
    "Customers who went on from the step in time, by the value of one segment dimension.",
    SEGMENT,
)
SEGMENT_ABANDONED = Metric(
    "touchline_journey_segment_abandoned_total",
    "counter",
    "Customers whose time to go on from the step ran out, by the value of one segment dimension.",
    SEGMENT,
)
SEGMENT_RECOVERED = Metric(
    "touchline_journey_segment_recovered_total",
    "counter",
    "Abandoned customers who went on after all, by the value of one segment dimension.",
    SEGMENT,
)
SEGMENT_IN_FLIGHT = Metric(
    "touchline_journey_segment_in_flight",
    "gauge",
    "Customers in the step now, by the value of one segment dimension.",
    SEGMENT,
)
SEGMENT_CONVERSION = Metric(
    "touchline_journey_segment_conversion_ratio",
    "gauge",
    "The step's conversion for one value of a segment dimension; absent below the smallest sample.",
    (*SEGMENT, *RATIO),
    "ratio",
)
SEGMENT_CONVERSION_LOWER = Metric(
    "touchline_journey_segment_conversion_ratio_lower",
    "gauge",
    "Lower end of its 95 % interval.",
    (*SEGMENT, *RATIO),
    "ratio",
)
SEGMENT_CONVERSION_UPPER = Metric(
    "touchline_journey_segment_conversion_ratio_upper",
    "gauge",
    "Upper end of its 95 % interval.",
    (*SEGMENT, *RATIO),
    "ratio",
)
SEGMENT_CONVERSION_N = Metric(
    "touchline_journey_segment_conversion_samples",
    "gauge",
    "Customers it is taken from; always there.",
    (*SEGMENT, *RATIO),
)
_SIGNAL = ("signal", "kind", "window")
SIGNAL = Metric(
    "touchline_signal_value",
    "gauge",
    "A signal over the window, in the signal's own unit; absent below its min_n.",
    _SIGNAL,
    "the signal's",
)
SIGNAL_LOWER = Metric(
    "touchline_signal_value_lower", "gauge", "Lower end of its 95 % interval.", _SIGNAL, "the signal's"
)
SIGNAL_UPPER = Metric(
    "touchline_signal_value_upper", "gauge", "Upper end of its 95 % interval.", _SIGNAL, "the signal's"
)
SIGNAL_N = Metric("touchline_signal_samples", "gauge", "Observations it is taken from; always there.", _SIGNAL)
SIGNAL_INFO = Metric(
    "touchline_signal_info",
    "info",
    "What the signal belongs to and is measured in: `points`, `ratio`, `score`, `per_minute`, `seconds` or nothing;"
    " `journey` and `step` as the file names them, else empty.",
    ("signal", "kind", "journey", "step", "unit"),
)
_SIGNAL_SEGMENT = (*_SIGNAL, "dimension", "value")
SIGNAL_SEGMENT = Metric(
    "touchline_signal_segment_value",
    "gauge",
    "A signal over the window for one value of a segment dimension; absent below its min_n.",
    _SIGNAL_SEGMENT,
    "the signal's",
)
SIGNAL_SEGMENT_LOWER = Metric(
    "touchline_signal_segment_value_lower",
    "gauge",
    "Lower end of its 95 % interval.",
    _SIGNAL_SEGMENT,
    "the signal's",
)
SIGNAL_SEGMENT_UPPER = Metric(
    "touchline_signal_segment_value_upper",
    "gauge",
    "Upper end of its 95 % interval.",
    _SIGNAL_SEGMENT,
    "the signal's",
)
SIGNAL_SEGMENT_N = Metric(
    "touchline_signal_segment_samples", "gauge", "Observations it is taken from; always there.", _SIGNAL_SEGMENT
)
SIGNAL_BREACHED = Metric(
    "touchline_signal_breached",
    "gauge",
    "1 while the signal misses its `expect`, 0 while it keeps it; absent while too little is known.",
    ("signal", "kind"),
)
ALERTS_ACTIVE = Metric("touchline_alerts_active", "gauge", "Alerts that fire now, by severity.", ("severity",))
ALERT_FIRING = Metric(
    "touchline_alert_firing",
    "gauge",
    "1 while the alert fires, 0 once it is resolved, for a week; what does not apply is empty. `signal`: `conversion`,"
    " `arrivals`, `silence` or a signal's name; `source`: which source is silent, the first 50, the rest is `other`.",
    ("journey", "step", "signal", "source", "direction", "severity"),
)
ALERTS_FIRED = Metric(
    "touchline_alerts_fired_total",
    "counter",
    "How often alerts fired; silent sources together.",
    ("journey", "step", "signal", "direction"),
)
ALERT_COMMANDS_IGNORED = Metric(
    "touchline_alert_commands_ignored_total",
    "counter",
    "Events to acknowledge, snooze or accept that named no alert, or made no sense.",
)
ALARM_BUDGET = Metric("touchline_alarm_budget_per_week", "gauge", "False alarms per week that the file grants.")
ALARM_CREDIT = Metric(
    "touchline_alarm_credit_total",
    "counter",
    "Expected false alarms handed out to the series under watch: on average at most so many of those that fired are"
    " false.",
)
WATCHED_SERIES = Metric(
    "touchline_watched_series",
    "gauge",
    "Series under watch, by state: `watching`, `pending`, `firing`, `learning`, `quiet` (too little volume).",
    ("state",),
)
STEP_EVIDENCE = Metric(
    "touchline_journey_step_evidence",
    "gauge",
    "Evidence that the conversion of the whole step has changed: 1 and more fires, 0.1 is pending.",
    ("journey", "step", "direction"),
)
FEEDBACK_REQUESTS = Metric("touchline_feedback_requests_total", "counter", "Asks made.", ("rule", "channel"))
FEEDBACK_WITHHELD = Metric(
    "touchline_feedback_suppressed_total",
    "counter",
    "Asks withheld, by the first gate that failed; one that waits for a problem to end is counted each time.",
    ("rule", "reason"),
)
FEEDBACK_DEFERRED = Metric(
    "touchline_feedback_deferred_total", "counter", "Asks moved to a later time.", ("rule", "reason")
)
FEEDBACK_RESPONSES = Metric(
    "touchline_feedback_responses_total",
    "counter",
    "Answers to our asks, each ask's first; with an empty rule, answers to nothing we asked.",
    ("rule", "channel"),
)
FEEDBACK_RESPONSE_SECONDS = Metric(
    "touchline_feedback_response_seconds_total",
    "counter",
    "Time from ask to answer, summed up over the answers.",
    ("rule", "channel"),
    unit="s",
)
FEEDBACK_SCORED = Metric(
    "touchline_feedback_scored_total",
    "counter",
    "Answers with a score to our asks, by how long they took: within an `hour`, `day`, `week`, or `later`.",
    ("rule", "delay"),
)
FEEDBACK_SCORES = Metric(
    "touchline_feedback_scores_total",
    "counter",
    "Their scores, summed up: divided by the answers, the mean of each delay. Only like delays compare.",
    ("rule", "delay"),
)
ARM_ASKED = Metric(
    "touchline_feedback_arm_asked_total",
    "counter",
    "Asks of rules that learn, by what was drawn: `channel=sms`, `wait=1d`, `time=10:00`.",
    ("rule", "arm"),
)
ARM_SETTLED = Metric(
    "touchline_feedback_arm_settled_total",
    "counter",
    "Those of them whose time to be answered is over.",
    ("rule", "arm"),
)
ARM_ANSWERED = Metric(
    "touchline_feedback_arm_answered_total",
    "counter",
    "Those of the settled that were answered in time.",
    ("rule", "arm"),
)
ARM_CHANCE = Metric(
    "touchline_feedback_arm_chance",
    "gauge",
    "With what chance an arm is drawn, where every arm of its kind would do: what was learnt last, and the share of"
    " `explore`.",
    ("rule", "arm"),
)
ANSWERS = Metric("touchline_answers_total", "counter", "Answers with a score, by class.", ("metric", "class"))
ANSWERS_FOLLOWED = Metric(
    "touchline_answers_followed_total",
    "counter",
    "Answers whose customer was contacted in a case they opened; divided by the answers, the coverage of a class.",
    ("metric", "class"),
)
RESURVEYED = Metric(
    "touchline_cases_resurveyed_total",
    "counter",
    "Customers who answered again after their case was closed.",
    ("metric", "rule"),
)
RECOVERED = Metric(
    "touchline_cases_recovered_total",
    "counter",
    "Customers who answered better than before after their case was closed.",
    ("metric", "rule"),
)
CASES_OPEN = Metric("touchline_cases_open", "gauge", "Cases that are not closed.", ("rule",))
CASE_OLDEST = Metric(
    "touchline_case_oldest_opened_timestamp_seconds",
    "gauge",
    "When the oldest case that is not closed was opened, UTC epoch; absent without any. In a cluster as of the last"
    " minute or so.",
    ("rule",),
    "s",
)
CASES_OPENED = Metric("touchline_cases_opened_total", "counter", "Cases opened.", ("rule",))
CASES_JOINED = Metric(
    "touchline_cases_joined_total",
    "counter",
    "Further events that joined an open case instead of opening one.",
    ("rule",),
)
CASES_CONTACTED = Metric("touchline_cases_contacted_total", "counter", "Cases whose customer was contacted.", ("rule",))
CASES_CONTACT_SECONDS = Metric(
    "touchline_case_first_contact_seconds_total",
    "counter",
    "Time from opening to first contact, summed up over the cases contacted.",
    ("rule",),
    unit="s",
)
CASES_CLOSED = Metric("touchline_cases_closed_total", "counter", "Cases closed.", ("rule", "disposition"))
CASES_REOPENED = Metric("touchline_cases_reopened_total", "counter", "Cases opened again.", ("rule",))
CASES_WARNED = Metric(
    "touchline_case_sla_warned_total", "counter", "Cases whose customer had to be contacted soon.", ("rule",)
)
CASES_BREACHED = Metric(
    "touchline_case_sla_breached_total", "counter", "Cases whose customer was not contacted in time.", ("rule",)
)
CASES_UNROUTED = Metric(
    "touchline_cases_unrouted_total",
    "counter",
    "Cases opened for which no owner was found; the fallback has them, if there is one.",
    ("rule",),
)
CASES_INCOMPLETE = Metric(
    "touchline_cases_incomplete_total",
    "counter",
    "Cases closed by another system without cause, disposition or word to the customer.",
    ("rule",),
)
CASES_HANDED_OVER = Metric("touchline_cases_handed_over_total", "counter", "Cases given to another owner.", ("rule",))
CASE_REPEATS = Metric(
    "touchline_case_events_repeated_total",
    "counter",
    "Events about a case that was there already, or further: they move nothing.",
    ("rule", "event"),
)
CASE_STRAYS = Metric(
    "touchline_case_events_unattributed_total", "counter", "Events about a case that nobody knows.", ("event",)
)
PROMISES_GIVEN = Metric("touchline_promise_given_total", "counter", "Promises given.", ("promise",))
PROMISES_KEPT = Metric("touchline_promise_kept_total", "counter", "Promises kept in time.", ("promise",))
PROMISES_BROKEN = Metric("touchline_promise_broken_total", "counter", "Promises whose time ran out.", ("promise",))
OFFERS = Metric("touchline_offers_total", "counter", "Offers made.", ("offer",))
EVENTS_PER_SECOND = Metric("touchline_events_per_second", "gauge", "Records read per second, over about ten seconds.")
TIMERS_PENDING = Metric(
    "touchline_timers_pending", "gauge", "Timers waiting: abandonments, asks, cases, forgetting.", spread=PARTITION
)
LOG_ROWS = Metric("touchline_log_rows", "gauge", "Records kept in the log.")
STORE_SIZE = Metric("touchline_store_bytes", "gauge", "Size of the store's file and its write-ahead log.", unit="bytes")
CACHED_CUSTOMERS = Metric("touchline_cached_customers", "gauge", "Customer states held in memory.", spread=PARTITION)
UP_TIME = Metric("touchline_uptime_seconds", "gauge", "Time since the service started.", unit="s")
READY = Metric("touchline_ready", "gauge", "1 while /readyz says ready, else 0.")
STREAM_CLIENTS = Metric("touchline_stream_clients", "gauge", "Clients connected to /api/v1/stream.")
SERIES = Metric(
    "touchline_exposed_series",
    "gauge",
    "Series of this scrape: `steps`, `step_segments`, `signals`, `signal_segments`, and the `rest`.",
    ("part",),
)
SERIES_CEILING = Metric(
    "touchline_exposed_series_ceiling",
    "gauge",
    "The most it can have of each part, with 20 values and `other` in every dimension; the `rest` is bounded by the"
    " names in the file.",
    ("part",),
)
HTTP_REQUESTS = Metric(
    "touchline_http_requests_total",
    "counter",
    "Requests answered since the process started.",
    ("method", "route", "status"),
)
DELIVERIES = Metric(
    "touchline_webhook_deliveries_total",
    "counter",
    "Attempts to deliver decisions, whatever the kind of receiver, by outcome: `delivered`, `retried` (failed, to be"
    " tried again), `failed` (given up).",
    ("receiver", "outcome"),
)
DELIVERIES_PENDING = Metric(
    "touchline_deliveries_pending", "gauge", "Deliveries that wait for their receiver.", ("receiver",)
)
DELIVERIES_OLDEST = Metric(
    "touchline_delivery_oldest_seconds",
    "gauge",
    "How long the receiver's oldest waiting delivery has been due; 0 without any.",
    ("receiver",),
    "s",
)
RECEIVER_UP = Metric(
    "touchline_receiver_up",
    "gauge",
    "1 while the receiver takes what it is sent, 0 after a failed attempt, and while it is disabled or unusable.",
    ("receiver",),
)
BUILD = Metric("touchline_build_info", "info", "What is running.", ("version", "python"))
CONFIG = Metric("touchline_config_info", "info", "Which file holds, by the hash of its content.", ("hash",))
CONFIG_REFUSED = Metric(
    "touchline_config_refused",
    "gauge",
    "1 while the file on disk has faults and the one before it stays in force, else 0.",
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
"""Those of one service, in the order of this file. A worker of a cluster shows its share of them."""

PARTITION_RUNNING = Metric(
    "touchline_partition_running",
    "gauge",
    "1 while the worker takes records of the partition it was given, 0 while it is paused.",
    PARTITION,
)
PARTITION_LAG = Metric(
    "touchline_partition_lag_seconds",
    "gauge",
    "How long the oldest record not yet taken has waited at most; 0 when all are taken, absent while unknown.",
    PARTITION,
    "s",
)
PARTITION_LAG_RECORDS = Metric(
    "touchline_partition_lag_records", "gauge", "Records in the partition not yet taken.", PARTITION
)
PARTITION_RECORDS = Metric(
    "touchline_partition_records_total",
    "counter",
    "Records processed since the worker has the partition.",
    PARTITION,
)
PARTITION_CPU = Metric(
    "touchline_partition_cpu_seconds_total",
    "counter",
    "Processor time its records took since the worker has the partition; the store's and Kafka's clients left out.",
    PARTITION,
    "s",
)
OUTBOX = Metric(
    "touchline_outbox_entries",
    "gauge",
    "Committed effects that Kafka has not acknowledged; partition `signals` is the signals' own.",
    PARTITION,
)
COMMITS = Metric(
    "touchline_commits_total",
    "counter",
    "Commits to the store since the worker has the partition, by outcome: `done`, `reload` (not done, read again),"
    " `lost` (another owner). Partition `signals` is the signals' own.",
    (*PARTITION, "outcome"),
)
CACHE_HITS = Metric(
    "touchline_cache_hits_total",
    "counter",
    "Records that needed no state from the store, since the worker has the partition.",
    PARTITION,
)
CACHE_MISSES = Metric(
    "touchline_cache_misses_total",
    "counter",
    "States read from the store because memory had none, since the worker has the partition.",
    PARTITION,
)
MISPLACED = Metric(
    "touchline_misplaced_records_total",
    "counter",
    "Records that lay in a partition their key does not belong to, and were sent on.",
    PARTITION,
)
REBALANCES = Metric(
    "touchline_rebalances_total", "counter", "Times partitions were given to this worker, since it started."
)
CONSUMER_RESTARTS = Metric(
    "touchline_consumer_restarts_total",
    "counter",
    "Consumers started anew because records waited and they took none, since the worker started: `journeys`,"
    " `signals` or `deliveries`.",
    ("consumer",),
)
SIGNALS_OWNER = Metric(
    "touchline_signals_owner",
    "gauge",
    "1 on the worker that has the signals and shows journeys, signals, alerts and asks; 0 on the others.",
)
SIGNALS_LAG_RECORDS = Metric(
    "touchline_signals_lag_records", "gauge", "Counts of the partitions that the signals have not taken yet."
)
SIGNALS_HELD_BACK = Metric(
    "touchline_signals_held_back_partitions",
    "gauge",
    "Partitions whose counts the signals of the others wait for; 0 while all keep pace.",
)
DECISIONS_LAG = Metric(
    "touchline_decisions_lag_seconds",
    "gauge",
    "How long the oldest decision that was not taken for delivery has waited at most, by partition of the decisions.",
    PARTITION,
    "s",
)
DECISIONS_LAG_RECORDS = Metric(
    "touchline_decisions_lag_records",
    "gauge",
    "Decisions that were not taken for delivery yet, by partition of the decisions.",
    PARTITION,
)
CLUSTER: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))[
    len(METRICS) :
]
"""Those that only workers of a cluster show, in the order of this file."""

_TABLE = """\
| metric | kind | labels | unit | what it is |
|---|---|---|---|---|
"""
_HEAD = """\
# Metrics

`GET /metrics`, Prometheus text or OpenMetrics as the scraper asks. Written by `streams/runtime/metric_names.py`;
`python -m streams.runtime.metric_names > docs/reference/metrics.md` brings this page up to date.

Counters of events, steps and decisions are totals since the store was made: a restart does not reset them. What is
below its smallest sample is absent, not zero, while its `_samples` is always there. Series of segments and types that
no longer exist vanish. No label holds a customer's id or address; types and sources that look as if they did are
counted as `other`, segment values that do have no series.

"""
_CLUSTER = """
## In a cluster

A [worker](../how-to/cluster.md#watch-it) shows what it has: each partition is shown by the worker that owns it, and
journeys, signals, alerts, asks and cases, with the counters of events, by the one worker that has the signals. So each
series comes from one worker, and over `partition` and `instance` the whole is the `sum` of counts, the `min` of
watermarks and the `max` of lags. Metrics marked † above have a label `partition` there; their counters begin anew
whenever a worker gets the partition, as those of a process do, which `rate` and `increase` allow for. A worker keeps no
dead letters, no file and no log of its own, and shows no metrics of these.

"""


def reference(metrics: Sequence[Metric] = METRICS, cluster: Sequence[Metric] = CLUSTER) -> str:
    """The page docs/reference/metrics.md."""
    return f"{_HEAD}{_TABLE}{_rows(metrics)}{_CLUSTER}{_TABLE}{_rows(cluster)}"


def _rows(metrics: Sequence[Metric]) -> str:
    return "".join(
        f"| `{metric.name}`{' †' if metric.spread else ''} | {metric.kind} |"
        f" {' '.join(f'`{label}`' for label in metric.labels)} | {metric.unit} | {metric.help} |\n"
        for metric in metrics
    )


if __name__ == "__main__":
    import sys

    sys.stdout.write(reference())
