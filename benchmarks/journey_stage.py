"""JourneyStage with its full logic against the bare loop, one core, one run.

    python -m benchmarks.journey_stage [--events 200000] [--customers 10000,100000,1000000]

The bare loop decodes the canonical record to a Struct and assigns it to a dict, once per event. Both read the same
bytes; customers are drawn so that every population is seen about evenly. Figures are medians of the rounds.
"""

from __future__ import annotations

import argparse
import gc
import random
import resource
import statistics
import time
from pathlib import Path

import msgspec

from benchmarks.result import write
from streams.config.load import load_text
from streams.model import Event, Record
from streams.rules import Rules
from streams.stages.journey import JourneyStage
from streams.units import format_time

HERE = Path(__file__).parent
START = 1_767_225_600_000_000
STEPS = ("page.viewed", "cart.updated", "checkout.started", "order.completed", "page.viewed", "order.delivered")
KYIV = ("web", "app"), ("mobile", "desktop", "tablet"), ("kyiv", "lviv", "odesa", "dnipro"), ("gold", "silver", "basic")


def bodies(count: int, customers: int, seed: int, start: int, rate: float = 10_000.0) -> list[bytes]:
    """`count` canonical records of customers on their way through the shop, in order of time, `rate` a second."""
    randomness = random.Random(seed)
    encode = msgspec.json.encode
    made = []
    for number in range(count):
        customer = randomness.randrange(customers)
        channel, device, region, tier = (values[customer % len(values)] for values in KYIV)
        made.append(
            encode(
                {
                    "specversion": "1.0",
                    "id": f"e-{seed}-{number}",
                    "source": "shop",
                    "type": STEPS[(number + customer) % len(STEPS)],
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


def main() -> None:
    gc.set_threshold(100_000, 50, 100)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000, help="events per round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--customers", default="10000,100000,1000000")
    args = parser.parse_args()
    loaded = load_text((HERE / "shop.yml").read_text(), "shop.yml")
    rows = []
    for customers in (int(part) for part in args.customers.split(",")):
        stage = JourneyStage(Rules.of(loaded), resident=True)
        offset = 0
        moment = START
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for seed in range(-(-customers // args.events)):
            # Every customer is resident before the clock starts.
            warm = bodies(min(args.events, customers), customers, 1000 + seed, moment)
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
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        row = {
            "customers": customers,
            "bare_microseconds": round(statistics.median(cost[0] for cost in costs), 2),
            "stage_microseconds": round(statistics.median(cost[1] for cost in costs), 2),
            "ratio": round(statistics.median(ratios), 3),
            "resident": stage.cached,
            "grown_bytes_per_customer": round(grown * 1024 / customers),
        }
        print(row)  # noqa: T201  # the benchmark's report
        rows.append(row)
        del stage
    write("journey_stage", {"events": args.events, "rows": rows})


if __name__ == "__main__":
    main()
