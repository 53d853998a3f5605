"""How soon drops are found, how often without cause, and at what cost: simulated, seeded, against oracles and rivals.

    python -m benchmarks.quality [--quick] [--part delay|false|cost]

`delay`: seconds until a drop of 100 to 15 % is found, beside two oracles on the same traffic (CUSUMs that know the
baseline and the size: *sharp* against the true rate, *tolerant* against 90 % of it, as what is tolerated is no drop to
us) and two rivals (a rolling conversion and a funnel of cohorts, each with a binomial test).
`false`: false alarms for each one granted, in eleven ways in which traffic varies though nothing is wrong.
`cost`: microseconds and bytes for each series.

Results come as they are made and stay in the file when a later run measures another part. `--quick` does a little of
everything within three minutes and writes nothing.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.detection import cost, delay, false_alarms, nulls, tables
from benchmarks.result import RESULTS, write

PARTS = ("delay", "false", "cost")


def delays(quick: bool) -> Iterable[dict[str, Any]]:
    """Rows of part `delay`."""
    for case in delay.cases(quick):
        yield from delay.measure(case, delay.QUICK if quick else delay.Scale())


def false(quick: bool) -> Iterable[dict[str, Any]]:
    """Rows of part `false`."""
    scale = false_alarms.QUICK if quick else false_alarms.Scale()
    for make in nulls.FAMILIES:
        yield from false_alarms.measure(make, scale)
    yield from false_alarms.measure(nulls.Null, scale, seed=1, frozen=True)


MEASURES: dict[str, Callable[[bool], Iterable[dict[str, Any]]]] = {
    "delay": delays,
    "false": false,
    "cost": cost.measure,
}


def run(part: str, quick: bool) -> None:
    """Measure a part, print its table, and keep the rows as they come."""
    path = RESULTS / "quality.json"
    show = functools.partial(print, flush=True)  # the benchmark's report
    show(tables.HEADS[part])
    rows: list[dict[str, Any]] = []
    for row in MEASURES[part](quick):
        rows.append(row)
        show(tables.LINES[part](row))
        if not quick:
            kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            write("quality", {name: kept[name] for name in PARTS if name in kept and name != part} | {part: rows})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a little of everything, nothing written")
    parser.add_argument("--part", choices=PARTS, help="one part only")
    args = parser.parse_args()
    for part in PARTS if args.part is None else (args.part,):
        run(part, args.quick)


if __name__ == "__main__":
    main()
