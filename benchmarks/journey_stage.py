"""JourneyStage with its full logic against the bare loop, one core, one run.

    python -m benchmarks.journey_stage [--events 200000] [--customers 10000,100000,1000000]

The bare loop decodes the canonical record to a Struct and assigns it to a dict, once per event. Both read the same
bytes; customers are drawn so that every population is seen about evenly, and all of them are in memory before the clock
starts. Bare loop and stage take turns; figures are medians of the rounds. The last row is the same logic when no state
is ever in memory: every batch loads what it needs and commits what it changed, against a dict of bytes in place of the
store.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import time
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.result import write
from streams.config.load import load_text
from streams.model import Event, Record
from streams.rules import Rules
from streams.runtime.collection import THRESHOLDS
from streams.stages.journey import JourneyStage
from streams.units import format_time

HERE = Path(__file__).parent
START = 1_767_225_600_000_000
STEPS = ("page.viewed", "cart.updated", "checkout.started", "order.completed", "page.viewed", "order.delivered")
KYIV = ("web", "app"), ("mobile", "desktop", "tablet"), ("kyiv", "lviv", "odesa", "dnipro"), ("gold", "silver", "basic")


def bodies(
    count: int, customers: int, seed: int, start: int, rate: float = 10_000.0, first: int | None = None
) -> list[bytes]:
    """`count` canonical records of customers on their way through the shop, in order of time, `rate` a second.

    Customers are drawn at random, or one after the other from `first` on.
    """
    randomness = random.Random(seed)
    encode = msgspec.json.encode
    made = []
    for number in range(count):
        customer = randomness.randrange(customers) if first is None else (first + number) % customers
        channel, device, region, tier = (values[customer % len(values)] for values in KYIV)
        made.append(
            encode(
                {
                    "specversion": "1.0",
                    "id": f"e-{seed}-{number}",
                    "source": "shop",
                    "type": STEPS[(number + customer + seed) % len(STEPS)],
                    "time": format_time(start + int(number / rate * 1e6)),
                    "subject": f"c-{customer}",
                    "data": {
                        "channel": channel,
                        "device": device,
                        "region": region,
                        "tier": tier,
                        "session": f"s-{customer}",
                        "amount": (number % 50_000) / 100,
                    },
                }
            )
        )
    return made


def bare(records: list[bytes]) -> float:
    """Seconds of CPU for the bare loop."""
    decode = msgspec.json.Decoder(Event).decode
    last: dict[str | None, Event] = {}
    begun = time.process_time()
    for body in records:
        event = decode(body)
        last[event.subject] = event
    return time.process_time() - begun


def full(stage: JourneyStage, records: list[bytes], offset: int, batch: int = 2000) -> float:
    """Seconds of CPU for the stage, partials included, in micro-batches."""
    log = [Record(offset + at, None, body) for at, body in enumerate(records)]
    begun = time.process_time()
    for at in range(0, len(log), batch):
        stage.process(log[at : at + batch])
    return time.process_time() - begun


def cold(stage: JourneyStage, records: list[bytes], offset: int, store: dict[str, bytes], batch: int = 2000) -> float:
    """Seconds of CPU when every batch loads its states, commits them and forgets them."""
    log = [Record(offset + at, None, body) for at, body in enumerate(records)]
    begun = time.process_time()
    for at in range(0, len(log), batch):
        piece = log[at : at + batch]
        while missing := stage.needs(piece):
            stage.load({key: store.get(key) for key in missing})
        stage.process(piece)
        for key, state in stage.changes().states.items():
            if state is None:
                store.pop(key, None)
            else:
                store[key] = state
        stage.evict(0)
    return time.process_time() - begun


def measure_cold(rules: Rules, events: int, rounds: int, customers: int) -> dict[str, Any]:
    """The row for states that are never in memory."""
    stage, store = JourneyStage(rules), dict[str, bytes]()
    costs = []
    for seed in range(rounds + 1):
        records = bodies(events, customers, seed, START + int(seed * events / 10_000 * 1e6))
        costs.append((bare(records) / events * 1e6, cold(stage, records, seed * events, store) / events * 1e6))
    plain, logic = (statistics.median(cost[side] for cost in costs[1:]) for side in (0, 1))
    return {
        "customers": customers,
        "resident": 0,
        "bare_microseconds": round(plain, 2),
        "stage_microseconds": round(logic, 2),
        "ratio": round(plain / logic, 3),
    }


def main() -> None:
    gc.set_threshold(*THRESHOLDS)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000, help="events per round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--customers", default="10000,100000,1000000")
    args = parser.parse_args()
    loaded = load_text((HERE / "shop.yml").read_text(), "shop.yml")
    rows = []
    for customers in (int(part) for part in args.customers.split(",")):
        stage = JourneyStage(Rules.of(loaded), resident=True)
        offset = 0
        moment = START
        for first in range(0, customers, args.events):
            warm = bodies(min(args.events, customers - first), customers, 1000 + first, moment, first=first)
            full(stage, warm, offset)
            offset += len(warm)
            moment += int(len(warm) / 10_000 * 1e6)
        gc.collect()
        gc.freeze()
        ratios, costs = [], []
        for seed in range(args.rounds):
            records = bodies(args.events, customers, seed, moment)
            plain, logic = bare(records), full(stage, records, offset)
            offset += len(records)
            moment += int(len(records) / 10_000 * 1e6)
            ratios.append(plain / logic)
            costs.append((plain / len(records) * 1e6, logic / len(records) * 1e6))
        row = {
            "customers": customers,
            "bare_microseconds": round(statistics.median(cost[0] for cost in costs), 2),
            "stage_microseconds": round(statistics.median(cost[1] for cost in costs), 2),
            "ratio": round(statistics.median(ratios), 3),
            "resident": stage.cached,
        }
        print(row)  # noqa: T201  # the benchmark's report
        rows.append(row)
        del stage
        gc.unfreeze()
        gc.collect()
    row = measure_cold(Rules.of(loaded), args.events, args.rounds, 100_000)
    print(row)  # noqa: T201  # the benchmark's report
    rows.append(row)
    write("journey_stage", {"events": args.events, "rows": rows})


if __name__ == "__main__":
    main()
