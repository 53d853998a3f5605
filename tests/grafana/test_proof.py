"""A real Prometheus reads a running demo with a planted incident: every query, every rule, what they show.

One test, as the shop has to be warmed up for it: half a minute of history, then the incident.
"""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.grafana.asked import NAMES, Query, fill, load, panels, queries
from tests.grafana.asking import Prometheus, Sample
from tests.grafana.everything import Everything
from tests.grafana.workers import declared
from tests.servers.base import free_port, wait_until
from tests.servers.prometheus import running_prometheus
from tests.streams.runtime.memory_service import serving

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules"
CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}/*.yml"]
scrape_configs:
  - job_name: touchline-demo
    static_configs: [{{targets: ["127.0.0.1:{demo}"]}}]
  - job_name: touchline-everything
    static_configs: [{{targets: ["{everything}"]}}]
  - job_name: touchline-workers
    static_configs: [{{targets: ["{workers}"]}}]
"""
JOBS = ("touchline-demo", "touchline-everything", "touchline-workers")
"""A shop that runs; for what it has not, a service with something of everything, and what only workers show."""
LATER = {
    "journey / In flight, against an hour and a week before / B": "nobody was there an hour ago",
    "journey / In flight, against an hour and a week before / W": "nor a week ago",
}
"""What cannot be there yet, and why."""


def until(condition: Callable[[], bool], what: str = "the demo to show it") -> None:
    """Wait for a condition of the demo; the machine may be busy, and an incident lasts three minutes."""
    wait_until(condition, what, 170, every_s=0.5)


def first(ask: Callable[[], list[Sample]]) -> Sample:
    """The first of an answer, as soon as there is one: a second question may be answered otherwise."""
    found: list[Sample] = []

    def there() -> bool:
        found.extend(ask())
        return bool(found)

    until(there)
    return found[0]


@contextmanager
def demo(folder: Path, port: int) -> Iterator[None]:
    """`touchline demo` as a process of its own; the incident is planted over its API."""
    command = [sys.executable, "-m", "streams", "demo", "--no-terminal", "--rate", "60", "--seed", "3"]
    command += ["--listen", f"127.0.0.1:{port}", "--data", str(folder / "demo.db")]
    with (folder / "demo.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT)
        try:
            yield
        finally:
            process.kill()
            process.wait()


def plant(port: int) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/demo/incident", method="POST")
    with urllib.request.urlopen(request, timeout=30) as reply:
        assert json.load(reply)["running"]


def panel_query(board: str, title: str, ref: str = "A") -> str:
    """A query as the panel writes it, for the chosen journey."""
    panel = {one["title"]: one for one in panels(load(board))}[title]
    return {target["refId"]: str(target["expr"]) for target in panel["targets"]}[ref]


def shows(prometheus: Prometheus, query: Query) -> None:
    """Wait until the answer holds anything, of whichever service."""
    until(lambda: any(prometheus.ask(fill(query.written, job=job)) for job in JOBS), f"{query} to show anything")


def proof(prometheus: Prometheus, port: int) -> None:
    """From warm to the alarm, and what every board says then."""
    calm = "max(touchline_journey_step_due_per_second{job='touchline-demo', step='checkout'})"
    until(lambda: bool(prometheus.ask(calm)))
    until(lambda: bool(prometheus.ask("count(touchline_uptime_seconds offset 1m)")))
    until(lambda: bool(_mobile(prometheus)))
    plant(port)
    alarms = fill(panel_query("journey", "Alarms of this journey"), job="touchline-demo", journey="purchase")
    marks = {mark["name"]: fill(mark["expr"], job="touchline-demo") for mark in load("overview")["annotations"]["list"]}
    until(lambda: bool(prometheus.ask(f"max_over_time(({marks['Changes']})[5m:5s])")))

    def dropped() -> list[Sample]:
        found = prometheus.ask(alarms)
        return [one for one in found if (one.labels["step"], one.labels["signal"]) == ("checkout", "conversion")]

    alarm = first(dropped)

    # The incident, where a person would look for it.
    until(lambda: any(one.labels["step"] == "checkout" for one in prometheus.ask(marks["Alarms"])))
    assert alarm.labels["direction"] == "down"
    assert alarm.labels["owner"] == "checkout-team"
    assert alarm.labels["runbook"].startswith("https://")
    # The demo plants one by itself after a minute, so what was before is looked for in the past.
    until(lambda: 0 < _mobile(prometheus) < _mobile(prometheus, "max_over_time(({})[5m:5s])") - 0.02)
    came, due = (panel_query("journey", "Going on: came against due", ref) for ref in ("A", "D"))
    until(lambda: _of(prometheus, came) < 0.85 * _of(prometheus, due))
    moved = fill(panel_query("journey", "Segments that moved", "D"), job="touchline-demo", step="checkout")
    until(lambda: any(one.labels["value"] == "mobile" and one.value < 0 for one in prometheus.ask(moved)))
    told = {"alertname": "TouchlineJourneyDrop", "job": "touchline-demo", "step": "checkout", "owner": "checkout-team"}
    until(lambda: any(told.items() <= one.items() for one in prometheus.firing()))

    # Every query parses, and shows something.
    for query in (query for name in NAMES for query in queries(name)):
        # A change is marked for a minute only, which has been looked for above.
        if str(query) in LATER or "Changes" in str(query) or "What changed" in str(query):
            prometheus.ask(query.expr)
        else:
            shows(prometheus, query)

    rules = prometheus.rules()
    slow = [rule for rule in rules if "7d" in rule["name"]]
    assert len(slow) == 3  # looked at every five minutes, so asked by hand
    assert all(prometheus.ask(rule["query"]) for rule in slow)
    assert [rule for rule in rules if rule["health"] == "err"] == []
    recorded = {rule["name"] for rule in rules if rule["type"] == "recording" and rule not in slow}
    until(lambda: all(prometheus.ask(name) for name in recorded), f"each of {sorted(recorded)} to be recorded")


def _mobile(prometheus: Prometheus, over: str = "{}") -> float:
    """Conversion of those who pay by phone; 0 while too few are known."""
    query = panel_query("journey", "Conversion by $dimension").replace("max by (step, value)", "max by (value)")
    answer = prometheus.ask(over.format(fill(query, job="touchline-demo", step="checkout")))
    return next((one.value for one in answer if one.labels["value"] == "mobile"), 0)


def _of(prometheus: Prometheus, query: str) -> float:
    """Its only value; not a number, so neither more nor less than another, while there is none."""
    found = prometheus.ask(fill(query, job="touchline-demo", step="checkout"))
    assert len(found) <= 1
    return found[0].value if found else math.nan


@pytest.mark.slow
@pytest.mark.prometheus
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("prometheus_program")
async def test_every_board_and_rule_shows_the_planted_incident_of_a_running_demo(tmp_path: Path) -> None:
    everything = Everything(round((time.time() - 3600) * 1e6))
    port = free_port()
    async with serving(everything), declared() as workers:
        address = everything.address.removeprefix("http://")
        config = CONFIG.format(rules=RULES, demo=port, everything=address, workers=workers)
        with demo(tmp_path, port), running_prometheus(tmp_path / "prometheus", config) as url:
            await asyncio.to_thread(proof, Prometheus(url), port)
