"""How soon drops are found, how often without cause, and at what cost: simulated, seeded, against oracles and rivals.

    python -m benchmarks.quality [--quick] [--part delay|false|cost] [--only TEXT]

`delay`: seconds until a drop of 100 to 15 % is found, beside two oracles on the same traffic (CUSUMs that know the
baseline and the size: *sharp* against the true rate, *tolerant* against 90 % of it, as what is tolerated is no drop to
us) and two rivals (a rolling conversion and a funnel of cohorts, each with a binomial test).
`false`: false alarms for each one granted, in eleven ways in which traffic varies though nothing is wrong; of drops,
and in four of them of rises.
`cost`: microseconds and bytes for each series.

Rows are written as they are made, in place of those of the same case from before. `--only` takes the cases whose name
contains a text, such as `0.3 log-normal` or `bots`. `--quick` does a little of everything within three minutes on a
machine of its own and writes nothing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmarks.detection import cost, delay, false_alarms, nulls, rises, tables
from benchmarks.result import RESULTS, write

show = partial(print, flush=True)  # the benchmark's report


Rows = Iterator[dict[str, Any]]
Cases = list[tuple[str, Callable[[], Rows]]]
"""Names, and what measures each."""


def delays(quick: bool) -> Cases:
    """Part `delay`."""
    scale = delay.QUICK if quick else delay.Scale()
    return [(f"{case.rate:g} {case.law}", partial(delay.measure, case, scale)) for case in delay.cases(quick)]


def false(quick: bool) -> Cases:
    """Part `false`."""
    scale = false_alarms.QUICK if quick else false_alarms.Scale()
    made: Cases = [(make().name, partial(false_alarms.measure, make, scale)) for make in nulls.FAMILIES]
    made.append(("Poisson, baseline frozen", partial(false_alarms.measure, nulls.Null, scale, seed=1, frozen=True)))
    scale = rises.QUICK if quick else rises.SCALE
    made += [(f"rises, {make().name}", partial(rises.conversions, make, scale)) for make in rises.CONVERSIONS]
    return [*made, *((f"arrivals up, {make().name}", partial(rises.arrivals, make, scale)) for make in rises.ARRIVALS)]


def costs(quick: bool) -> Cases:
    """Part `cost`."""
    return [(shape.name, partial(cost.measure, shape)) for shape in (cost.QUICK if quick else cost.SHAPES)]


PARTS: dict[str, Callable[[bool], Cases]] = {"delay": delays, "false": false, "cost": costs}


def keep(part: str, name: str, rows: list[dict[str, Any]]) -> None:
    """Write the rows of a case, in place of those it had."""
    path = RESULTS / "quality.json"
    figures = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    others = [row for row in figures.get(part, []) if row.get("case", name) != name]
    order = [case for case, _ in PARTS[part](False)]
    figures[part] = sorted(others + rows, key=lambda row: order.index(row["case"]) if row["case"] in order else -1)
    write("quality", {name: figures[name] for name in PARTS if name in figures})


def run(part: str, quick: bool, only: str) -> None:
    """Measure a part, print its table, and keep the rows."""
    show(tables.HEADS[part])
    for name, measure in PARTS[part](quick):
        rows = []
        for row in measure() if only in name else ():
            rows.append({"case": name, **row})
            show(tables.LINES[part](row))
            if not quick:
                keep(part, name, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a little of everything, nothing written")
    parser.add_argument("--part", choices=PARTS, help="one part only")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose name contains this")
    args = parser.parse_args()
    for part in PARTS if args.part is None else (args.part,):
        run(part, args.quick, args.only)


if __name__ == "__main__":
    main()
