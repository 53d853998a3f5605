"""Writes the README's table of measured figures from `benchmarks/results/*.json`: `python docs/figures.py`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
BEGIN, END = "<!-- figures: python docs/figures.py -->\n", "<!-- /figures -->"
Rows = Iterator[tuple[str, str]]


def table() -> str:
    """The table, a line per figure; results this script does not know get a line with a link."""
    lines = ["| what | figure | measured on |", "|---|---|---|"]
    for path in sorted(RESULTS.glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        for what, figure in _ROWS.get(path.stem, _unknown(path.name))(result):
            lines.append(f"| {what} | {figure} | {_machine(path.name, result['machine'])} |")
    return "\n".join(lines) + "\n"


def placed(page: str) -> str:
    """The README's text with the table of now."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


def _machine(name: str, machine: dict[str, Any]) -> str:
    where = f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, commit {machine['commit']}"
    return f"[{where}](benchmarks/results/{name})"


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


_ROWS: dict[str, Callable[[dict[str, Any]], Rows]] = {
    "journey_stage": _journey_stage,
    "embedded": _embedded,
    "memory": _memory,
    "replay": _replay,
}


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(placed(readme.read_text(encoding="utf-8")), encoding="utf-8")
