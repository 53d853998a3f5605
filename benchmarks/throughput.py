"""The cluster worker against other engines: the same broker, the same events, one run.

    python -m benchmarks.throughput [--part peers|latency|recovery|scaling] [--events 300000] [--customers 1000000]
                                    [--rounds 3]

Kafka, Redis and the sender share the first core, what is measured has the last one.
`peers`: a backlog of events, cold (each of another customer) and warm (20,000 customers). Touchline's worker does its
full logic: journeys, four segment dimensions, signals with detection, an asking rule and cases, exact through a crash,
Kafka → Redis → Kafka; and once more with a file of one journey, which is the job of the peers: each customer's place
in three steps, kept through a crash (`benchmarks/peers`). The bare loop keeps nothing. Figures are by the CPU time of
the process, as wall time shares the machine with the broker, and medians of the rounds: one round alone says little on
a machine that is shared.
`latency`: events at a sixth and at half of the warm rate, an ask for every hundredth; from the event's own time to the
time Kafka gave the decision. Alerts: from the end of the tick they are decided on.
`recovery`: as many customers in the store, events at `--rate`, kill -9, a new worker: seconds until it has
caught up.
`scaling`: two thousand events a second while workers come and go; into `results/scaling.json`, on both cores.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
from pathlib import Path
from typing import Any

import msgspec
import redis

from benchmarks.cluster import feed
from benchmarks.cluster.contenders import Run, Touchline, environment, own_python, peer
from benchmarks.cluster.recovery import recovery
from benchmarks.cluster.responses import latency
from benchmarks.cluster.scaling import scaling
from benchmarks.cluster.servers import Servers, cores, running
from benchmarks.journey_stage import START, bodies
from benchmarks.result import RESULTS, machine, write

SHOP = (Path(__file__).parent / "shop.yml").read_text(encoding="utf-8")
SAME_JOB = """
version: 1
journeys:
  purchase:
    steps:
      - {name: cart, on: cart.updated}
      - {name: checkout, on: checkout.started, within: 30m}
      - {name: paid, on: order.completed, within: 30m}
"""
WARM_CUSTOMERS = 20_000
PARTS = ("peers", "latency", "recovery")
"""Measured one core against the other."""
_FAUST_EVENTS = 15_000
_LATENCY_RATES = {5: 5_000.0, 7: 15_000.0}
"""Database of the store -> events a second."""
_SHOWN_EACH = ("cpu_seconds_per_million", "worker_ratio", "same_job_ratio")


def _store_costs(before: dict[str, Any], after: dict[str, Any], events: int) -> dict[str, float]:
    return {
        "commands_per_thousand_events": round(
            (after["total_commands_processed"] - before["total_commands_processed"]) / events * 1000, 1
        ),
        "round_trips_per_thousand_events": round(
            (after["total_reads_processed"] - before["total_reads_processed"]) / events * 1000, 2
        ),
    }


async def _worker(
    servers: Servers, name: str, file: str, number: int, records: list[bytes]
) -> tuple[Run, str, dict[str, Any]]:
    """The worker over a backlog; the topic stays for the peers."""
    touchline = Touchline(servers, name, file, number)
    await touchline.made.wait_for_topics()
    store = redis.Redis.from_url(servers.redis)  # what it counts is the whole server's
    await feed.backlog(servers.kafka, touchline.topic, records)
    memory, stats = store.info("memory")["used_memory"], store.info("stats")
    run = await touchline.consume(len(records))
    costs: dict[str, Any] = _store_costs(stats, store.info("stats"), len(records))
    touchline.stop()
    customers = len(await touchline.made.customers())
    costs["customers"] = customers
    costs["bytes_per_customer"] = round((store.info("memory")["used_memory"] - memory) / max(1, customers))
    return run, touchline.topic, costs


async def peers(servers: Servers, events: int) -> dict[str, Any]:
    """Cold and warm, each engine in turn."""
    quix, bytewax = environment("quix"), environment("bytewax")
    report: dict[str, Any] = {}
    for number, (kind, customers) in enumerate((("cold", events), ("warm", WARM_CUSTOMERS)), 1):
        records = bodies(events, customers, number, START, first=0 if kind == "cold" else None)
        if kind == "warm":
            records = bodies(customers, customers, 77, START - 10_000_000, first=0) + records
        run, topic, costs = await _worker(servers, f"{kind}-worker", SHOP, number, records)
        same, _, _ = await _worker(servers, f"{kind}-same", SAME_JOB, number + 2, records)
        runs = {"worker": run, "worker_same_job": same}
        for name, script, python, count in (
            ("bare", "bare.py", own_python(), len(records)),
            ("quix", "quix_state.py", quix, min(len(records), 150_000)),
            ("bytewax", "bytewax_state.py", bytewax, len(records)),
            ("faust", "faust_tables.py", own_python(), _FAUST_EVENTS),
        ):
            await feed.create(servers.kafka, f"{kind}-{name}")
            runs[name] = await asyncio.to_thread(peer, script, python, servers, topic, f"{kind}-{name}", count)
            print(kind, name, runs[name].figures())  # noqa: T201  # the benchmark's report
        each = {name: one.cpu_seconds / one.events for name, one in runs.items()}
        report[kind] = {
            name: {
                **one.figures(),
                "worker_ratio": round(each[name] / each["worker"], 3),
                "same_job_ratio": round(each[name] / each["worker_same_job"], 3),
            }
            for name, one in runs.items()
        }
        report[kind]["store"] = costs
        print(kind, msgspec.json.encode(report[kind]).decode())  # noqa: T201  # the benchmark's report
    return report


def medians(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Of each figure, its median over the rounds; of processor time and ratios also what each round gave."""
    report: dict[str, Any] = {"rounds": len(rounds)}
    for kind in rounds[0]:
        report[kind] = {}
        for name, figures in rounds[0][kind].items():
            each = {key: [one[kind][name][key] for one in rounds] for key in figures}
            report[kind][name] = {key: statistics.median(numbers) for key, numbers in each.items()} | {
                f"{key}_each": each[key] for key in _SHOWN_EACH if key in each
            }
    return report


async def measure(servers: Servers, parts: list[str], args: argparse.Namespace) -> dict[str, Any]:
    """The parts named but `peers`, in turn."""
    report: dict[str, Any] = {}
    if "latency" in parts:
        report["latency"] = {"rates": [await latency(servers, rate, number) for number, rate in _LATENCY_RATES.items()]}
    if "recovery" in parts:
        report["recovery"] = await recovery(servers, args.customers, args.rate)
    return report


def main() -> None:
    """Measure the parts named, and write them beside those measured before."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=(*PARTS, "scaling"), action="append")
    parser.add_argument("--events", type=int, default=300_000, help="in the backlog")
    parser.add_argument("--rounds", type=int, default=3, help="of peers, each with servers of its own")
    parser.add_argument("--customers", type=int, default=1_000_000, help="in the store when the worker is killed")
    parser.add_argument("--rate", type=float, default=2_500.0, help="events a second of recovery")
    parser.add_argument("--scaling-rate", type=float, default=2_000.0, help="events a second of scaling")
    args = parser.parse_args()
    parts = args.part or list(PARTS)
    if "scaling" in parts:
        with running() as servers:
            os.sched_setaffinity(0, set().union(*cores()))
            write("scaling", asyncio.run(scaling(servers, args.scaling_rate)))
        parts.remove("scaling")
    if not parts:
        return
    path = RESULTS / "throughput.json"
    report: dict[str, Any] = msgspec.json.decode(path.read_bytes()) if path.exists() else {}
    report.pop("machine", None)
    random.seed(1)
    measured: dict[str, Any] = {}
    if "peers" in parts:
        rounds = []
        for _ in range(args.rounds):
            with running() as servers:
                rounds.append(asyncio.run(peers(servers, args.events)))
        measured["peers"] = medians(rounds)
    if set(parts) - {"peers"}:
        with running() as servers:
            measured |= asyncio.run(measure(servers, parts, args))
    report |= {name: {**figures, "commit": machine()["commit"]} for name, figures in measured.items()}
    write("throughput", report)


if __name__ == "__main__":
    main()
