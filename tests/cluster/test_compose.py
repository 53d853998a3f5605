"""What docker-compose.yml starts, started here: the same commands, settings and health checks, on this machine's ports.

Only addresses, folders and the topics' prefix are put in place of those of the containers.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.installation import Installation
from tests.servers.base import ServerMissing, free_port, skip_or_fail, wait_until
from tests.servers.prometheus import running_prometheus

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.redis,
    pytest.mark.prometheus,
    pytest.mark.slow,
    pytest.mark.timeout(420),
]
ROOT = Path(__file__).parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))[
    "services"
]
KEY, TOKEN = "w" * 32, "c" * 32
ANY_FILE = "version: 1\njourneys: {any: {steps: [{name: a, on: a.a}, {name: b, on: b.b}]}}\n"
CALLS = 60
PATIENCE_S = 150.0
SHARES = "sum by (instance) (touchline_partition_running)"


class Composed:
    """The services of the file that are ours, as processes."""

    def __init__(self, folder: Path, kafka: str, redis: str) -> None:
        self.folder = folder
        self.installation = Installation(kafka, redis, folder, ANY_FILE, 32)
        """Its topics and store, to look into."""
        self.door = free_port()
        self.views = [free_port() for _ in range(int(SERVICES["worker"]["deploy"]["replicas"]))]
        self._processes: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._places = {
            "kafka:9092": kafka,
            "redis://redis:6379/0": redis,
            "/etc/touchline": str(ROOT / "deploy" / "config"),
            "0.0.0.0:8427": f"127.0.0.1:{self.door}",
            "collector:8427": f"127.0.0.1:{self.door}",
            "localhost:8427": f"127.0.0.1:{self.door}",
        }

    def _here(self, word: str, view: int | None = None) -> str:
        places = dict(self._places)
        if view is not None:
            places |= {"0.0.0.0:6066": f"127.0.0.1:{view}", "localhost:6066": f"127.0.0.1:{view}"}
        for there, here in places.items():
            word = word.replace(there, here)
        return word

    def _environment(self, service: str) -> dict[str, str]:
        asked = {"TOUCHLINE_WRITE_KEY": KEY, "TOUCHLINE_CONSOLE_TOKEN": TOKEN}
        set_here = {
            name: re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: asked[found[1]], text)
            for name, text in SERVICES[service]["environment"].items()
        }
        return {**os.environ, "PYTHONPATH": str(ROOT), **set_here}

    def start(self, service: str, view: int | None = None) -> subprocess.Popen[bytes]:
        """The service's command; `view` is the port of a worker's pages."""
        words = [self._here(word, view) for word in SERVICES[service]["command"]]
        if service in ("topics", "worker", "collector"):
            words += ["--name", self.installation.names.name]
        label = service if view is None else f"{service}-{view}"
        with (self.folder / f"{label}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "streams", *words],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self._environment(service),
            )
        self._processes.append((label, process))
        return process

    def healthy(self, service: str, view: int | None = None) -> bool:
        """What the service's own health check says, while its process lives."""
        for label, process in self._processes:
            assert label == "topics" or process.poll() is None, f"{label} ended: {self.log(label)}"
        test = SERVICES[service]["healthcheck"]["test"]
        assert test[:2] == ["CMD", "python"]
        command = [sys.executable, *(self._here(word, view) for word in test[2:])]
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0

    def log(self, label: str) -> str:
        """The end of what a process has written."""
        return (self.folder / f"{label}.log").read_text(encoding="utf-8", errors="replace")[-3000:]

    def stop(self) -> dict[str, int]:
        """SIGTERM to all, the last first; exit codes."""
        codes = {}
        for label, process in reversed(self._processes):
            if process.poll() is None:
                process.terminate()
            try:
                codes[label] = process.wait(120)
            except subprocess.TimeoutExpired:
                process.kill()
                codes[label] = process.wait()
        return codes


@pytest.fixture
def composed(kafka_bootstrap: str, redis_db: str, tmp_path: Path) -> Iterator[Composed]:
    made = Composed(tmp_path, kafka_bootstrap, redis_db)
    try:
        yield made
    finally:
        made.stop()
        asyncio.run(made.installation.drop_topics())


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition that asks processes."""
    wait_until(condition, what, PATIENCE_S, every_s=0.3)


def scraping(made: Composed) -> str:
    """Prometheus's own file, with the containers' names resolved as their DNS would."""
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    (made.folder / "token").write_text(TOKEN)
    found = {("collector", 8427): [made.door], ("worker", 6066): made.views}
    for job in config["scrape_configs"]:
        job["authorization"]["credentials_file"] = str(made.folder / "token")
        ports = [port for entry in job.pop("dns_sd_configs") for name in entry["names"]
                 for port in found[name, entry["port"]]]  # fmt: skip
        job["static_configs"] = [{"targets": [f"127.0.0.1:{port}" for port in ports]}]
    config["rule_files"] = [str(ROOT / "deploy" / "prometheus" / path) for path in config["rule_files"]]
    del config["alerting"]
    return yaml.safe_dump(config)


def asked(url: str, query: str) -> dict[str, float]:
    """An instant query: value by instance."""
    with urllib.request.urlopen(f"{url}/api/v1/query?query={urllib.parse.quote(query)}", timeout=30) as reply:
        result = json.load(reply)["data"]["result"]
    return {entry["metric"].get("instance", ""): float(entry["value"][1]) for entry in result}


def shared_out(shares: dict[str, float], workers: int) -> bool:
    """Whether so many workers have all partitions between them, and each some."""
    return sum(shares.values()) == 32 and len([count for count in shares.values() if count > 0]) == workers


def post(made: Composed, events: list[dict[str, Any]], key: str) -> int:
    """To the door; the status."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{made.door}/events",
        data=json.dumps(events).encode(),
        headers={"Content-Type": "application/cloudevents-batch+json", "Authorization": f"Bearer {key}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def long_calls() -> list[dict[str, Any]]:
    """Calls far longer than the file expects of the 90th percentile, ended just now."""
    return [
        {
            "specversion": "1.0", "id": f"call-{number}", "source": "test", "type": "call.ended",
            "subject": f"caller-{number}", "data": {"duration_s": 3600},
        }
        for number in range(CALLS)
    ]  # fmt: skip


def test_events_posted_to_the_door_become_metrics_and_decisions(composed: Composed, prometheus_program: str) -> None:
    assert composed.start("topics").wait(60) == 0, composed.log("topics")
    for view in composed.views:
        composed.start("worker", view)
    composed.start("collector")
    until(lambda: composed.healthy("collector"), "the door to be healthy")
    for view in composed.views:
        until(lambda port=view: composed.healthy("worker", port), f"the worker at {view} to be healthy")  # type: ignore[misc]  # mypy sees no type for a lambda's default
    composed.start("traffic")
    assert post(composed, long_calls(), "somebody else's key") == 401
    assert post(composed, long_calls(), KEY) == 202
    try:
        with running_prometheus(composed.folder / "prometheus", scraping(composed)) as url:
            until(lambda: sum(asked(url, "up").values()) == 1 + len(composed.views), "everything to be scraped")
            until(
                lambda: (
                    asked(url, 'sum(touchline_signal_samples{signal="handle_time",window="1h"})').get("", 0) >= CALLS
                ),
                "the calls to be counted",
            )
            until(
                lambda: asked(url, 'max(touchline_signal_breached{signal="handle_time"})').get("", 0) == 1,
                "the long calls to be noticed",
            )
            until(
                lambda: (
                    asked(url, 'sum(touchline_journey_step_entered_total{journey="purchase",step="cart"})').get("", 0)
                    > 0
                ),
                "simulated visitors to be counted",
            )
            until(lambda: shared_out(asked(url, SHARES), len(composed.views)), "all partitions to run, some everywhere")
    except ServerMissing as missing:
        skip_or_fail(str(missing))
    decisions = asyncio.run(composed.installation.records(composed.installation.names.decisions))
    told = [json.loads(record.value) for record in decisions]
    assert [one["subject"] for one in told if one["type"] == "touchline.signal.breached"] == ["handle_time"]
    codes = composed.stop()
    assert set(codes.values()) == {0}, {label: composed.log(label) for label, code in codes.items() if code}
