"""What workers show: on their own addresses, and in Redis about the whole cluster."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable
from contextlib import closing

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families as read_text

from streams.model import Event
from streams.runtime.cluster.status import WorkerStatus
from streams.runtime.metric_names import CLUSTER, METRICS
from tests.cluster.conftest import Install
from tests.cluster.installation import ROOT, Installation, Worker
from tests.cluster.parity import DEMO, SECOND, UNTIL, decisions, replayed, within_lateness

pytestmark = [pytest.mark.kafka, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(400)]
TAIL = 3 * SECOND
PARTITIONS = 3
TOKEN = "t" * 24
ACCESS = f"\naccess: {{console: [{{name: ops, role: viewer, token: {TOKEN}}}]}}\n"
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now."""
    ports = []
    for _ in range(count):
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(int(probe.getsockname()[1]))
    return ports


def ask(port: int, path: str, token: str | None = None) -> tuple[int, bytes]:
    """Status and body; status 0 while nobody answers."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers), timeout=60
        ) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def scrape(port: int) -> Series:
    status, body = ask(port, "/metrics", TOKEN)
    assert status == 200, body
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in read_text(body.decode())
        for sample in family.samples
    }


def total(scrapes: Iterable[Series], name: str, **labels: str) -> float:
    """`sum(name{labels})` over workers."""
    wanted = labels.items()
    return sum(value for one in scrapes for (found, at), value in one.items() if found == name and wanted <= at)


def overview(made: Installation) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streams", "status", "--redis", made.redis],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=60,
    )  # fmt: skip


async def ready(ports: list[int]) -> bool:
    """Whether all workers are, and have the partitions between them."""
    if any(ask(port, "/readyz")[0] != 200 for port in ports):
        return False
    shown = [msgspec.json.decode(ask(port, "/status", TOKEN)[1], type=WorkerStatus) for port in ports]
    return sum(len(one.partitions) for one in shown) == PARTITIONS and any(one.signals.owner for one in shown)


async def test_what_two_workers_show_adds_up_to_what_replay_says(install: Install, shop: list[Event]) -> None:
    async with install(DEMO + ACCESS, PARTITIONS) as made:
        events = list(within_lateness(shop, made.loaded.config.allowed_lateness))[:8_000]
        ports = free_ports(2)
        workers = [made.worker("--listen", f"127.0.0.1:{port}", "--instance", f"w{port}") for port in ports]
        try:
            await workers[0].until(lambda: ready(ports), "both workers to be ready")
            assert [ask(port, "/livez")[0] for port in ports] == [200, 200]
            assert [ask(port, path)[0] for port in ports for path in ("/status", "/metrics")] == [401] * 4

            await made.send(events)
            await made.send_raw(0, b"{not json")
            await made.advance(UNTIL + TAIL)
            await workers[0].until(made.done, "all to be processed", 240.0)

            async def nothing_waits() -> bool:
                return sum(found[0] for found in lags(ports)) == 0 and len(lags(ports)) == PARTITIONS

            await workers[0].until(nothing_waits, "the lag to be seen as nothing")
            shown = [scrape(port) for port in ports]
            answer = overview(made)
        finally:
            for worker in workers:
                worker.stop()

        replay = replayed(made, events)
        totals = replay.signals.totals()
        assert total(shown, "touchline_events_read_total") == len(events) + 1
        assert total(shown, "touchline_events_duplicate_total") == totals.door.duplicate
        for step, counts in totals.journeys["purchase"].items():
            at = {"journey": "purchase", "step": step}
            assert total(shown, "touchline_journey_step_entered_total", **at) == counts.entered
            assert total(shown, "touchline_journey_step_abandoned_total", **at) == counts.abandoned
        made_of = Counter(msgspec.json.decode(body)["type"] for body in await decisions(made))
        for kind, count in made_of.items():
            assert total(shown, "touchline_decisions_total", type=kind) == count
        assert made_of
        assert total(shown, "touchline_events_invalid_total") == 1
        assert total(shown, "touchline_signals_owner") == 1
        assert total(shown, "touchline_partition_running") == PARTITIONS
        assert total(shown, "touchline_cache_misses_total") > 500
        assert total(shown, "touchline_cache_hits_total") > 0
        assert total(shown, "touchline_commits_total", outcome="done") > 0
        assert total(shown, "touchline_event_processing_seconds_count") >= len(events)
        assert total(shown, "touchline_timers_pending") == len(await made.customers())

        once = Counter(series for one in shown for series in one if "partition" in dict(series[1]))
        assert once
        assert set(once.values()) == {1}, "a series of two workers"
        assert_declared(shown)

        assert answer.returncode == 0, answer.stdout
        for port in ports:
            assert f"w{port}" in answer.stdout
        assert overview(made).returncode == 1, "nobody has the partitions any more"


def lags(ports: list[int]) -> list[tuple[float, float]]:
    """Lag in records and seconds of each partition that says so."""
    shown = [msgspec.json.decode(ask(port, "/status", TOKEN)[1], type=WorkerStatus) for port in ports]
    return [
        (float(one.lag_records), one.lag_seconds)
        for status in shown
        for one in status.partitions.values()
        if one.lag_records is not None and one.lag_seconds is not None
    ]


def assert_declared(shown: list[Series]) -> None:
    """Every series of ours has a declared name and exactly its labels."""
    labels = {metric.name: {*metric.labels, *metric.spread} for metric in (*METRICS, *CLUSTER)}
    for one in shown:
        for name, at in one:
            if name.startswith("touchline_"):
                known = name if name in labels else name.rpartition("_")[0]
                given = {label for label, _ in at} - ({"le"} if name.endswith("_bucket") else set())
                assert given == labels[known], name
    names = {name for one in shown for name, _ in one}
    assert {metric.name for metric in CLUSTER} <= names


async def test_a_worker_alone_is_ready_and_open_where_the_file_has_no_tokens(install: Install) -> None:
    async with install(DEMO, 1) as made:
        (port,) = free_ports(1)
        worker: Worker = made.worker("--listen", f"127.0.0.1:{port}")
        try:

            async def well() -> bool:
                return ask(port, "/readyz")[0] == 200

            await worker.until(well, "the worker to be ready")
            shown = msgspec.json.decode(ask(port, "/status")[1], type=WorkerStatus)
            assert (shown.not_ready, list(shown.partitions), shown.config) == (None, ["0"], made.loaded.hash)
        finally:
            worker.stop()
