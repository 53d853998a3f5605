"""Writes the tables of measured figures from `benchmarks/results/*.json`: `python docs/figures.py`.

docs/reference/measured.md gets a line per figure, the README the chosen ones, docs/concepts/alarms-measured.md the
tables on detection.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
BEGIN, END = "<!-- figures: python docs/figures.py -->\n", "<!-- /figures -->"
Rows = Iterator[tuple[str, str]]


CHOSEN = (
    ("quality", "Drop of 100% at 3 "),
    ("quality", "Drop of 50% at 3 "),
    ("quality", "Drop of 50% at 0.3 "),
    ("quality", "False alarms"),
    ("nab", ""),
    ("asking", "An ask among 5,"),
    ("asking", "1,000,000 asks"),
    ("delivery", ""),
    ("embedded", "Embedded over HTTP"),
    ("journey_stage", "JourneyStage, full logic, one core, 1,000,000"),
    ("throughput", "One core of a cluster, 20,000"),
    ("throughput", "Worker killed"),
    ("memory", "An idle customer"),
    ("replay", "`touchline replay`, the simulated shop"),
)
"""What the README shows: result and the beginning of the line."""


def table() -> str:
    """A line per figure; results this script does not know get a line with a link."""
    return _HEAD + "".join(line for path in sorted(RESULTS.glob("*.json")) for _, line in _lines(path.stem, "../../"))


def headlines() -> str:
    """The chosen ones, in that order."""
    return _HEAD + "".join(
        line
        for name, beginning in CHOSEN
        if (RESULTS / f"{name}.json").exists()
        for what, line in _lines(name, "")
        if what.startswith(beginning)
    )


_HEAD = "| what | figure | measured on |\n|---|---|---|\n"


def _lines(name: str, root: str) -> Iterator[tuple[str, str]]:
    """What was measured, and its line; `root` leads from the page to the top."""
    result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    for what, figure in _ROWS.get(name, _unknown(f"{name}.json"))(result):
        linked = figure.replace("](docs/", f"]({root}docs/")
        yield what, f"| {what} | {linked} | {_machine(name, result, root)} |\n"


def placed(page: str, tables: str) -> str:
    """A page's text with the tables of now."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{tables}\n{END}{rest.split(END)[1]}"


PAGES: dict[str, Callable[[], str]] = {
    "README.md": headlines,
    "docs/reference/measured.md": table,
    "docs/concepts/alarms-measured.md": lambda: detection(),
}
"""What stands where."""


def _machine(name: str, result: dict[str, Any], root: str) -> str:
    machine, commits = result["machine"], list(dict.fromkeys(_commits(result)))
    where = f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, "
    where += f"commit {commits[0]}" if len(commits) == 1 else f"commits {', '.join(commits)}"
    return f"[{where}]({root}benchmarks/results/{name}.json)"


def _commits(part: Any) -> Iterator[str]:
    """Those that parts of a result were measured on; what says none was measured on that of the whole."""
    if isinstance(part, dict):
        if isinstance(part.get("commit"), str):
            yield part["commit"]
        for below in part.values():
            yield from _commits(below)
    elif isinstance(part, list):
        for below in part:
            yield from _commits(below)


def _unknown(name: str) -> Callable[[dict[str, Any]], Rows]:
    def rows(result: dict[str, Any]) -> Rows:
        yield f"`{name.removesuffix('.json')}`", "see its file"

    return rows


def _journey_stage(result: dict[str, Any]) -> Rows:
    for row in result["rows"]:
        where = "" if row["resident"] else ", none of them in memory"
        yield (
            f"JourneyStage, full logic, one core, {row['customers']:,} customers{where}",
            f"{row['stage_microseconds']:.1f} µs per event; the bare loop {row['bare_microseconds']:.1f} µs"
            f" (ratio {row['ratio']:.2f})",
        )


def _embedded(result: dict[str, Any]) -> Rows:
    batch = result["batch"]
    for name, words in (("burst", "as fast as answers come"), ("half_load", "paced")):
        run = result[name]
        yield (
            f"Embedded over HTTP, batches of {batch}, {words}",
            f"{run['committed_events_per_second']:,} events/s; received → committed"
            f" p50 {run['to_commit_milliseconds']['p50']:.0f} ms, p99 {run['to_commit_milliseconds']['p99']:.0f} ms",
        )
    fsync = result["fsync_milliseconds"]
    load = f"; load average before {result['load_average_before']}" if "load_average_before" in result else ""
    yield "Making one page durable, beside it", f"p50 {fsync['p50']:.1f} ms, p99 {fsync['p99']:.1f} ms{load}"


def _replay(result: dict[str, Any]) -> Rows:
    for name, words in (("loan_log", "the loan log"), ("simulated", "the simulated shop")):
        if name in result:
            run = result[name]
            yield (
                f"`touchline replay`, {words}, {run['events_read']:,} events",
                f"{run['events_per_second']:,} events/s, at most {run['peak_mebibytes']} MiB",
            )


def _delivery(result: dict[str, Any]) -> Rows:
    webhook, beside = result["drain_webhook"]["per_second"], result["beside_a_dead_one"]["per_second"]
    yield (
        f"{result['decisions']:,} waiting decisions delivered to one webhook, one request each",
        f"{webhook:,} per second; beside a receiver that never answers {beside:,}",
    )


def _memory(result: dict[str, Any]) -> Rows:
    customer, series = result["customer"], result["series"]
    yield (
        "An idle customer in the store",
        f"{customer['stored_bytes_mean_without_seen_ids']} bytes on average, at most"
        f" {customer['stored_bytes_largest_without_seen_ids']},"
        f" and {customer['stored_bytes_per_seen_id']} per unexpired id",
    )
    yield "A series of rolling windows in memory", f"{series['resident_bytes_per_series']:,} bytes"
    for name, words in (("dedup_one_partition", "one partition"), ("dedup_32_partitions", "32 partitions")):
        run = result[name]
        yield (
            f"Window in which a copy is found for certain, {run['events_per_second']:,.0f} events/s in {words}",
            f"at least {run['covered_seconds_least']:,} s with the default limits",
        )


def _door(result: dict[str, Any]) -> Rows:
    yield (
        f"Cluster door, HTTP in batches of {result['batch']} → acknowledged by Kafka",
        f"{result['cpu_seconds_per_million_events']:.1f} CPU s per million events",
    )


def _worker(result: dict[str, Any]) -> Rows:
    for row in result["rows"]:
        yield (
            f"Cluster worker, Kafka → Redis commit → Kafka, {row['customers_in_redis']:,} customers,"
            f" {row['events_measured']:,} events",
            f"{row['cpu_seconds_per_million_events']:.1f} CPU s per million events, Redis"
            f" {row['redis_cpu_seconds_per_million_events']:.1f}; {row['redis_bytes_per_customer']} bytes in Redis per"
            " customer",
        )


_ENGINES = {
    "worker": "`touchline worker`, full logic",
    "worker_same_job": "`touchline worker`, one journey",
    "bare": "bare aiokafka loop, nothing kept",
    "quix": "Quix Streams, keyed state",
    "bytewax": "Bytewax, `stateful_map`",
    "faust": "Faust, two tables",
}


def _throughput(result: dict[str, Any]) -> Rows:
    for kind, words in (("warm", "20,000 customers"), ("cold", "each event another customer")):
        for name, engine in _ENGINES.items():
            run = result["peers"][kind][name]
            each = run["cpu_seconds_per_million_each"]
            yield (
                f"One core of a cluster, {words}: {engine}",
                f"{run['cpu_seconds_per_million']} CPU s per million events ({min(each)} to {max(each)} in {len(each)}"
                " rounds)",
            )
    for latency in result["latency"]["rates"]:
        for what, key in (("event → ask", "event_to_ask"), ("tick → signal breached", "tick_to_alert")):
            times = latency[f"{key}_milliseconds"]
            yield (
                f"Cluster, one worker, {latency['events_per_second']:,.0f} events/s, {what}",
                f"p50 {times['p50']:.0f} ms, p99 {times['p99']:.0f} ms",
            )
    recovery = result["recovery"]
    yield (
        f"Worker killed with {recovery['customers']:,} customers stored, {recovery['events_per_second']:,.0f} events/s",
        f"reads again after {recovery['to_first_commit_seconds']:.0f} s, has caught up after"
        f" {recovery['to_caught_up_seconds']:.0f} s" + _circumstances(recovery),
    )
    if "named" in recovery:
        named = recovery["named"]
        yield (
            "The same, its successor having the same `--instance`",
            f"reads again after {named['to_first_commit_seconds']:.0f} s, has caught up after"
            f" {named['to_caught_up_seconds']:.0f} s{_circumstances(named)}",
        )


def _circumstances(killed: dict[str, Any]) -> str:
    if "load_average" not in killed:
        return ""
    return (
        f"; {killed['state_loaded_seconds']:.2f} s of it from being given the partitions to having opened them"
        f" (load average {killed['load_average']:.0f})"
    )


def _steady(seconds: float) -> str:
    return f"steady again after {seconds:.1f} s" if seconds else "never a second behind"


def _scaling(result: dict[str, Any]) -> Rows:
    for course in ("scaled", "rolled"):
        for row in result[course]["changes"]:
            yield (
                f"Cluster, {result['events_per_second']:,.0f} events/s, {result['partitions']} partitions:"
                f" {row['change']} (load average {row['load_average']:.0f})",
                f"{_steady(row['to_steady_seconds'])}; longest time without a commit of any partition"
                f" {row['longest_gap_seconds']:.1f} s",
            )
    compared = [result[course]["against_replay"] for course in ("scaled", "rolled")]
    yield (
        f"The same, {sum(one['events'] for one in compared):,} events against `replay`",
        f"{sum(one['decisions'] for one in compared):,} decisions, {sum(one['lost'] for one in compared)} lost,"
        f" {sum(one['doubled'] + one['foreign'] for one in compared)} doubled or foreign",
    )


def _attribution(result: dict[str, Any]) -> Rows:
    for row in result["targets"]:
        if row["drop"] in (0.5, 1.0) and row["dispersion"] == 1.0:
            found = row["found"]
            yield (
                f"Segments named exactly: {row['truth']}, drop {row['drop']:.0%}, {row['expected']:,} due",
                f"{found['value']:.1%} [{found['low']:.1%}, {found['high']:.1%}] of {found['n']}",
            )


def _nab(result: dict[str, Any]) -> Rows:
    for row in result["rows"]:
        if row["budget_per_series_week"] == 1.0:
            yield (
                f"NAB, {result['series']} development series, standard profile, at a budget of 1 a week and series",
                f"{row['standard']}, tuned on these series; {row['alarms_per_series_week']} alarms a week and series",
            )


def _asking(result: dict[str, Any]) -> Rows:
    timers = result.get("timers")
    if timers:
        late = timers["due_to_durable_milliseconds"]
        yield (
            f"{timers['customers']:,} asks waiting, {timers['due_in_a_minute']:,} of them due within a minute",
            f"ready {timers['seconds_until_ready_after_kill']:.0f} s after kill -9; due → durable"
            f" p50 {late['p50']:.0f} ms, p99 {late['p99']:.0f} ms; per customer"
            f" {timers['memory_bytes_per_timer']} bytes of memory, {timers['store_bytes_per_customer']} in the file",
        )
    for row in result.get("latency", []):
        durable, delivered = row["event_to_durable_milliseconds"], row["event_to_delivered_milliseconds"]
        yield (
            f"An ask among {row['events_per_second']:,} events/s",
            f"event → durable p50 {durable['p50']:.0f} ms, p99 {durable['p99']:.0f} ms;"
            f" → delivered p50 {delivered['p50']:.0f} ms, p99 {delivered['p99']:.0f} ms",
        )


def _bandit(result: dict[str, Any]) -> Rows:
    evenly, learnt = result["steady"]["evenly"]["regret"], result["steady"]["explore 10 %, over 30d"]["regret"]
    yield (
        f"Answers lost in {result['asks']:,} asks to not knowing the best of three channels (5, 8 and 12 % answered)",
        f"{learnt:,.0f} with `learn`, {evenly:,.0f} where they are used evenly",
    )


def _console(result: dict[str, Any]) -> Rows:
    load = result["load_average"]
    others = f", while others use the machine (load {load:.0f})" if load > 1 else ""
    yield (
        f"The console with {result['series']} live series, {result['events_per_second']} events/s{others}",
        f"page {result['page_bytes'] / 1024:.0f} KiB, {result['page_bytes_sent'] / 1024:.0f} KiB sent; first paint"
        f" {result['first_paint_milliseconds']:.0f} ms, first numbers {result['first_numbers_milliseconds']:.0f} ms; an"
        f" update (once a second) keeps the browser busy for {result['update_milliseconds']:.0f} ms",
    )
    yield (
        f"An open console at the service, {result['changes_gzip_bytes_per_second'] / 1024:.0f} KiB a second"
        f" (a whole view: {result['whole_identity_bytes_per_second'] / 1024:.0f} KiB)",
        f"{result['service_cpu_percent_of_the_first_console']:.1f} % of a core for the first,"
        f" {max(result['service_cpu_percent_per_further_console'], 0):.2f} % for each of {result['consoles'] - 1} more",
    )


def _real_logs(result: dict[str, Any]) -> Rows:
    for name, log in result.items():
        if name != "machine":
            yield (
                f"Real log without a known incident, {name}, {log['weeks']:,.0f} weeks, budget 1 a week",
                f"{log['alarms_per_week']:.2f} alarms a week"
                " ([each explained](docs/concepts/alarms-measured.md#real-logs))",
            )


def _scrape(result: dict[str, Any]) -> Rows:
    text = result["text"]
    yield (
        f"`GET /metrics` with {result['series_in_all']:,} series",
        f"{text['kib'] / 1024:.1f} MiB, {text['cpu_milliseconds']:.0f} ms of processor time",
    )


def _quality(result: dict[str, Any]) -> Rows:
    for row in result.get("delay", []):
        if row["law"] == "log-normal" and row["series"] == 1 and row["drop"] in (1.0, 0.5, 0.3):
            seconds = row["seconds"]
            yield (
                f"Drop of {row['drop']:.0%} at {row['completions_per_second']} completions/s, alarm after",
                f"{seconds['ours']:,.0f} s on average; the tolerant oracle {seconds['tolerant']:,.0f} s",
            )
    rows = [row for row in result.get("false", []) if "ratio" in row]
    if rows:
        worst = max(rows, key=lambda row: row["ratio"])
        yield (
            f"False alarms for each one granted, {len({row['family'] for row in rows})} families of traffic",
            f"at most {worst['ratio']:.2f} ({worst['family']}, {worst['rate']})",
        )
    for row in result.get("cost", []):
        if row["series"] in (1_000, 100_000):
            yield (
                f"An update of {row['series']:,} series, {row['shape']}",
                f"{row['microseconds_per_update']:,.0f} µs; {row['bytes_per_series']:,.0f} bytes per series",
            )


_ROWS: dict[str, Callable[[dict[str, Any]], Rows]] = {
    "asking": _asking,
    "bandit": _bandit,
    "scrape": _scrape,
    "console": _console,
    "delivery": _delivery,
    "journey_stage": _journey_stage,
    "embedded": _embedded,
    "memory": _memory,
    "door": _door,
    "worker": _worker,
    "throughput": _throughput,
    "scaling": _scaling,
    "replay": _replay,
    "attribution": _attribution,
    "nab": _nab,
    "quality": _quality,
    "real_logs": _real_logs,
}


def detection() -> str:
    """The tables of docs/concepts/alarms-measured.md."""
    quality = json.loads((RESULTS / "quality.json").read_text(encoding="utf-8"))
    parts = [_delays(quality["delay"])]
    if "false" in quality:
        parts.append(_false_alarms([row for row in quality["false"] if "ratio" in row]))
        parts.append(_outages([row for row in quality["false"] if "total_outage_seconds" in row]))
    if "cost" in quality:
        parts.append(_costs(quality["cost"]))
    return "\n".join(part for part in parts if part)


def _delays(rows: list[dict[str, Any]]) -> str:
    lines = [
        "Mean seconds to the alarm, a day of learning, one false alarm a week. *Sharp* and *tolerant* are CUSUMs that",
        "are told the truth: baseline and size of the drop, the second held to the same tolerance of 10 %. The ratio",
        "to it is taken less one tick.",
        "",
        "| completions/s | delay law | series | drop | sharp | tolerant | Touchline | ÷ tolerant | 3κ | missed |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        seconds = row["seconds"]
        missed = row["not_found"].get("ours", 0)
        lines.append(
            f"| {row['completions_per_second']} | {row['law']} | {row['series']} | {row['drop']:.0%} |"
            f" {seconds['sharp']:,.0f} | {seconds['tolerant']:,.0f} | {seconds['ours']:,.1f} |"
            f" {row['ratio_to_tolerant_less_a_tick']:.2f} | {row['three_kappa']:.1%} | {missed} of {row['repeats']} |"
        )
    return "\n".join(lines) + "\n"


def _false_alarms(rows: list[dict[str, Any]]) -> str:
    lines = [
        "False alarms ÷ credit, with the interval over series and the mean of the worst tenth of them:",
        "",
        "| traffic | rate | budget: one a | series-weeks | alarms | granted | ratio | 95 % interval | worst tenth |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        low, high = row["interval"]
        lines.append(
            f"| {row['family']} | {row['rate']} | {row['one_false_alarm_a']} | {row['series_weeks']:,.0f} |"
            f" {row['alarms']:,} | {row['granted']:,.0f} | {row['ratio']:.2f} | {low:.2f} to {high:.2f} |"
            f" {'–' if row['worst_decile'] is None else format(row['worst_decile'], '.2f')} |"
        )
    return "\n".join(lines) + "\n"


def _outages(rows: list[dict[str, Any]]) -> str:
    return "".join(
        f"A total outage under {row['family']}: seen after {row['total_outage_seconds']['median']:,.0f} s (median),"
        f" {row['total_outage_seconds']['p90']:,.0f} s (90 % of series); not seen in 6 h: {row['not_seen']};"
        f" an alarm stood already in {row['alarm_stood_already']} of 200.\n"
        for row in rows
    )


def _costs(rows: list[dict[str, Any]]) -> str:
    lines = ["| cost | series | µs per update | ns per series | bytes per series |", "|---|---|---|---|---|"]
    lines += [
        f"| {row['shape']} | {row['series']:,} | {row['microseconds_per_update']:,.0f} |"
        f" {row['nanoseconds_per_series']:,.0f} | {row['bytes_per_series']:,.0f} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for name, tables in PAGES.items():
        page = ROOT / name
        page.write_text(placed(page.read_text(encoding="utf-8"), tables()), encoding="utf-8")
