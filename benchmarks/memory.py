"""What is kept per customer, per seen id and per series, and how far back copies are found.

    python -m benchmarks.memory [--customers 50000]

Stated ceilings: at most 1 KiB per idle customer in the store, unexpired seen ids apart. Python's own accounting
(tracemalloc) stands for resident bytes: what objects take, allocator slack and the process itself left out.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tracemalloc
from collections.abc import Callable
from typing import Any

from benchmarks.journey_stage import HERE, START, bodies
from benchmarks.result import write
from streams import customer, seen
from streams.codec import encode
from streams.config.load import Loaded, load_text
from streams.effects import Entered, Outcome, Partial
from streams.model import Event, Record
from streams.rules import Rules
from streams.stages.journey import JourneyStage
from streams.stages.signal import SignalStage
from streams.units import format_time

EVENTS_EACH = 12
SECOND = 1_000_000
PARTITIONS = 32


def held(make: Callable[[], object]) -> tuple[Any, int]:
    """What `make` returns, and the bytes that are still allocated for it."""
    gc.collect()
    tracemalloc.start()
    made = make()
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return made, size


def shop(rules: Rules, customers: int, each: int) -> JourneyStage:
    """A stage that has met every customer `each` times, half of them identified, with nothing left to reorder."""
    stage = JourneyStage(rules, resident=True)
    moment, offset = START, 0
    for number in range(each):
        for first in range(0, customers, 10_000):
            records = bodies(min(10_000, customers - first), customers, number, moment, first=first)
            if number == 0:
                records += [_identified(at, moment) for at in range(first, first + len(records), 2)]
            log = [Record(offset + at, None, body) for at, body in enumerate(records)]
            stage.process(log)
            offset += len(log)
            moment += SECOND
    advanced = Event(
        id="end", source="touchline", type="touchline.time.advanced", time=format_time(moment + SECOND * 5)
    )
    stage.process([Record(offset, None, encode(advanced), True)])
    return stage


def _identified(number: int, moment: int) -> bytes:
    return encode(
        Event(
            id=f"i-{number}",
            source="crm",
            type="customer.identified",
            time=format_time(moment),
            subject=f"c-{number}",
            data={
                "email": f"customer.{number}@shop.example",
                "name": f"Customer {number}",
                "language": "uk",
                "vip": False,
            },
        )
    )


def measure_customers(rules: Rules, customers: int) -> dict[str, Any]:
    """Bytes of a customer, stored and in memory."""
    _, once = held(lambda: shop(rules, customers, 1))
    stage, often = held(lambda: shop(rules, customers, EVENTS_EACH))
    stored, ids = [], []
    for number in range(customers):
        state = stage.find(f"c-{number}")
        seen_ids = len(state.seen) + len(state.seen_before)
        stored.append(len(customer.encode(state)) - seen_ids)
        ids.append(seen_ids // seen.WIDTH)
    return {
        "customers": customers,
        "events_each": EVENTS_EACH,
        "stored_bytes_mean_without_seen_ids": round(statistics.mean(stored)),
        "stored_bytes_largest_without_seen_ids": max(stored),
        "stored_bytes_per_seen_id": seen.WIDTH,
        "seen_ids_mean": round(statistics.mean(ids), 1),
        "resident_bytes_after_one_event": round(once / customers),
        "resident_bytes_after_all_events": round(often / customers),
    }


def measure_series(loaded: Loaded) -> dict[str, Any]:
    """Bytes of SignalStage per series of a step: the whole, and each segment value."""
    few_series, few = _series(loaded, 2)
    many_series, many = _series(loaded, 20)
    return {
        "series": many_series,
        "resident_bytes_per_series": round((many - few) / (many_series - few_series)),
        "resident_bytes": many,
    }


def _series(loaded: Loaded, values: int) -> tuple[int, int]:
    steps = ("cart", "checkout", "paid")
    cells = [(f"c{at}", f"d{at}", f"r{at}", f"t{at}") for at in range(values)]
    first = START // SECOND

    def fill() -> SignalStage:
        stage = SignalStage(loaded.config, loaded.hash)
        for number in range(120):
            tick = first + number
            entered = tuple(Entered("purchase", step, cell, 60, 60 * SECOND) for step in steps for cell in cells)
            outcomes = tuple(
                Outcome("purchase", step, cell, tick - 1, 30, 5, 0, 0) for step in steps for cell in cells if number
            )
            stage.process(Partial(0, number, tick, tick, loaded.hash, entered=entered, outcomes=outcomes))
        return stage

    stage, size = held(fill)
    series = sum(1 + len(step.segments) for journey in stage.view().journeys for step in journey.steps)
    return series, size


def measure_dedup(limit: int, rate: float) -> dict[str, Any]:
    """How far back every copy would be found, and how many ids are kept, over two days at a steady rate."""
    population = seen.Population(limit)
    moment, covered, kept = START, [], 0
    for second in range(48 * 3600):
        if moment >= population.minute_end or population.room <= 0:
            population.make_room(moment)
        population.room -= round(rate)
        moment += SECOND
        if second >= 24 * 3600:
            covered.append(population.covered(moment) / SECOND)
            if second % 60 == 0:
                kept = max(kept, sum(population.counted().values()))
    return {
        "events_per_second": rate,
        "limit": limit,
        "covered_seconds_least": round(min(covered)),
        "covered_seconds_mean": round(statistics.mean(covered)),
        "most_ids_kept": kept,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=50_000)
    args = parser.parse_args()
    loaded = load_text((HERE / "shop.yml").read_text(), "shop.yml")
    limit = loaded.config.dedup.max_ids
    figures = {
        "customer": measure_customers(Rules.of(loaded), args.customers),
        "series": measure_series(loaded),
        "dedup_one_partition": measure_dedup(limit, 10_000),
        f"dedup_{PARTITIONS}_partitions": measure_dedup(limit, 10_000 / PARTITIONS),
    }
    for name, row in figures.items():
        print(name, row)  # noqa: T201  # the benchmark's report
    write("memory", figures)


if __name__ == "__main__":
    main()
